"""Rules B8, B15-B17: samples too early, staggered doses and intervals."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cds_service.clinical.findings import Category, Test, Verdict
from tests.clinical.facts_builders import (
    NOW,
    Fact,
    alt,
    amount,
    assessed,
    ast,
    finding,
    level,
    outcome,
    overdose,
    rules_met,
    took,
)

MET, NOT_MET, UNKNOWN = Verdict.MET, Verdict.NOT_MET, Verdict.UNKNOWN
INDICATED, CONSIDER, REPEAT = Category.INDICATED, Category.CONSIDER, Category.REPEAT_LEVEL
DATA_NEEDED, NOT_INDICATED = Category.DATA_NEEDED, Category.NOT_INDICATED
NORMAL = (alt(25, 0.1), ast(22, 0.1))
"""AST and ALT after everything else on the chart."""


# --- B8, B15 ---------------------------------------------------------------------------------------


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


# --- B16, B17: intervals ---------------------------------------------------------------------------


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
