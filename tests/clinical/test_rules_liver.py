"""Rules A and D: the injured and the failing liver."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds_service.clinical.facts import DataGap, GapKind, Intent, Problem
from cds_service.clinical.findings import Category, Overlay, Test, Verdict
from cds_service.clinical.liver import EnzymeState
from cds_service.clinical.profiles import US_2023, NonApapAlf
from cds_service.clinical.quantity import Analyte
from tests.clinical.facts_builders import (
    Ago,
    Fact,
    alert,
    alt,
    amount,
    assessed,
    ast,
    case_of,
    chart,
    course,
    finding,
    has,
    hours_ago,
    inr,
    level,
    outcome,
    overdose,
    result,
    rules_met,
    unstated_overdose,
    verdict,
)

MET, NOT_MET, UNKNOWN = Verdict.MET, Verdict.NOT_MET, Verdict.UNKNOWN
INDICATED, CONSIDER, DATA_NEEDED = Category.INDICATED, Category.CONSIDER, Category.DATA_NEEDED

FAILING = has(Problem.ACUTE_LIVER_FAILURE)
CONFUSED = has(Problem.ENCEPHALOPATHY)
CIRRHOSIS = has(Problem.CIRRHOSIS, 9000)
VIRAL = has(Problem.OTHER_LIVER_CAUSE)
TWO_YEARS_H = 2 * 8766
OLD_OVERDOSE = overdose(TWO_YEARS_H, charted=TWO_YEARS_H)


CHEMISTRY = (result(Analyte.CREATININE, 1.0), result(Analyte.LACTATE, 1.0), result(Analyte.PHOSPHATE, 3.0))


@pytest.mark.parametrize(
    ("facts", "asks"),
    [
        pytest.param((FAILING, overdose(100)), True, id="failure"),
        pytest.param((alt(1001), overdose(40)), True, id="hepatotoxicity"),
        pytest.param((alt(1001), overdose(40), *CHEMISTRY), False, id="all-known"),
        pytest.param((alt(1001), overdose(40), *CHEMISTRY[:2]), True, id="phosphate-missing"),
        pytest.param((alt(1000), overdose(40)), False, id="no-hepatotoxicity"),
    ],
)
def test_an_injured_liver_asks_how_far_it_fails(facts: tuple[Fact, ...], *, asks: bool) -> None:
    found = assessed(*facts)
    assert found.category is INDICATED
    assert (Test.INJURY in {ask.test for ask in found.asks}) is asks


@pytest.mark.parametrize(("facts", "rule"), [((FAILING, overdose(100)), "A1"), ((alt(1001), overdose(40)), "A2")])
def test_an_injured_liver_asks_for_the_inr_nobody_has_drawn(facts: tuple[Fact, ...], rule: str) -> None:
    assert Test.INR in {ask.test for ask in finding(assessed(*facts), rule).asks}
    assert Test.INR not in {ask.test for ask in finding(assessed(*facts, inr(1.2)), rule).asks}


# --- A1 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param((FAILING, overdose(100)), MET, id="charted-days-after-ingestion"),
        pytest.param((FAILING, level(10)), MET, id="detectable-level"),
        pytest.param((FAILING, course(8, (72, 1))), MET, id="repeated-ingestion"),
        pytest.param((FAILING, course(2, (90, 1))), MET, id="therapeutic-use"),
        pytest.param((FAILING, OLD_OVERDOSE), MET, id="history"),
        pytest.param((FAILING, level(9.9)), NOT_MET, id="undetectable"),
        pytest.param((FAILING, unstated_overdose(9), level(5)), NOT_MET, id="unstated-drug-and-undetectable"),
        pytest.param((FAILING,), UNKNOWN, id="no-level"),
        pytest.param((FAILING, level(None)), UNKNOWN, id="unreadable-level"),
        pytest.param((FAILING, level("<20")), UNKNOWN, id="a-limit-over-10"),
        pytest.param((inr(1.5), CONFUSED, overdose(40)), MET, id="inr-1.5-with-encephalopathy"),
        pytest.param((inr(1.49), CONFUSED, overdose(40)), NOT_MET, id="inr-1.49"),
        pytest.param((inr(">1.4"), CONFUSED, overdose(40)), UNKNOWN, id="inr-over-1.4"),
        pytest.param((inr(2.0), CONFUSED, CIRRHOSIS, overdose(40)), NOT_MET, id="cirrhosis"),
        pytest.param((inr(2.0), overdose(40)), NOT_MET, id="no-encephalopathy"),
        pytest.param((CONFUSED, overdose(40)), UNKNOWN, id="encephalopathy-without-inr"),
        pytest.param((CONFUSED, inr(None), overdose(40)), UNKNOWN, id="encephalopathy-with-unreadable-inr"),
        pytest.param((CONFUSED, inr(1.0, 60), overdose(40)), UNKNOWN, id="inr-from-before-the-ingestion"),
        pytest.param((CONFUSED, inr(1.0, -9), overdose(40)), UNKNOWN, id="inr-from-the-future"),
        pytest.param((CONFUSED, inr(2.0, 200), overdose(40)), UNKNOWN, id="inr-older-than-the-episode"),
        pytest.param(
            (inr(2.0), has(Problem.ENCEPHALOPATHY, 5000), overdose(40)), NOT_MET, id="encephalopathy-long-ago"
        ),
        pytest.param((has(Problem.ACUTE_LIVER_FAILURE, None), overdose(40)), MET, id="undated-alf"),
    ],
)
def test_a1(facts: tuple[Fact, ...], expected: Verdict) -> None:
    found = assessed(*facts)
    assert finding(found, "A1").verdict is expected
    if expected is MET:
        assert found.category is INDICATED
        assert found.overlays >= {Overlay.TRANSPLANT, Overlay.CONSULT}


def test_encephalopathy_without_an_inr_keeps_not_indicated_from_being_said() -> None:
    below = (overdose(9), level(40), alt(20, 0.1))
    assert outcome(*below) is Category.NOT_INDICATED
    assert outcome(*below, CONFUSED) is DATA_NEEDED
    assert outcome(*below, CONFUSED, inr(1.1)) is Category.NOT_INDICATED


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ((FAILING, level(40)), "acetaminophen 40 mg/L was detected"),
        ((FAILING, level(12, 3), level(40, 2), level(None, 1)), "acetaminophen 40 mg/L was detected"),
        ((FAILING, overdose(40)), "an acetaminophen exposure is charted in this episode"),
        ((FAILING, course(2, (90, 1))), "use of acetaminophen is charted"),
        ((FAILING, OLD_OVERDOSE), "as history"),
        ((inr(2.1), CONFUSED, overdose(40)), "INR 2.1 with encephalopathy"),
    ],
)
def test_a1_says_how_it_is_known(facts: tuple[Fact, ...], says: str) -> None:
    assert says in finding(assessed(*facts), "A1").because


# --- A2 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param((overdose(40), alt(1000)), NOT_MET, id="alt-1000"),
        pytest.param((overdose(40), alt(1001)), MET, id="alt-1001"),
        pytest.param((overdose(40), ast(1001)), MET, id="ast-1001"),
        pytest.param((overdose(40), ast(">1000")), MET, id="ast-over-1000"),
        pytest.param((overdose(40), ast(">900")), UNKNOWN, id="ast-over-900"),
        pytest.param((overdose(40), alt(1450), level("<10")), MET, id="undetectable-level"),
        pytest.param((course(2, (90, 1)), alt(1450)), MET, id="therapeutic-use"),
        pytest.param((OLD_OVERDOSE, alt(1450)), MET, id="history"),
        pytest.param((level(12), alt(1450)), MET, id="detectable-level"),
        pytest.param((alt(1450),), NOT_MET, id="no-acetaminophen"),
        pytest.param((overdose(40),), UNKNOWN, id="no-enzymes"),
        pytest.param((overdose(40), alt(None)), UNKNOWN, id="unreadable"),
    ],
)
def test_a2(facts: tuple[Fact, ...], expected: Verdict) -> None:
    found = assessed(*facts)
    assert finding(found, "A2").verdict is expected
    assert expected is not MET or found.category is INDICATED


JAUNDICE_CHARTED_30_H_AGO = has(Problem.JAUNDICE, None, recorded_at=hours_ago(30))

# --- A3 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param((has(Problem.RIGHT_UPPER_QUADRANT_PAIN), overdose(30)), MET, id="pain"),
        pytest.param((has(Problem.JAUNDICE), overdose(30)), MET, id="jaundice"),
        pytest.param((has(Problem.PERSISTENT_VOMITING), overdose(30)), MET, id="vomiting"),
        pytest.param((has(Problem.JAUNDICE, None), overdose(30)), MET, id="undated"),
        pytest.param((has(Problem.JAUNDICE, 400), overdose(30)), NOT_MET, id="weeks-ago"),
        pytest.param((has(Problem.JAUNDICE, 400), overdose(None)), NOT_MET, id="weeks-ago-and-time-unknown"),
        pytest.param((has(Problem.JAUNDICE, 31), overdose(30)), NOT_MET, id="before-the-ingestion"),
        pytest.param((has(Problem.JAUNDICE, 31), overdose(None)), MET, id="31-h-ago-and-time-unknown"),
        pytest.param((has(Problem.JAUNDICE, 30), overdose(30)), MET, id="with-the-ingestion"),
        pytest.param((JAUNDICE_CHARTED_30_H_AGO, overdose(30)), MET, id="charted-with-the-ingestion"),
        pytest.param((JAUNDICE_CHARTED_30_H_AGO, overdose(29.9)), NOT_MET, id="charted-before-the-ingestion"),
        pytest.param(
            (has(Problem.JAUNDICE), overdose(30, intent=Intent.ACCIDENTAL), amount(2)), NOT_MET, id="2-g-by-accident"
        ),
        pytest.param(
            (has(Problem.JAUNDICE), overdose(30, intent=Intent.ACCIDENTAL)), MET, id="unknown-amount-by-accident"
        ),
        pytest.param((has(Problem.JAUNDICE),), NOT_MET, id="no-exposure"),
        pytest.param((has(Problem.JAUNDICE), unstated_overdose(30)), NOT_MET, id="an-unstated-drug"),
    ],
)
def test_a3(facts: tuple[Fact, ...], expected: Verdict) -> None:
    assert verdict("A3", *facts) is expected


def test_a3_names_every_sign() -> None:
    signs = (has(Problem.PERSISTENT_VOMITING), has(Problem.JAUNDICE))
    said = finding(assessed(overdose(30), *signs), "A3").because
    assert said.startswith("jaundice, persistent vomiting after an exposure")


# --- A4 -------------------------------------------------------------------------------------------


def ph(value: float | str) -> Fact:
    return result(Analyte.ARTERIAL_PH, value)


def creatinine(value: float | str | None) -> Fact:
    return result(Analyte.CREATININE, value)


def lactate(value: float) -> Fact:
    return result(Analyte.LACTATE, value)


GRADE_3 = replace(CONFUSED, grade=3)
GRADE_2 = replace(CONFUSED, grade=2)
ALL_THREE = (inr(6.6), creatinine(3.5), GRADE_3)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param((ph(7.29),), MET, id="ph-7.29"),
        pytest.param((ph(7.30),), NOT_MET, id="ph-7.30"),
        pytest.param(ALL_THREE, MET, id="all-three"),
        pytest.param((inr(6.5), creatinine(3.5), GRADE_3), UNKNOWN, id="inr-6.5"),
        pytest.param((inr(6.6), creatinine(3.4), GRADE_3), UNKNOWN, id="creatinine-3.4"),
        pytest.param((inr(6.6), creatinine(3.5), GRADE_2), UNKNOWN, id="grade-2"),
        pytest.param((inr(6.6), creatinine(3.5), CONFUSED), UNKNOWN, id="no-grade"),
        pytest.param((inr(6.6), creatinine(3.5), alert()), NOT_MET, id="alert"),
        pytest.param((inr(6.6), creatinine(3.5)), NOT_MET, id="two-of-three"),
        pytest.param((inr(6.6), creatinine(3.5), GRADE_2, replace(GRADE_3, reference="Condition/g3")), MET, id="worse"),
        pytest.param((lactate(3.6), alt(90)), MET, id="lactate-3.6"),
        pytest.param((lactate(3.5), alt(90)), NOT_MET, id="lactate-3.5"),
        pytest.param((lactate(3.6),), NOT_MET, id="lactate-without-liver-injury"),
        pytest.param((lactate(3.6), inr(1.6)), MET, id="lactate-with-raised-inr"),
        pytest.param((lactate(3.2), alt(1200)), UNKNOWN, id="lactate-3.2-counts-after-fluids"),
        pytest.param((alt(1200), ph(7.4), lactate(2.0), inr(1.0)), NOT_MET, id="all-known-and-good"),
        pytest.param((alt(1200), ph(7.4), lactate(2.0), inr(6.6), creatinine(3.5), alert()), NOT_MET, id="alert-too"),
        pytest.param((alt(1200), ph(7.4), lactate(2.0), inr(6.6), creatinine(3.5)), UNKNOWN, id="mind-not-charted"),
        pytest.param((result(Analyte.PHOSPHATE, 3.8, 2), alt(90)), MET, id="phosphate-3.8-at-58-h"),
        pytest.param((result(Analyte.PHOSPHATE, 3.75, 2), alt(90)), NOT_MET, id="phosphate-3.75"),
        pytest.param((result(Analyte.PHOSPHATE, 3.8, 13), alt(90)), NOT_MET, id="phosphate-at-47-h"),
        pytest.param((result(Analyte.PHOSPHATE, 3.8, 12), alt(90)), MET, id="phosphate-at-48-h"),
        pytest.param((result(Analyte.PHOSPHATE, None), alt(90)), NOT_MET, id="phosphate-unreadable"),
        pytest.param((result(Analyte.ARTERIAL_PH, 7.1, 200),), NOT_MET, id="ph-older-than-the-episode"),
        pytest.param((), NOT_MET, id="nothing-known"),
    ],
)
def test_kings_college(facts: tuple[Fact, ...], expected: Verdict) -> None:
    """Ingestion 60 h before NOW."""
    found = assessed(overdose(60), *facts)
    assert finding(found, "A4").verdict is expected
    assert (Overlay.TRANSPLANT in found.overlays) is ("A1" in rules_met(found) or expected is MET)


def test_kings_college_names_the_lactate() -> None:
    assert "lactate 3.6 mmol/L (modified" in finding(assessed(overdose(60), lactate(3.6), alt(90)), "A4").because


def test_kings_college_names_every_criterion_that_is_met() -> None:
    said = finding(assessed(overdose(60), ph(7.29), lactate(3.6), alt(90)), "A4").because
    assert said == ("arterial pH 7.29 (counts if after fluid resuscitation); lactate 3.6 mmol/L (modified criterion)")


def test_kings_college_is_about_acetaminophen() -> None:
    assert verdict("A4", *ALL_THREE) is NOT_MET


def test_phosphate_needs_a_time_of_ingestion_and_of_sampling() -> None:
    assert verdict("A4", overdose(None), result(Analyte.PHOSPHATE, 5, 2), alt(90)) is NOT_MET
    assert verdict("A4", overdose(60), result(Analyte.PHOSPHATE, 5, None), alt(90)) is NOT_MET
    assert verdict("A4", overdose(100), result(Analyte.PHOSPHATE, 5, 4), alt(90)) is MET
    assert verdict("A4", overdose(100), result(Analyte.PHOSPHATE, 5, 3.9), alt(90)) is NOT_MET


# --- A5 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param((inr(1.5), alt(41)), MET, id="both-raised"),
        pytest.param((inr(1.49), alt(41)), NOT_MET, id="inr-1.49"),
        pytest.param((inr(1.5), alt(40)), NOT_MET, id="alt-40"),
        pytest.param((inr(1.5), alt(41), alert()), NOT_MET, id="alert"),
        pytest.param((inr(1.5), alt(41), alert(60)), MET, id="alert-before-the-ingestion"),
        pytest.param((inr(1.5), alt(41), alert(None)), MET, id="alert-at-an-unknown-time"),
        pytest.param((inr(1.5), alt(41), CONFUSED), NOT_MET, id="encephalopathy"),
        pytest.param((inr(1.5),), UNKNOWN, id="no-enzymes"),
        pytest.param((alt(41),), UNKNOWN, id="no-inr"),
        pytest.param((), UNKNOWN, id="neither"),
    ],
)
def test_a5(facts: tuple[Fact, ...], expected: Verdict) -> None:
    found = assessed(overdose(40), level(5, 35), *facts)
    said = finding(found, "A5")
    assert said.verdict is expected
    if expected is MET:
        assert Test.MENTAL_STATUS in {ask.test for ask in found.asks}
        assert "warfarin" in said.because


@pytest.mark.parametrize(
    ("facts", "missing"),
    [((inr(1.5),), ("AST and ALT",)), ((alt(41),), ("INR",)), ((), ("INR", "AST and ALT"))],
)
def test_a5_names_what_is_missing(facts: tuple[Fact, ...], missing: tuple[str, ...]) -> None:
    assert finding(assessed(overdose(40), *facts), "A5").missing == missing


# --- D --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "rule", "expected"),
    [
        pytest.param((FAILING, VIRAL), "D1", CONSIDER, id="another-cause"),
        pytest.param((FAILING, VIRAL, level(5)), "D1", CONSIDER, id="another-cause-undetectable"),
        pytest.param((FAILING, VIRAL, level(10)), "A1", INDICATED, id="another-cause-but-detectable"),
        pytest.param((FAILING, VIRAL, OLD_OVERDOSE), "A1", INDICATED, id="another-cause-but-history"),
        pytest.param((FAILING,), "D2", CONSIDER, id="no-cause"),
        pytest.param((inr(1.5), CONFUSED), "D2", CONSIDER, id="no-cause-by-inr"),
        pytest.param((alt(300),), "D3", None, id="injury-alone"),
        pytest.param((VIRAL,), None, None, id="a-cause-without-failure"),
        pytest.param((CONFUSED,), None, None, id="encephalopathy-alone"),
    ],
)
def test_failure_without_acetaminophen(facts: tuple[Fact, ...], rule: str | None, expected: Category | None) -> None:
    found = assessed(*facts)
    assert found.category is expected
    assert rules_met(found) & {"A1", "D1", "D2", "D3"} == ({rule} if rule else set())


def test_d1_shows_both_guidelines_or_only_the_stricter() -> None:
    said = finding(assessed(FAILING, VIRAL), "D1").because
    assert "AGA 2017" in said
    assert "ACG 2023" in said
    assert outcome(FAILING, VIRAL, profile=replace(US_2023, nonapap_alf=NonApapAlf.TRIAL_ONLY)) is Category.CAUTION


@pytest.mark.parametrize(("u_l", "suspicious"), [(3500, False), (3501, True)])
def test_d2_is_suspicious_above_3500(u_l: float, *, suspicious: bool) -> None:
    said = finding(assessed(FAILING, alt(u_l)), "D2").because
    assert ("suspicion" in said) is suspicious
    assert said.endswith("no cause is established") is not suspicious


def test_d_rules_are_open_while_the_inr_is_missing() -> None:
    found = assessed(CONFUSED)
    assert finding(found, "D1").verdict is UNKNOWN
    assert finding(found, "D2").verdict is UNKNOWN


def test_a_missing_level_is_asked_for_in_liver_failure() -> None:
    assert Test.ACETAMINOPHEN in {ask.test for ask in assessed(FAILING).asks}
    assert Test.ACETAMINOPHEN not in {ask.test for ask in assessed(FAILING, level(5)).asks}
    assert [ask.test for ask in finding(assessed(FAILING), "D2").asks] == [Test.ACETAMINOPHEN]
    assert [ask.test for ask in finding(assessed(FAILING, VIRAL), "D1").asks] == [Test.ACETAMINOPHEN]
    assert [ask.test for ask in finding(assessed(FAILING), "A1").asks] == [Test.ACETAMINOPHEN]
    assert finding(assessed(FAILING, level(5)), "D2").asks == ()


def test_d3_is_silent_about_acetaminophen_injury() -> None:
    assert verdict("D3", overdose(30), alt(300)) is NOT_MET
    assert verdict("D3", FAILING, alt(300)) is NOT_MET


def test_peak_is_the_highest_of_the_episode() -> None:
    found = assessed(overdose(60), alt(1450, 20), alt(300, 1))
    assert "ALT 1450 U/L" in finding(found, "A2").because


# --- results from the future ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("analyte", "before", "after", "rule_or_overlay"),
    [
        pytest.param(Analyte.ARTERIAL_PH, 7.29, 7.40, "A4", id="pH"),
        pytest.param(Analyte.LACTATE, 3.6, 1.0, "A4", id="lactate"),
        pytest.param(Analyte.BILIRUBIN, 10.1, 1.0, Overlay.ASSAY_BILIRUBIN, id="bilirubin"),
    ],
)
def test_a_result_from_the_future_is_not_the_newest(
    analyte: Analyte, before: float, after: float, rule_or_overlay: str | Overlay
) -> None:
    """The true newest result stands, and the one with the impossible time is named."""
    future = result(analyte, after, -3)
    found = assessed(overdose(60), level(200, 50), alt(90), result(analyte, before, 2), future)
    assert rule_or_overlay in {*rules_met(found), *found.overlays}
    assert future.reference in [gap.reference for gap in found.gaps if "lies in the future" in gap.text]


@pytest.mark.parametrize(("ago", "counts"), [(10, True), (-3, False), (None, False)])
def test_phosphate_counts_only_at_a_time_that_can_be(ago: float | None, *, counts: bool) -> None:
    """60 h after ingestion for a sample of 10 h before now with an ingestion 70 h ago; the future one lies at 73 h."""
    found = assessed(overdose(70), level(200, 60), alt(90), result(Analyte.PHOSPHATE, 4.0, ago))
    assert ("A4" in rules_met(found)) is counts


def test_minutes_ahead_are_only_a_clock_that_differs() -> None:
    found = assessed(overdose(60), level(200, 50), alt(90), result(Analyte.ARTERIAL_PH, 7.29, -0.05))
    assert "A4" in rules_met(found)
    assert not [gap for gap in found.gaps if "lies in the future" in gap.text]


# --- results around the ingestion -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("sampled", "expected"),
    [(10, EnzymeState.UNKNOWN), (5, EnzymeState.ELEVATED), (4.5, EnzymeState.ELEVATED), (None, EnzymeState.ELEVATED)],
)
def test_a_raised_alt_counts_unless_it_was_drawn_before_the_ingestion(
    sampled: float | None, expected: EnzymeState
) -> None:
    assert case_of(chart(overdose(5), alt(90, sampled))).liver.enzymes is expected


@pytest.mark.parametrize("references", [("a", "b"), ("b", "a")])
def test_of_two_results_at_the_same_time_the_higher_counts(references: tuple[str, str]) -> None:
    higher, lower = (f"Observation/{each}" for each in references)
    pair = (inr(2.0, 1, reference=higher), inr(1.2, 1, reference=lower))
    kept = case_of(chart(overdose(40), *pair)).liver.inr
    assert kept is not None
    assert kept.reference == higher


@pytest.mark.parametrize(
    ("sampled", "late", "surely"),
    [
        pytest.param(11, False, False, id="at-24-h"),
        pytest.param(10.9, True, True, id="later"),
        pytest.param((12, 5), True, False, id="perhaps-later"),
        pytest.param((11, 5), True, False, id="from-24-h-on"),
    ],
)
def test_later_than_24_h_after_the_ingestion(sampled: Ago, *, late: bool, surely: bool) -> None:
    assert case_of(chart(overdose(35), alt(90, sampled))).liver.late_elevated is late
    late_enzymes = case_of(chart(overdose(35), alt(25, sampled))).liver.late_enzymes
    assert (late_enzymes is EnzymeState.NORMAL) is surely


def test_what_is_charted_with_the_ingestion_or_at_the_start_of_the_episode_counts() -> None:
    liver = case_of(chart(overdose(40), alert(40), inr(1.0, 40))).liver
    assert liver.mental_status_charted
    assert liver.inr_raised is False
    assert case_of(chart(overdose(40), alt(25, 40), ast(22, 40))).liver.enzymes is EnzymeState.NORMAL
    week = 7 * 24
    assert len(case_of(chart(alt(90, week))).liver.enzyme_results) == 1
    assert case_of(chart(alt(90, week + 0.1))).liver.enzyme_results == ()
    assert case_of(chart(has(Problem.ACUTE_LIVER_FAILURE, 26 * week))).liver.is_failing
    assert not case_of(chart(has(Problem.ACUTE_LIVER_FAILURE, 26 * week + 0.1))).liver.is_failing


def test_an_inr_without_a_value_does_not_hide_an_older_one() -> None:
    kept = case_of(chart(overdose(40), inr(2.0, 5), inr(None, 1))).liver.inr
    assert kept == inr(2.0, 5)


@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        (DataGap(GapKind.TRUNCATED, "ALT", "more results"), EnzymeState.UNKNOWN),
        (DataGap(GapKind.TRUNCATED, "INR", "more results"), EnzymeState.NORMAL),
        (DataGap(GapKind.MISSING, "ALT", "none"), EnzymeState.NORMAL),
        (DataGap(GapKind.UNREADABLE, "ALT", "one of several", reference="Observation/one"), EnzymeState.NORMAL),
    ],
)
def test_normal_is_not_said_where_results_were_not_read(gap: DataGap, expected: EnzymeState) -> None:
    assert case_of(chart(overdose(9), alt(25), ast(22), gap)).liver.enzymes is expected
