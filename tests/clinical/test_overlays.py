"""Overlays: whom to call and what to mind."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given as drawn_from
from hypothesis import settings
from hypothesis import strategies as st

from cds_service.clinical.assess import assess
from cds_service.clinical.evidence import ALL_EVIDENCE
from cds_service.clinical.facts import DrugOrder, Intent, NacSource, OrderedSubstance, PatientFacts, Problem, Route
from cds_service.clinical.findings import Category, Overlay
from cds_service.clinical.overlays import OVERLAYS, OverlayRule
from cds_service.clinical.profiles import US_2023, AllergyPolicy
from cds_service.clinical.quantity import Analyte
from tests.clinical.facts_builders import (
    ADULT_BIRTH,
    NOW,
    Fact,
    alert,
    alt,
    assessed,
    born_years_ago,
    case_of,
    charcoal,
    chart,
    coingestant,
    course,
    given,
    has,
    infused,
    level,
    nac,
    order,
    overdose,
    result,
    unstated_overdose,
    weighs,
)

ABOVE = (overdose(9), level(80), alt(20, 0.1), weighs(70))
RUNNING = infused(10_500, 0.5, -0.5, "in-progress")
ORAL_NAC = nac(NacSource.ADMINISTRATION, "completed", 1, route=Route.ORAL)
CHARCOAL_ORDER = replace(order(OrderedSubstance.OTHER, Route.ORAL), name="activated charcoal", is_charcoal=True)
SICK = (has(Problem.ENCEPHALOPATHY), result(Analyte.ARTERIAL_PH, 7.29), result(Analyte.LACTATE, 2.1))


@pytest.mark.parametrize("problem", [Problem.NAC_REACTION, Problem.ASTHMA])
@pytest.mark.parametrize(
    ("policy", "says", "asthma_consults"),
    [
        (AllergyPolicy.SLOWER_FIRST_BAG, "slower first bag, be ready to treat anaphylaxis", False),
        (AllergyPolicy.CONSULT_FIRST, "toxicologist now, before the first bag and without delaying it", True),
    ],
)
def test_the_allergy_policy_words_the_advice_and_keeps_the_treatment(
    problem: Problem, policy: AllergyPolicy, says: str, *, asthma_consults: bool
) -> None:
    found = assessed(*ABOVE, has(problem), profile=replace(US_2023, allergy_policy=policy))
    assert found.category is Category.INDICATED
    (words,) = found.overlay_reasons[Overlay.ALLERGY]
    assert says in words
    assert "treatment is not withheld" in words
    assert (Overlay.CONSULT in found.overlays) is (problem is Problem.NAC_REACTION or asthma_consults)


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
        ((*ABOVE, has(Problem.FLUID_RESTRICTION)), Overlay.FLUID, "the dose in mg stays"),
        ((overdose(9), level(80), weighs(39)), Overlay.FLUID, "below 40 kg"),
        ((overdose(9), level(80, 5), weighs(39), RUNNING), Overlay.FLUID, "below 40 kg"),
        ((*ABOVE, ORAL_NAC, charcoal()), Overlay.CHARCOAL, "up to 96 %"),
        ((*ABOVE, ORAL_NAC, charcoal(None)), Overlay.CHARCOAL, "prefer the intravenous route"),
        ((*ABOVE, order(route=Route.ORAL), charcoal()), Overlay.CHARCOAL, "activated charcoal"),
        ((*ABOVE, ORAL_NAC, CHARCOAL_ORDER), Overlay.CHARCOAL, "charted or about to be ordered"),
        ((*ABOVE, order(route=Route.ORAL), CHARCOAL_ORDER), Overlay.CHARCOAL, "charted or about to be ordered"),
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


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param((ORAL_NAC, charcoal(25)), id="charcoal-long-ago"),
        pytest.param((nac(NacSource.ADMINISTRATION, "completed", 25, route=Route.ORAL), charcoal()), id="nac-long-ago"),
        pytest.param((nac(NacSource.REQUEST, "stopped", 1, route=Route.ORAL), charcoal()), id="oral-order-stopped"),
        pytest.param((nac(NacSource.ADMINISTRATION, "stopped", 1), charcoal()), id="intravenous"),
        pytest.param((ORAL_NAC,), id="no-charcoal"),
        pytest.param((CHARCOAL_ORDER,), id="only-charcoal-ordered"),
        pytest.param((CHARCOAL_ORDER, order()), id="charcoal-and-intravenous-ordered"),
        pytest.param((ORAL_NAC, order(OrderedSubstance.OTHER, Route.ORAL)), id="another-order"),
        pytest.param((charcoal(),), id="no-oral-acetylcysteine"),
    ],
)
def test_charcoal_that_does_not_matter(facts: tuple[Fact, ...]) -> None:
    assert Overlay.CHARCOAL not in assessed(*ABOVE, *facts).overlays


def test_the_volume_is_no_matter_where_nothing_is_infused() -> None:
    harmless = (overdose(9), level(20), alt(20, 0.1), has(Problem.FLUID_RESTRICTION), weighs(30))
    found = assessed(*harmless)
    assert found.category is Category.NOT_INDICATED
    assert Overlay.FLUID not in found.overlays


@pytest.mark.parametrize(
    ("mg_l", "facts", "advised"),
    [
        pytest.param(1000, (alert(),), False, id="1000-untreated"),
        pytest.param(1001, (alert(),), True, id="1001-untreated"),
        pytest.param(1001, (alert(), nac(NacSource.REQUEST, "active", 0.5)), True, id="1001-only-ordered"),
        pytest.param(1001, (alert(), RUNNING), False, id="1001-treated-and-well"),
        pytest.param(700, SICK, False, id="700-untreated-sick"),
        pytest.param(701, SICK, True, id="701-untreated-sick"),
        pytest.param(701, (*SICK, RUNNING), False, id="701-treated-sick"),
        pytest.param(900, (*SICK, RUNNING), False, id="900-treated-sick"),
        pytest.param(901, (*SICK, RUNNING), True, id="901-treated-sick"),
        pytest.param(1001, (alert(), infused(21_000, 50, 25)), True, id="1001-course-long-over"),
        pytest.param(1001, (alert(), infused(21_000, 50, 23)), False, id="1001-course-just-over"),
        pytest.param(">901", (*SICK, RUNNING), True, id="lower-bound"),
        pytest.param(800, (*SICK[:2], result(Analyte.LACTATE, 2.0)), False, id="lactate-at-the-limit"),
        pytest.param(800, (SICK[0], result(Analyte.ARTERIAL_PH, 7.3), SICK[2]), False, id="ph-at-the-limit"),
        pytest.param(800, (alert(), *SICK[1:]), False, id="alert"),
        pytest.param(800, (has(Problem.ALTERED_MENTAL_STATUS), *SICK[1:]), True, id="altered-of-any-cause"),
        pytest.param(None, SICK, False, id="unreadable"),
    ],
)
def test_extracorporeal_treatment(mg_l: float | str | None, facts: tuple[Fact, ...], *, advised: bool) -> None:
    found = assessed(overdose(60), level(mg_l), weighs(70), *facts)
    assert (Overlay.ECTR in found.overlays) is advised
    if advised:
        assert Overlay.CONSULT in found.overlays


@pytest.mark.parametrize("known", [(), SICK[:1], SICK[1:], SICK[::2]])
def test_signs_that_are_not_known_are_asked_for(known: tuple[Fact, ...]) -> None:
    found = assessed(overdose(9), level(800), weighs(70), *known)
    assert Overlay.ECTR not in found.overlays
    assert any("extracorporeal treatment depends on" in reason for reason in found.overlay_reasons[Overlay.CONSULT])


def test_a_level_that_has_come_down_needs_no_extracorporeal_treatment() -> None:
    assert Overlay.ECTR not in assessed(overdose(30), level(1100, 25), level(200, 1), weighs(70), *SICK).overlays


@pytest.mark.parametrize("row", OVERLAYS, ids=[row.id for row in OVERLAYS])
def test_every_row_has_its_sources_and_says_nothing_of_an_empty_chart(row: OverlayRule) -> None:
    assert row.overlays
    assert row.evidence
    assert set(row.evidence) <= set(ALL_EVIDENCE)
    assert row.id == row.id[0] + row.id[1:].lower()
    assert not row.judge(case_of(chart()), None).is_met


def test_ids_of_rows_are_unique() -> None:
    assert len({row.id for row in OVERLAYS}) == len(OVERLAYS)


EXTRAS: tuple[Fact, ...] = (
    has(Problem.ASTHMA),
    has(Problem.NAC_REACTION),
    has(Problem.PREGNANCY),
    has(Problem.DIALYSIS),
    has(Problem.FLUID_RESTRICTION),
    charcoal(),
    ORAL_NAC,
    result(Analyte.BILIRUBIN, 20),
    result(Analyte.LACTATE, 9),
)


def _category(*facts: Fact) -> Category | None:
    made: PatientFacts = chart(*facts)
    return assess(made, US_2023, NOW).category


@settings(max_examples=150, deadline=None, derandomize=True)
@drawn_from(
    st.sampled_from([4.0, 60.0, 80.0, 705.0, 1001.0, None]),
    st.sampled_from([20.0, 60.0, 1200.0, None]),
    st.sampled_from([1, 5, 9, 30]),
    st.booleans(),
    st.sets(st.sampled_from(range(len(EXTRAS)))),
)
def test_overlays_never_change_the_category(
    mg_l: float | None,
    u_l: float | None,
    ago: int,
    running: bool,  # noqa: FBT001 -- drawn
    chosen: set[int],
) -> None:
    base: tuple[Fact, ...] = (
        overdose(ago),
        level(mg_l, 0.5),
        alt(u_l, 0.5),
        weighs(70),
        *((RUNNING,) if running else ()),
    )
    assert _category(*base, *(EXTRAS[n] for n in sorted(chosen))) is _category(*base)


@pytest.mark.parametrize(
    ("selected", "unselected"),
    [(CHARCOAL_ORDER, order(route=Route.ORAL)), (order(route=Route.ORAL), CHARCOAL_ORDER)],
)
def test_charcoal_meets_oral_acetylcysteine_among_all_drafts(selected: DrugOrder, unselected: DrugOrder) -> None:
    facts = replace(chart(*ABOVE, selected), unselected=(unselected,))
    assert Overlay.CHARCOAL in assess(facts, US_2023, NOW).overlays
    assert Overlay.CHARCOAL not in assess(replace(facts, orders=()), US_2023, NOW).overlays


def test_a_level_from_the_future_does_not_hide_the_newest_one() -> None:
    found = assessed(overdose(6), level(1001, 1), level(40, -3), weighs(70))
    assert Overlay.ECTR in found.overlays
