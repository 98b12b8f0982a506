"""What is worked out in a shorter way says the same as the long way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds_service.clinical.ordered import Extent, OrderedBag
from cds_service.clinical.profiles import PROFILES, Profile, RegimenName
from cds_service.clinical.quantity import Analyte, Bounded
from cds_service.clinical.regimen_fit import best_fit
from cds_service.clinical.regimens import REGIMENS
from cds_service.clinical.ruleset import SHIPPED
from tests.clinical.facts_builders import alt, chart, inr, level


@pytest.mark.parametrize("name", SHIPPED.thresholds)
def test_a_number_reaches_a_threshold_as_a_reported_value_does(name: str) -> None:
    threshold = SHIPPED.thresholds[name]
    near = [threshold.value * (1 + off) for off in (-0.5, -1e-6, -1e-10, 0, 1e-10, 1e-6, 0.5)]
    assert [threshold.reached_by_number(value) for value in near] == [
        threshold.reached_by(Bounded(value)) for value in near
    ]


def test_the_results_of_an_analyte_are_those_of_the_facts_at_hand() -> None:
    facts = chart(level(150, 2), alt(20, 3), inr(1.1, 3), level(80, 1))
    assert facts.of(Analyte.ACETAMINOPHEN) == tuple(r for r in facts.results if r.analyte is Analyte.ACETAMINOPHEN)
    assert {r.analyte for r in facts.of(Analyte.ALT, Analyte.INR)} == {Analyte.ALT, Analyte.INR}
    assert facts.of(Analyte.LACTATE) == ()
    fewer = replace(facts, results=facts.of(Analyte.INR))
    assert fewer.of(Analyte.ACETAMINOPHEN) == ()
    assert fewer.of(Analyte.INR) == fewer.results


@pytest.mark.parametrize("regimen", RegimenName)
@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
@pytest.mark.parametrize("is_numbered", [True, False])
def test_the_bags_of_another_regimen_are_still_found(regimen: RegimenName, profile: Profile, is_numbered: bool) -> None:  # noqa: FBT001 - a row of the table
    bags = [
        OrderedBag(
            reference=f"MedicationRequest/{number}",
            number=number if is_numbered else None,
            dose_mg=Extent.exactly(recipe.mg_per_kg * 70),
            duration_h=Extent.exactly(recipe.duration_h),
            diluent_ml=Extent.exactly(recipe.diluent_from_41_kg_ml),
        )
        for number, recipe in enumerate(REGIMENS[regimen].recipes, start=1)
    ]
    assert best_fit(bags, profile, 70).regimen is regimen
