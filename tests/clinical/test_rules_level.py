"""Rules B: at, just under and just over every line, and with each input missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cds_service.clinical.facts import DataGap, GapKind, Route
from cds_service.clinical.findings import Category, Overlay, Test, Verdict
from cds_service.clinical.profiles import US_2023, NonNomogramRule
from cds_service.clinical.quantity import Span
from tests.clinical.facts_builders import (
    NOW,
    Fact,
    alt,
    amount,
    assessed,
    ast,
    case_of,
    chart,
    coingestant,
    course,
    dose_time,
    finding,
    given,
    hours_ago,
    inr,
    level,
    outcome,
    overdose,
    rules_met,
    took,
    unstated_overdose,
    verdict,
)

MET, NOT_MET, UNKNOWN = Verdict.MET, Verdict.NOT_MET, Verdict.UNKNOWN
INDICATED, CONSIDER, REPEAT = Category.INDICATED, Category.CONSIDER, Category.REPEAT_LEVEL
DATA_NEEDED, NOT_INDICATED = Category.DATA_NEEDED, Category.NOT_INDICATED
NORMAL = (alt(25, 0.1), ast(22, 0.1))
"""AST and ALT after everything else on the chart."""


def sampled(mg_l: float | str, hours: float, *more: Fact) -> tuple[Fact, ...]:
    """An acute ingestion, a level drawn `hours` later and normal AST/ALT; the sample lies 30 min before NOW."""
    return (overdose(hours + 0.5), level(mg_l, 0.5), *NORMAL, *more)


# --- B1, B2, B2b, B3 ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mg_l", "hours", "expected"),
    [
        (150.0, 4, INDICATED),
        (149.9, 4, NOT_INDICATED),
        (106.07, 6, INDICATED),
        (106.06, 6, NOT_INDICATED),
        (112.4, 6, INDICATED),  # below a line drawn straight between 4 h and 8 h (112.5)
        (75.0, 8, INDICATED),
        (74.9, 8, NOT_INDICATED),
        (75.1, 8, INDICATED),
        (87.0, 8, INDICATED),  # below 150 * (4/h)^0.785 = 87.05
        (37.5, 12, INDICATED),
        (37.4, 12, NOT_INDICATED),
        (18.75, 16, INDICATED),
        (18.7, 16, NOT_INDICATED),
        (9.375, 20, INDICATED),
        (9.37, 20, NOT_INDICATED),
        (4.69, 24, INDICATED),
        (4.68, 24, NOT_INDICATED),
        (">300", 4, INDICATED),
        (">=75", 8, INDICATED),
        ("<75", 8, NOT_INDICATED),
        ("<10", 19.6, NOT_INDICATED),
    ],
)
def test_on_the_line_is_above_it(mg_l: float | str, hours: float, expected: Category) -> None:
    found = assessed(*sampled(mg_l, hours))
    assert found.category is expected
    assert ("B1" in rules_met(found)) is (expected is INDICATED)
    assert ("B3" in rules_met(found)) is (expected is NOT_INDICATED)


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(4 * 60 - 1, REPEAT), (4 * 60, INDICATED), (24 * 60, INDICATED), (24 * 60 + 1, INDICATED)],
)
def test_the_nomogram_starts_at_4_h(minutes: int, expected: Category) -> None:
    found = assessed(*sampled(160, minutes / 60))
    assert found.category is expected
    assert ("B1" in rules_met(found)) is (240 <= minutes <= 1440)


@pytest.mark.parametrize(
    ("mg_l", "hours", "grams", "high_risk"),
    [
        (300, 4, None, True),
        (299.9, 4, None, False),
        (150, 8, None, True),
        (149.9, 8, None, False),
        (80, 8, 30, True),
        (80, 8, 29.9, False),
        (">300", 4, None, True),
        (">80", 8, None, False),
    ],
)
def test_high_risk(mg_l: float | str, hours: float, grams: float | None, *, high_risk: bool) -> None:
    reported = () if grams is None else (amount(grams),)
    found = assessed(*sampled(mg_l, hours, *reported))
    assert found.category is INDICATED
    assert ("B2" in rules_met(found)) is high_risk
    assert (Overlay.HIGH_RISK in found.overlays) is high_risk


@pytest.mark.parametrize(
    ("grams", "mg_l", "expected"),
    [(30, 40, CONSIDER), (29.9, 40, NOT_INDICATED), (30, 75, INDICATED), (32, "<10", CONSIDER)],
)
def test_a_large_amount_below_the_line(grams: float, mg_l: float | str, expected: Category) -> None:
    found = assessed(*sampled(mg_l, 8, amount(grams)))
    assert found.category is expected
    assert ("B2b" in rules_met(found)) is (expected is CONSIDER)
    if expected is CONSIDER:
        assert Overlay.HIGH_RISK in found.overlays
        assert [ask.not_before for ask in found.asks if ask.test is Test.ACETAMINOPHEN] == [hours_ago(0.5 - 4)]


def test_a_large_amount_without_a_level_below_or_with_one_above_is_not_b2b() -> None:
    assert verdict("B2b", overdose(2), amount(32)) is NOT_MET
    assert verdict("B2b", overdose(9), amount(32), level(40, 2), level(80, 1)) is NOT_MET


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param((level(40, 1), *NORMAL), NOT_INDICATED, id="all-known"),
        pytest.param((level(40, 1), alt(25, 0.1)), NOT_INDICATED, id="alt-alone"),
        pytest.param((level(40, 1), ast(25, 0.1)), NOT_INDICATED, id="ast-alone"),
        pytest.param((level(40, 1),), DATA_NEEDED, id="no-enzymes"),
        pytest.param((level(40, 1), alt(None, 0.1)), DATA_NEEDED, id="unreadable-alt"),
        pytest.param((level(40, 1), alt(25, None)), DATA_NEEDED, id="undated-alt"),
        pytest.param((level(40, 1), alt(25, 30)), DATA_NEEDED, id="alt-from-before-the-ingestion"),
        pytest.param((level(40, 1), alt(25, -5)), DATA_NEEDED, id="alt-from-the-future"),
        pytest.param((level(40, 1), alt(25, 2), alt(None, 0.1)), DATA_NEEDED, id="newest-alt-unreadable"),
        pytest.param((level(40, 1), alt("<50", 0.1)), DATA_NEEDED, id="alt-below-a-bound-over-the-limit"),
        pytest.param((level(40, 1), alt("<40", 0.1)), NOT_INDICATED, id="alt-below-a-bound"),
        pytest.param((level(40, 1), alt(41, 0.1)), CONSIDER, id="alt-raised"),
        pytest.param((level(40, 1), alt(40, 0.1)), NOT_INDICATED, id="alt-at-the-limit"),
        pytest.param((level(40, 1), alt(48, 0.1, upper_limit=50)), NOT_INDICATED, id="the-laboratory-s-limit-50"),
        pytest.param((level(40, 1), alt(36, 0.1, upper_limit=35)), CONSIDER, id="the-laboratory-s-limit-35"),
        pytest.param((level(40, 1), alt(90, 0.1, upper_limit=4000)), CONSIDER, id="an-incredible-limit"),
        pytest.param((level(40, 1), alt(90, 0.1, upper_limit=0)), CONSIDER, id="a-limit-of-nothing"),
        pytest.param((level(40, 1), alt(95, 4), alt(25, 0.1)), CONSIDER, id="alt-once-raised"),
        pytest.param((level(40, 1), alt(1000, 0.1)), CONSIDER, id="alt-1000"),
        pytest.param((level(40, 1), alt(1000.5, 0.1)), INDICATED, id="alt-over-1000"),
        pytest.param((level(40, 1), level(None, 0.5), *NORMAL), DATA_NEEDED, id="another-level-unreadable"),
        pytest.param((level(None, 1), *NORMAL), INDICATED, id="only-level-unreadable-after-8-h"),
        pytest.param((level(40, None), *NORMAL), INDICATED, id="only-level-without-a-time-after-8-h"),
        pytest.param((level(80, None), *NORMAL), INDICATED, id="level-without-a-time-above-at-any"),
        pytest.param((level(40, -3), *NORMAL), INDICATED, id="only-level-from-the-future-after-8-h"),
        pytest.param((level(40, 1), level(40, None), *NORMAL), DATA_NEEDED, id="another-level-without-a-time"),
        pytest.param((level("<200", 1), *NORMAL), DATA_NEEDED, id="a-bound-that-proves-nothing"),
        pytest.param((level(130, 4), level(30, 0.5), *NORMAL), INDICATED, id="a-later-low-level-never-cancels"),
        pytest.param((level(60, 4), level(80, 0.5), *NORMAL), INDICATED, id="the-second-level-crosses"),
    ],
)
def test_below_the_line_at_8_h_and_what_keeps_it_open(facts: tuple[Fact, ...], expected: Category) -> None:
    """Ingestion 9 h before NOW: 40 mg/L at 8 h is below 75."""
    assert outcome(overdose(9), *facts) is expected


@pytest.mark.parametrize(
    "gap",
    [
        DataGap(GapKind.UNKNOWN_UNIT, "acetaminophen", "a level in an unknown unit"),
        DataGap(GapKind.TRUNCATED, "acetaminophen", "more results than could be read"),
    ],
)
def test_a_level_that_could_not_be_read_keeps_below_from_being_said(gap: DataGap) -> None:
    found = assessed(*sampled(40, 8), gap)
    assert found.category is DATA_NEEDED
    assert finding(found, "B3").verdict is UNKNOWN
    assert finding(found, "B1").verdict is UNKNOWN


def test_a_gap_about_something_else_does_not() -> None:
    assert outcome(*sampled(40, 8), DataGap(GapKind.MISSING, "allergies", "none")) is NOT_INDICATED


def test_a_result_drawn_before_the_ingestion_says_nothing_of_it() -> None:
    found = assessed(overdose(5), level(5, 30), level(40, 0.5), *NORMAL)
    assert found.category is NOT_INDICATED


def test_a_detectable_level_before_the_recorded_ingestion_makes_its_time_unreliable() -> None:
    found = assessed(overdose(5), level(60, 6), level(40, 0.5), *NORMAL)
    assert found.category is INDICATED
    assert "B9" in rules_met(found)
    assert finding(found, "B3").verdict is UNKNOWN


def test_b4_needs_a_level_below() -> None:
    assert verdict("B4", overdose(9), level(80), alt(90)) is NOT_MET
    found = assessed(overdose(9), level(40), alt(90))
    assert "B4" in rules_met(found)
    assert {ask.test for ask in found.asks} >= {Test.ACETAMINOPHEN, Test.TRANSAMINASES}


# --- delayed absorption: B5, B5d, B6, B7 ----------------------------------------------------------

ER = took(13, 9, is_extended_release=True)
WITH_OPIOID = took(13, 9, delaying_ingredients=frozenset({"hydrocodone"}))


@pytest.mark.parametrize(
    ("exposure", "rule"),
    [
        pytest.param((ER,), "B5", id="extended-release"),
        pytest.param((WITH_OPIOID,), "B6", id="opioid-in-the-product"),
        pytest.param((overdose(9), coingestant()), "B6", id="opioid-beside-it"),
        pytest.param((overdose(9), coingestant("anticholinergic")), "B6", id="anticholinergic-beside-it"),
    ],
)
@pytest.mark.parametrize(
    ("results", "expected"),
    [
        pytest.param((level(40), *NORMAL), REPEAT, id="below"),
        pytest.param((level(10), *NORMAL), REPEAT, id="at-10"),
        pytest.param((level(9.9), *NORMAL), NOT_INDICATED, id="under-10"),
        pytest.param((level("<10"), *NORMAL), NOT_INDICATED, id="below-a-limit-of-10"),
        pytest.param((level("<20"), *NORMAL), REPEAT, id="below-a-limit-of-20"),
        pytest.param((level(75), *NORMAL), INDICATED, id="on-the-line"),
        pytest.param((level(40), alt(60)), INDICATED, id="below-with-raised-alt"),
        pytest.param((level(9.9), alt(60)), CONSIDER, id="under-10-with-raised-alt"),
        pytest.param((level(40),), REPEAT, id="no-enzymes"),
        pytest.param((level(40, 4.5), level(20, 0.5), *NORMAL), NOT_INDICATED, id="second-level-4-h-later"),
        pytest.param((level(40, 4.4), level(20, 0.5), *NORMAL), REPEAT, id="second-level-3-9-h-later"),
        pytest.param((level(40, 4.5), level(80, 0.5), *NORMAL), INDICATED, id="second-level-crosses"),
        pytest.param((level(40, 4.5), level(20, 0.5), alt(60)), INDICATED, id="second-level-with-raised-alt"),
    ],
)
def test_delayed_absorption(
    exposure: tuple[Fact, ...], rule: str, results: tuple[Fact, ...], expected: Category
) -> None:
    found = assessed(*exposure, *results)
    assert found.category is expected
    if expected in {REPEAT, NOT_INDICATED}:
        assert (rule in rules_met(found)) is (expected is REPEAT)
    assert "B3" not in rules_met(found)
    assert Overlay.CONSULT in found.overlays


def test_the_second_level_is_asked_for_4_to_6_h_after_the_first() -> None:
    ask = next(ask for ask in assessed(ER, level(40), *NORMAL).asks if ask.test is Test.ACETAMINOPHEN)
    assert (ask.not_before, ask.not_after) == (NOW + timedelta(hours=3), NOW + timedelta(hours=5))


def test_a_second_level_that_is_overdue_is_asked_for_now() -> None:
    ask = next(
        ask
        for ask in assessed(took(13, 20, is_extended_release=True), level(40, 9), *NORMAL).asks
        if ask.test is Test.ACETAMINOPHEN
    )
    assert (ask.not_before, ask.not_after) == (NOW, None)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ((level(40), alt(60)), MET),
        ((level("<20"), alt(60)), UNKNOWN),
        ((level(40),), UNKNOWN),
        ((level(40), *NORMAL), NOT_MET),
        ((level(9), alt(60)), NOT_MET),
    ],
)
def test_b5d(results: tuple[Fact, ...], expected: Verdict) -> None:
    assert verdict("B5d", ER, *results) is expected


def test_delayed_absorption_off_the_nomogram_is_left_to_the_other_rules() -> None:
    found = assessed(overdose(None), took(None, None, is_extended_release=True), level(40), *NORMAL)
    assert found.category is INDICATED
    assert rules_met(found) & {"B5", "B5d", "B7"} == set()


# --- B8, B15 --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param((overdose(3), level(200, 1), *NORMAL), REPEAT, id="drawn-at-2-h"),
        pytest.param((overdose(3), level(200, 1), amount(30)), CONSIDER, id="with-30-g"),
        pytest.param((overdose(3), level(200, 1), amount(29.9)), REPEAT, id="with-29.9-g"),
        pytest.param((overdose(7.6), level(5, 5), *NORMAL), REPEAT, id="a-result-before-8-h-is-possible"),
        pytest.param((overdose(7.7), level(5, 5), *NORMAL), INDICATED, id="no-result-before-8-h"),
        pytest.param((overdose(8), level(5, 5), *NORMAL), INDICATED, id="8-h-have-passed"),
        pytest.param((overdose(7), level(200, 5), level(40, 0.5), *NORMAL), NOT_INDICATED, id="a-later-one-counts"),
    ],
)
def test_a_sample_before_4_h(facts: tuple[Fact, ...], expected: Category) -> None:
    assert outcome(*facts) is expected


def test_the_early_sample_is_repeated_at_4_h() -> None:
    found = assessed(overdose(3), level(200, 1), *NORMAL)
    assert rules_met(found) >= {"B8"}
    assert [a.not_before for a in found.asks if a.test is Test.ACETAMINOPHEN] == [NOW + timedelta(hours=1)]


@pytest.mark.parametrize(
    ("last", "mg_l", "expected"),
    [
        (4, 40, REPEAT),  # drawn 3 h after the last dose
        (5, 40, NOT_INDICATED),  # 4 h after it
        (4, 75, INDICATED),  # on the line of the first dose
        (4, 74.9, REPEAT),
    ],
)
def test_staggered_doses_are_plotted_from_the_first(last: float, mg_l: float, expected: Category) -> None:
    found = assessed(took(6, 9), took(6, last), level(mg_l, 1), *NORMAL)
    assert found.category is expected
    assert ("B15" in rules_met(found)) is (expected is REPEAT)


def test_the_staggered_repeat_is_4_h_after_the_last_dose() -> None:
    found = assessed(took(6, 9), took(6, 3), level(40, 1), *NORMAL)
    assert [a.not_before for a in found.asks if a.test is Test.ACETAMINOPHEN] == [NOW + timedelta(hours=1)]


# --- B9, B12, B13, B14: time unknown --------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "expected", "rule"),
    [
        pytest.param((level(10), *NORMAL), INDICATED, "B9", id="10"),
        pytest.param((level(9.9), *NORMAL), NOT_INDICATED, "B12", id="9.9"),
        pytest.param((level("<10"), *NORMAL), NOT_INDICATED, "B12", id="under-10"),
        pytest.param((level("<20"), *NORMAL), NOT_INDICATED, "B14", id="under-20"),
        pytest.param((level("<20"),), DATA_NEEDED, "B14", id="under-20-no-enzymes"),
        pytest.param((level("<20"), alt(60)), INDICATED, "B9", id="under-20-raised-alt"),
        pytest.param((level("<200"), *NORMAL), DATA_NEEDED, None, id="under-200"),
        pytest.param((level(5), alt(60)), INDICATED, "B9", id="raised-alt"),
        pytest.param((level(5),), DATA_NEEDED, "B13", id="no-enzymes"),
        pytest.param((level(5, 40), *NORMAL), INDICATED, "C3", id="stale-level"),
        pytest.param((level(5), alt(25, 40)), DATA_NEEDED, "B13", id="stale-alt"),
        pytest.param((level(5), level(None, 0.5), *NORMAL), DATA_NEEDED, None, id="another-unreadable"),
        pytest.param((level(5, 0.5), level(12, 40), *NORMAL), INDICATED, "B9", id="detectable-earlier"),
        pytest.param((level(5, None), *NORMAL), INDICATED, "C3", id="level-without-a-time"),
        pytest.param(NORMAL, INDICATED, "C3", id="no-level"),
    ],
)
def test_time_unknown(facts: tuple[Fact, ...], expected: Category, rule: str | None) -> None:
    found = assessed(overdose(None), *facts)
    assert found.category is expected
    assert rule is None or rule in rules_met(found)


def test_a_missing_test_is_named_and_asked_for() -> None:
    missing_enzymes = assessed(overdose(None), level(5))
    assert finding(missing_enzymes, "B13").missing == ("AST and ALT",)
    assert {ask.test for ask in missing_enzymes.asks} >= {Test.TRANSAMINASES}
    assert finding(missing_enzymes, "B12").missing == ("AST and ALT",)
    assert finding(missing_enzymes, "B9").missing == ("AST and ALT",)


def test_a_level_on_its_own_still_asks_for_the_other_test() -> None:
    assert {ask.test for ask in assessed(overdose(None), level(40)).asks} == {Test.TRANSAMINASES}
    assert Test.ACETAMINOPHEN in {ask.test for ask in assessed(overdose(None), alt(90)).asks}


@pytest.mark.parametrize(
    ("mg_l", "crosses"),
    [
        (75, 8.0),
        (10, 19.63),
        (150, 4.0),
        (151, None),  # above the line at any time from 4 h on
        (4.6875, None),  # below what counts as detectable
        ("<20", None),
        (0, None),
        (None, None),
    ],
)
def test_the_time_at_which_it_would_have_been_on_the_line(mg_l: float | str | None, crosses: float | None) -> None:
    found = assessed(overdose(None), level(mg_l, 1), alt(90))
    assert found.category is INDICATED
    if crosses is None:
        assert found.crosses_at is None
    else:
        assert found.crosses_at is not None
        assert (NOW - timedelta(hours=1) - found.crosses_at) / timedelta(hours=1) == pytest.approx(crosses, abs=0.005)


def test_no_crossing_without_a_sample_time_or_with_a_known_ingestion() -> None:
    assert assessed(overdose(None), level(75, None)).crosses_at is None
    assert assessed(overdose(9), level(75, 1)).crosses_at is None


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param((level(20), *NORMAL), None, id="20-is-not-beyond"),
        pytest.param((level(20.1), *NORMAL), INDICATED, id="beyond-20"),
        pytest.param((level(">15"), *NORMAL), INDICATED, id="over-15-may-be-beyond"),
        pytest.param((level("<30"), *NORMAL), None, id="under-30-shows-nothing"),
        pytest.param((level(10), alt(41)), INDICATED, id="detectable-with-raised-alt"),
        pytest.param((level(9.9), alt(41)), None, id="undetectable-with-raised-alt"),
        pytest.param((alt(90),), None, id="raised-alt-alone"),
    ],
)
def test_without_any_exposure_on_the_chart(facts: tuple[Fact, ...], expected: Category | None) -> None:
    assert outcome(*facts) is expected


# --- B10: later than 24 h -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "expected", "rule"),
    [
        pytest.param((level(10), *NORMAL), INDICATED, "B10", id="10"),
        pytest.param((level(9.9), *NORMAL), NOT_INDICATED, "B12", id="9.9"),
        pytest.param((level(5), alt(41)), INDICATED, "B10", id="raised-alt"),
        pytest.param((level(5),), DATA_NEEDED, "B13", id="no-enzymes"),
        pytest.param((level("<20"), *NORMAL), NOT_INDICATED, "B14", id="under-20"),
        pytest.param((level("<20"),), DATA_NEEDED, "B14", id="under-20-no-enzymes"),
        pytest.param((level("<20"), alt(41)), INDICATED, "B10", id="under-20-raised-alt"),
        pytest.param((level("<20"), alt(25, 20)), DATA_NEEDED, "B14", id="under-20-early-alt"),
        pytest.param((level(5), alt(25, 20)), DATA_NEEDED, "B13", id="normal-alt-only-early"),
        pytest.param((level(5), level(None, 0.5), *NORMAL), DATA_NEEDED, None, id="another-unreadable"),
        pytest.param((level(40, 25), level(5), *NORMAL), NOT_INDICATED, None, id="below-the-line-at-10-h-too"),
        pytest.param((level(60, 25), level(5), *NORMAL), INDICATED, "B1", id="above-the-line-at-10-h"),
        pytest.param((level(40, 25), alt(41)), INDICATED, "B10", id="below-at-10-h-but-late-alt"),
        pytest.param((level(40, 25), level(12), *NORMAL), INDICATED, "B10", id="detectable-late"),
        pytest.param((alt(41),), INDICATED, "B10", id="only-alt"),
        pytest.param(NORMAL, INDICATED, "C1", id="no-level"),
    ],
)
def test_later_than_24_h(facts: tuple[Fact, ...], expected: Category, rule: str | None) -> None:
    """Ingestion 35 h before NOW, samples 34 h after it unless said otherwise."""
    found = assessed(overdose(35), *facts)
    assert found.category is expected
    assert rule is None or rule in rules_met(found)


# --- B11: repeated supratherapeutic ---------------------------------------------------------------

REPEATED = (took(5, 40), took(5, 28), took(5, 16), took(5, 4))


@pytest.mark.parametrize(
    ("facts", "expected", "rule"),
    [
        pytest.param((level(20), *NORMAL), INDICATED, "B11", id="20"),
        pytest.param((level(19.9), *NORMAL), NOT_INDICATED, "B12", id="19.9"),
        pytest.param((level("<20"), *NORMAL), NOT_INDICATED, "B12", id="under-20"),
        pytest.param((level("<25"), *NORMAL), NOT_INDICATED, "B14", id="under-25"),
        pytest.param((level(5), ast(41)), INDICATED, "B11", id="raised-ast"),
        pytest.param((level(5),), DATA_NEEDED, "B13", id="no-enzymes"),
        pytest.param(NORMAL, DATA_NEEDED, "B13", id="no-level"),
        pytest.param((), INDICATED, "C1", id="nothing-known"),
        pytest.param((level(5, 10), *NORMAL), DATA_NEEDED, "B13", id="level-before-the-last-dose"),
        pytest.param((level(5), alt(25, 10)), DATA_NEEDED, "B13", id="alt-before-the-last-dose"),
    ],
)
def test_repeated_supratherapeutic_ingestion(facts: tuple[Fact, ...], expected: Category, rule: str) -> None:
    found = assessed(*REPEATED, *facts)
    assert found.category is expected
    assert rule in rules_met(found)


# --- B14 on the nomogram --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(NORMAL, NOT_INDICATED, id="normal-enzymes"),
        pytest.param((), DATA_NEEDED, id="no-enzymes"),
        pytest.param((*NORMAL, level(None, 0.4)), DATA_NEEDED, id="another-unreadable"),
        pytest.param((*NORMAL, amount(30)), CONSIDER, id="30-g"),
    ],
)
def test_a_detection_limit_above_the_line(facts: tuple[Fact, ...], expected: Category) -> None:
    """Below 10 at 22 h, where the line is 6.63 mg/L."""
    found = assessed(overdose(22.5), level("<10", 0.5), *facts)
    assert found.category is expected
    assert "B14" in rules_met(found)
    assert Overlay.DETECTION_LIMIT in found.overlays


def test_a_detection_limit_that_settles_the_line_is_no_matter() -> None:
    assert "B14" not in rules_met(assessed(overdose(20), level("<10", 0.4), *NORMAL))


def test_raised_enzymes_beside_a_detection_limit_are_left_to_the_other_rules() -> None:
    found = assessed(overdose(22.5), level("<10", 0.5), alt(60))
    assert found.category is CONSIDER
    assert rules_met(found) & {"B4", "B14"} == {"B4"}


# --- B16, B17: intervals --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("interval", "mg_l", "expected"),
    [
        pytest.param((10, 6), 63.1, INDICATED, id="above-at-the-latest"),  # 5-9 h: line(9) = 63.07
        pytest.param((10, 6), 63.0, NOT_INDICATED, id="below-all-over-it"),
        pytest.param((9, 4), 40, DATA_NEEDED, id="perhaps-before-4-h"),  # 3-8 h
        pytest.param((9, 4), 75, INDICATED, id="above-though-perhaps-before-4-h"),
        pytest.param((9, 5), 40, NOT_INDICATED, id="from-4-h-on"),
    ],
)
def test_an_interval_of_ingestion(interval: tuple[float, float], mg_l: float, expected: Category) -> None:
    found = assessed(overdose(interval), level(mg_l, 1), *NORMAL)
    assert found.category is expected
    assert ("B16" in rules_met(found)) is (expected is not NOT_INDICATED)


def test_an_undecided_interval_says_what_would_settle_it() -> None:
    said = finding(assessed(overdose((9, 4)), level(40, 1), *NORMAL), "B16")
    assert said.missing == ("exact time of ingestion and of the sample",)
    assert [ask.not_before for ask in said.asks] == [NOW]


def test_an_undecided_interval_with_injury_or_a_large_amount_is_to_be_considered() -> None:
    assert outcome(overdose((9, 4)), level(40, 1), alt(60)) is CONSIDER
    assert outcome(overdose((9, 4)), level(40, 1), *NORMAL, amount(30)) is CONSIDER


def test_the_sample_time_may_be_an_interval_too() -> None:
    assert outcome(overdose(9), level(40, (8, 1)), *NORMAL) is DATA_NEEDED
    assert outcome(overdose(9), level(40, (4, 1)), *NORMAL) is NOT_INDICATED


@pytest.mark.parametrize(
    ("facts", "expected", "said"),
    [
        pytest.param((level(4.7), *NORMAL), INDICATED, MET, id="above-at-24-h"),
        pytest.param((level(4.6), *NORMAL), NOT_INDICATED, NOT_MET, id="below-at-24-h"),
        pytest.param((level("<10"), *NORMAL), NOT_INDICATED, UNKNOWN, id="detection-limit"),
        pytest.param((level(4.6), alt(60)), INDICATED, MET, id="raised-alt"),
        pytest.param((level(4.6),), DATA_NEEDED, NOT_MET, id="no-enzymes"),
    ],
)
def test_an_interval_that_spans_24_h(facts: tuple[Fact, ...], expected: Category, said: Verdict) -> None:
    """Samples 20-30 h after ingestion."""
    found = assessed(overdose((31, 21)), *facts)
    assert found.category is expected
    assert finding(found, "B17").verdict is said


# --- the stricter reading -------------------------------------------------------------------------

STRICT = replace(US_2023, nonnomogram_rule=NonNomogramRule.AND)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((level(12), *NORMAL), CONSIDER),
        ((level(5), alt(60)), CONSIDER),
        ((level(12), alt(60)), INDICATED),
        ((level(5), *NORMAL), NOT_INDICATED),
    ],
)
def test_under_the_and_reading_one_finding_is_to_be_considered(facts: tuple[Fact, ...], expected: Category) -> None:
    found = assessed(overdose(None), *facts, profile=STRICT)
    assert found.category is expected
    if expected is CONSIDER:
        assert "AGA 2017 asks for both" in finding(found, "B9").because


# --- other pathways -------------------------------------------------------------------------------


def test_a_level_on_the_line_may_be_excluded_by_a_profile() -> None:
    assert outcome(*sampled(75, 8), profile=replace(US_2023, line_inclusive=False)) is NOT_INDICATED


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param((unstated_overdose(9), level(75), *NORMAL), INDICATED, id="timed-on-the-line"),
        pytest.param((unstated_overdose(9), level(40), *NORMAL), NOT_INDICATED, id="timed-below"),
        pytest.param((unstated_overdose(None), level(10), *NORMAL), INDICATED, id="untimed-detectable"),
        pytest.param((unstated_overdose(None), level(9), *NORMAL), NOT_INDICATED, id="untimed-undetectable"),
        pytest.param((unstated_overdose(None), level(9), alt(60)), DATA_NEEDED, id="untimed-raised-alt"),
        pytest.param((unstated_overdose(None), level("<20"), alt(60)), DATA_NEEDED, id="untimed-limit-raised-alt"),
        pytest.param((unstated_overdose(2), level(60, 0.5)), REPEAT, id="early"),
    ],
)
def test_an_overdose_of_an_unstated_drug(facts: tuple[Fact, ...], expected: Category) -> None:
    assert outcome(*facts) is expected


def test_raised_enzymes_after_an_unstated_drug_ask_which() -> None:
    said = finding(assessed(unstated_overdose(None), level(9), alt(60)), "B12")
    assert said.missing == ("which drug was taken",)


def test_an_intravenous_overdose_is_never_said_to_be_below_the_line() -> None:
    intravenous = given(15, 9, route=Route.INTRAVENOUS)
    assert outcome(intravenous, level(40), *NORMAL) is DATA_NEEDED
    assert outcome(intravenous, level(75), *NORMAL) is INDICATED
    untimed = replace(given(15, None), route=Route.INTRAVENOUS, recorded_at=hours_ago(1))
    assert outcome(untimed, level(5), *NORMAL) is DATA_NEEDED
    assert verdict("B12", untimed, level(5), *NORMAL) is NOT_MET


def test_a_time_of_dose_makes_a_level_readable() -> None:
    assert outcome(dose_time(9), level(75), *NORMAL) is INDICATED
    assert outcome(dose_time(9), level(40), *NORMAL) is NOT_INDICATED


def test_a_preliminary_level_counts_and_is_named_so() -> None:
    found = assessed(overdose(9), level(80, status="preliminary"), *NORMAL)
    assert found.category is INDICATED
    assert "(preliminary)" in finding(found, "B1").because


def test_the_words_carry_level_time_and_line() -> None:
    said = finding(assessed(overdose(9), level(182), *NORMAL), "B1").because
    assert "acetaminophen 182 mg/L at 8.0 h" in said
    assert "75 mg/L" in said
    interval = finding(assessed(overdose((9, 5)), level(182), *NORMAL), "B1").because
    assert "4.0 to 8.0 h" in interval


def test_the_case_knows_the_hours_after_the_first_dose() -> None:
    case = case_of(chart(overdose((9, 5))))
    assert case.hours_after_first_dose(NOW) == 9
    assert case_of(chart()).hours_after_first_dose(NOW) is None


def test_a_large_course_beside_inr_still_needs_both_tests() -> None:
    found = assessed(course(8, (72, 1)), inr(1.0), level(5, 0.5), alt(25, 0.5))
    assert found.category is NOT_INDICATED
    assert found.ingestion.last == Span.at(hours_ago(1))
