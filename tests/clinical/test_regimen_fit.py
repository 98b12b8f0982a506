"""Ordered bags against a recipe: every way to state a dose or a volume, and the review without age or weight."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from cds_service.clinical.assess import assess
from cds_service.clinical.facts import DrugOrder, OrderedSubstance, Route
from cds_service.clinical.findings import Verdict
from cds_service.clinical.order_review import REVIEW_RULES, as_rule
from cds_service.clinical.ordered import Extent, OrderedBag
from cds_service.clinical.profiles import US_2023, RegimenName
from cds_service.clinical.regimen_fit import Body, ordered_diluent_ml, stated_doses
from cds_service.clinical.regimens import REGIMENS
from tests.clinical.facts_builders import NOW, alt, case_of, chart, level, overdose, weighs

if TYPE_CHECKING:
    from cds_service.clinical.order_review import DoseReview, ReviewRule

ADULT = Body(70, 70)
LOADING = REGIMENS[RegimenName.THREE_BAG].recipes[0]


def one(value: float) -> Extent:
    return Extent.exactly(value)


@pytest.mark.parametrize(
    ("bag", "words", "times"),
    [
        pytest.param({"dose_mg": one(10_500)}, "10,500 mg", 1.0, id="mg"),
        pytest.param({"dose_mg": one(105_000)}, "105,000 mg", 10.0, id="tenfold"),
        pytest.param({"rate_mg_h": one(10_500)}, "10,500 mg/h", 1.0, id="mg-an-hour-for-the-recipes-hour"),
        pytest.param({"rate_mg_h": one(5250), "duration_h": one(2)}, "5,250 mg/h", 1.0, id="mg-an-hour-for-two"),
        pytest.param({"dose_mg_kg": one(150)}, "150 mg/kg", 1.0, id="mg-per-kg"),
        pytest.param({"rate_mg_kg_h": one(150), "duration_h": one(4)}, "150 mg/kg/h", 4.0, id="per-kg-and-hour"),
    ],
)
def test_every_stated_dose_is_compared(bag: dict[str, Any], words: str, times: float) -> None:
    (stated,) = stated_doses(OrderedBag(reference="MedicationRequest/n", **bag), LOADING, ADULT)
    assert stated.words == words
    assert stated.times.high == pytest.approx(times)


@pytest.mark.parametrize(("cap_kg", "times"), [(None, 1.2), (110, 1.1), (100, 1.0), (80, 0.8), (130, 1.2)])
def test_a_dose_per_kg_counts_up_to_the_weight_the_order_names(cap_kg: float | None, times: float) -> None:
    """150 mg/kg for 120 kg, of whom the regimen doses 100."""
    bag = OrderedBag(reference="MedicationRequest/n", dose_mg_kg=one(150), cap_kg=cap_kg)
    (stated,) = stated_doses(bag, LOADING, Body(120, 100))
    assert stated.times.high == pytest.approx(times)


@pytest.mark.parametrize("bag", [{"dose_mg": one(10_500)}, {"rate_mg_h": one(10_500)}])
def test_without_a_weight_an_amount_cannot_be_compared(bag: dict[str, Any]) -> None:
    assert stated_doses(OrderedBag(reference="MedicationRequest/n", **bag), LOADING, Body(None, None)) == ()


@pytest.mark.parametrize(
    ("bag", "body", "diluent_ml"),
    [
        pytest.param({"diluent_ml": one(200)}, ADULT, 200, id="stated"),
        pytest.param({"diluent_ml_kg": one(3)}, Body(12, 12), 36, id="per-kg"),
        pytest.param({"diluent_ml_kg": one(3)}, Body(None, None), None, id="per-kg-without-a-weight"),
        # 10,500 mg of 200 mg/mL are 52.5 mL.
        pytest.param({"total_ml": one(252.5), "dose_mg": one(10_500)}, ADULT, 200, id="total-less-drug"),
        pytest.param({"total_ml": one(50), "dose_mg": one(10_500)}, ADULT, 50, id="total-under-the-drug"),
        pytest.param({"total_ml": one(250)}, ADULT, 250, id="total-without-a-dose"),
        pytest.param({}, ADULT, None, id="nothing"),
    ],
)
def test_the_diluent_as_ordered(bag: dict[str, Any], body: Body, diluent_ml: float | None) -> None:
    found = ordered_diluent_ml(OrderedBag(reference="MedicationRequest/n", **bag), body)
    assert found == (None if diluent_ml is None else one(diluent_ml))


def reviewed(bag: OrderedBag, *kg: float, born_known: bool = True) -> DoseReview:
    """The review of one ordered bag."""
    order = DrugOrder("MedicationRequest/n", "NAC", OrderedSubstance.ACETYLCYSTEINE, Route.INTRAVENOUS, bags=(bag,))
    facts = chart(overdose(9), level(120, 1), alt(20, 1), *[weighs(each) for each in kg])
    patient = facts.patient if born_known else replace(facts.patient, birth_date=None)
    found = assess(replace(facts, patient=patient, orders=(order,)), US_2023, NOW)
    assert found.dose_review is not None
    return found.dose_review


@pytest.mark.parametrize(("kg", "is_told"), [pytest.param(30, True, id="light"), pytest.param(70, False, id="heavy")])
def test_a_missing_diluent_matters_by_weight_when_the_age_is_not_known(kg: float, *, is_told: bool) -> None:
    bag = OrderedBag(reference="MedicationRequest/n", dose_mg=one(150 * kg), duration_h=one(1))
    assert reviewed(bag, kg, born_known=False).needs_card is is_told


def test_a_regimen_with_a_lowest_weight_cannot_be_judged_without_one() -> None:
    bag = OrderedBag(reference="MedicationRequest/n", dose_mg_kg=one(200), duration_h=one(4))
    verdicts = {judged.rule.id.partition("-")[0]: judged.finding.verdict for judged in reviewed(bag).judged}
    assert verdicts["F3"] is Verdict.UNKNOWN


@pytest.mark.parametrize("row", REVIEW_RULES, ids=lambda row: row.id)
def test_a_review_rule_needs_an_order(row: ReviewRule) -> None:
    assert as_rule(row).judge(case_of(chart())).verdict is Verdict.NOT_MET
