"""Overlays: whom to call and what to mind."""

from __future__ import annotations

import pytest

from cds_service.clinical.facts import Intent, Problem, Route
from cds_service.clinical.findings import Category, Overlay
from cds_service.clinical.quantity import Analyte
from tests.clinical.facts_builders import (
    ADULT_BIRTH,
    Fact,
    alt,
    assessed,
    born_years_ago,
    coingestant,
    course,
    given,
    has,
    level,
    overdose,
    result,
    unstated_overdose,
    weighs,
)

ABOVE = (overdose(9), level(80), alt(20, 0.1), weighs(70))


@pytest.mark.parametrize(
    ("facts", "overlay", "says"),
    [
        ((*ABOVE, has(Problem.NAC_REACTION)), Overlay.ALLERGY, "treatment is not withheld"),
        ((*ABOVE, has(Problem.ASTHMA)), Overlay.ALLERGY, "asthma"),
        ((*ABOVE, has(Problem.NAC_REACTION)), Overlay.CONSULT, "previous reaction to acetylcysteine"),
        ((*ABOVE, has(Problem.PREGNANCY)), Overlay.CONSULT, "pregnancy"),
        ((*ABOVE, has(Problem.DIALYSIS)), Overlay.CONSULT, "dialysis"),
        ((*ABOVE, coingestant()), Overlay.CONSULT, "delaying co-ingestant"),
        ((*ABOVE, given(15, 9, route=Route.INTRAVENOUS)), Overlay.CONSULT, "intravenous acetaminophen"),
        ((overdose(None), level(5), alt(60)), Overlay.CONSULT, "unknown time or repeated"),
        ((course(8, (72, 1)), level(5, 0.5), alt(60)), Overlay.CONSULT, "unknown time or repeated"),
        ((has(Problem.ACUTE_LIVER_FAILURE), overdose(40)), Overlay.CONSULT, "acute liver failure"),
        ((*ABOVE, result(Analyte.BILIRUBIN, 10.1)), Overlay.ASSAY_BILIRUBIN, "bilirubin 10.1 mg/dL"),
        ((overdose(9, intent=Intent.SELF_HARM), level(80)), Overlay.PSYCHOSOCIAL, "intentional"),
        ((*ABOVE, has(Problem.SELF_HARM)), Overlay.PSYCHOSOCIAL, "intentional"),
        ((overdose(9), level(80)), Overlay.WEIGHT, "no dated body weight"),
    ],
)
def test_an_overlay_with_its_reason(facts: tuple[Fact, ...], overlay: Overlay, says: str) -> None:
    found = assessed(*facts)
    assert overlay in found.overlays
    assert any(says in reason for reason in found.overlay_reasons[overlay])


def test_none_of_them_without_a_reason() -> None:
    assert assessed(*ABOVE).overlays == frozenset()


@pytest.mark.parametrize(("years", "consulted"), [(5.9, True), (6.1, False)])
def test_under_six(years: float, *, consulted: bool) -> None:
    found = assessed(overdose(9), level(80), weighs(41), born=born_years_ago(years))
    assert (Overlay.CONSULT in found.overlays) is consulted


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param((result(Analyte.BILIRUBIN, 10),), id="10"),
        pytest.param((result(Analyte.BILIRUBIN, 12, 170),), id="older-than-the-episode"),
        pytest.param((result(Analyte.BILIRUBIN, None),), id="unreadable"),
        pytest.param((result(Analyte.BILIRUBIN, 12), result(Analyte.BILIRUBIN, 5, 0.5)), id="newest-counts"),
    ],
)
def test_bilirubin_that_is_not_flagged(facts: tuple[Fact, ...]) -> None:
    assert Overlay.ASSAY_BILIRUBIN not in assessed(*ABOVE, *facts).overlays


def test_bilirubin_is_flagged_beside_a_level_and_suppresses_nothing() -> None:
    bilirubin = result(Analyte.BILIRUBIN, 15)
    assert assessed(*ABOVE, bilirubin).category is Category.INDICATED
    assert Overlay.ASSAY_BILIRUBIN not in assessed(overdose(9), bilirubin).overlays
    assert Overlay.ASSAY_BILIRUBIN not in assessed(overdose(9), level(None), bilirubin).overlays


def test_no_overlays_outside_the_population() -> None:
    assert assessed(has(Problem.ASTHMA), born=ADULT_BIRTH).overlays == frozenset()


def test_an_unstated_drug_with_raised_enzymes_is_a_case_for_a_toxicologist() -> None:
    assert Overlay.CONSULT in assessed(unstated_overdose(None), level(9), alt(60)).overlays
