"""Levels on pathways of their own, and how they are worded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds_service.clinical.facts import Route
from cds_service.clinical.findings import Category, Verdict
from cds_service.clinical.profiles import US_2023
from cds_service.clinical.quantity import Span
from tests.clinical.facts_builders import (
    NOW,
    Fact,
    alt,
    assessed,
    ast,
    case_of,
    chart,
    course,
    dose_time,
    finding,
    given,
    hours_ago,
    inr,
    level,
    outcome,
    overdose,
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
