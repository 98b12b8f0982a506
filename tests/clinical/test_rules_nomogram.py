"""Rules B1-B4: at, just under and just over the lines, and with each input missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cds_service.clinical.facts import DataGap, GapKind
from cds_service.clinical.findings import Category, Overlay, Test, Verdict
from tests.clinical.facts_builders import (
    Fact,
    alt,
    amount,
    assessed,
    ast,
    finding,
    hours_ago,
    level,
    outcome,
    overdose,
    rules_met,
    verdict,
)

if TYPE_CHECKING:
    from collections.abc import Callable

MET, NOT_MET, UNKNOWN = Verdict.MET, Verdict.NOT_MET, Verdict.UNKNOWN
INDICATED, CONSIDER, REPEAT = Category.INDICATED, Category.CONSIDER, Category.REPEAT_LEVEL
DATA_NEEDED, NOT_INDICATED = Category.DATA_NEEDED, Category.NOT_INDICATED
NORMAL = (alt(25, 0.1), ast(22, 0.1))
"""AST and ALT after everything else on the chart."""


def sampled(mg_l: float | str, hours: float, *more: Fact) -> tuple[Fact, ...]:
    """An acute ingestion, a level drawn `hours` later and normal AST/ALT; the sample lies 30 min before NOW."""
    return (overdose(hours + 0.5), level(mg_l, 0.5), *NORMAL, *more)


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


def straight(hours: float) -> float:
    """Straight lines between the points of the printed table at 4, 8 and 12 h: 112.5 at 6 h."""
    return 150 - 75 / 4 * (hours - 4) if hours <= 8 else 75 - 37.5 / 4 * (hours - 8)


def power(hours: float) -> float:
    """A power of the time: 87.05 at 8 h."""
    return float(150.0 * (4 / hours) ** 0.785)


@pytest.mark.parametrize(
    ("wrong_line", "hours"),
    [(straight, 5), (straight, 6), (straight, 7), (straight, 10), (power, 6), (power, 8), (power, 12), (power, 20)],
)
def test_a_level_between_the_line_and_a_wrong_one_is_treated(
    wrong_line: Callable[[float], float], hours: float
) -> None:
    """Published formulas that lie above the line would leave such a patient untreated."""
    right = 150 * 2 ** (-(hours - 4) / 4)
    between = (right + wrong_line(hours)) / 2
    assert right < between < wrong_line(hours)
    assert assessed(*sampled(between, hours)).category is INDICATED
    assert assessed(*sampled(right * 0.999, hours)).category is NOT_INDICATED


@pytest.mark.parametrize("mg_l", [140, 150, 160, 400])
@pytest.mark.parametrize("hours", [0.5, 2, 3.9])
def test_no_line_is_drawn_before_4_h(mg_l: float, hours: float) -> None:
    """A line that stays at 150 mg/L before 4 h would treat from there on and dismiss what lies below."""
    found = assessed(*sampled(mg_l, hours))
    assert found.category is REPEAT
    assert rules_met(found) & {"B1", "B3"} == set()
    assert found.point is None


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
        pytest.param((level(40, 1), alt(30, 0.1, upper_limit=0)), NOT_INDICATED, id="a-limit-of-nothing-and-alt-30"),
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


def test_everything_that_keeps_below_open_is_named() -> None:
    """Below the line at 8 h; an unreadable level, and 12 mg/L at 25 h."""
    said = finding(assessed(overdose(26), level(40, 18), level(None, 3), level(12, 1), *NORMAL), "B3").because
    assert said.endswith("there is also a level without a usable value; a level after 24 h")


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
    assert verdict("B4", overdose(9), level(120, 3), level(40), alt(90)) is NOT_MET
    found = assessed(overdose(9), level(40), alt(90))
    assert "B4" in rules_met(found)
    assert {ask.test for ask in found.asks} >= {Test.ACETAMINOPHEN, Test.TRANSAMINASES}


@pytest.mark.parametrize("kind", [GapKind.UNREADABLE, GapKind.TRUNCATED, GapKind.NOT_FETCHED])
@pytest.mark.parametrize("about", ["ALT", "AST"])
def test_results_that_were_not_read_keep_normal_from_being_said(kind: GapKind, about: str) -> None:
    gap = DataGap(kind, about, "not all results were read")
    assert outcome(overdose(8), level(40, 0), alt(20, 0), gap) is DATA_NEEDED
    assert outcome(overdose(8), level(40, 0), alt(20, 0)) is NOT_INDICATED
