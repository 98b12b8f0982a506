"""What counts on the hour at which it begins or ceases to count: the episode, the clock and the ingestion itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds_service.clinical.facts import Intent, Problem
from cds_service.clinical.ingestion import Pattern
from cds_service.clinical.weight import UnusableWeight, UsableWeight, body_of, dosing_weight
from tests.clinical.facts_builders import (
    NOW,
    Ago,
    Fact,
    assessed,
    born_years_ago,
    case_of,
    chart,
    coingestant,
    course,
    has,
    hours_ago,
    level,
    overdose,
    rules_met,
    took,
    weighs,
)

WEEK = 7 * 24
CLOCK = -5 / 60
"""As far ahead of the clock as a charted time may lie."""
A_SECOND = 1 / 3600


@pytest.mark.parametrize(("ago", "is_recent"), [(WEEK, True), (WEEK + A_SECOND, False)])
def test_the_episode_begins_on_the_hour(ago: float, *, is_recent: bool) -> None:
    counted = [
        bool(case_of(chart(level(25, ago))).levels),
        bool(case_of(chart(overdose(ago))).ingestion.records),
        bool(case_of(chart(overdose(None, charted=ago))).ingestion.records),
        bool(case_of(chart(overdose(9), coingestant(ago=ago))).ingestion.delaying),
        case_of(chart(took(None, 5), has(Problem.SELF_HARM, ago))).ingestion.pattern is Pattern.ACUTE,
        case_of(chart(took(None, 5), _charted_self_harm(ago))).ingestion.pattern is Pattern.ACUTE,
    ]
    assert counted == [is_recent] * len(counted)


def _charted_self_harm(ago: float) -> Fact:
    return has(Problem.SELF_HARM, None, recorded_at=hours_ago(ago))


def test_an_exposure_before_the_episode_is_history() -> None:
    old = overdose(WEEK + 1)
    assert case_of(chart(old, overdose(9))).ingestion.history == (old,)


@pytest.mark.parametrize(("ahead", "counts"), [(CLOCK, True), (CLOCK - A_SECOND, False), (-4 / 60, True)])
def test_a_clock_that_is_five_minutes_fast_is_no_harm(ahead: float, *, counts: bool) -> None:
    assert (case_of(chart(overdose(ahead))).ingestion.first is not None) is counts
    assert (case_of(chart(overdose(9), level(80, ahead))).levels[0].sampled is not None) is counts
    assert isinstance(dosing_weight(chart(weighs(70, ahead)), NOW), UsableWeight) is counts


@pytest.mark.parametrize(
    ("sampled", "rule"),
    [
        pytest.param(5.01, "B9", id="before"),
        pytest.param(5, "B8", id="at-the-ingestion"),
        pytest.param(4.5, "B8", id="half-an-hour-after"),
    ],
)
def test_a_level_is_drawn_before_the_ingestion_or_too_early(sampled: float, rule: str) -> None:
    assert rules_met(assessed(overdose(5), level(60, sampled))) & {"B8", "B9"} == {rule}


@pytest.mark.parametrize(
    ("grams_a_day", "is_repeated"),
    [pytest.param(4, False, id="4-g"), pytest.param(4.001, False, id="4.001-g-is-not-toxic")],
)
def test_a_therapeutic_course_is_no_overdose(grams_a_day: float, *, is_repeated: bool) -> None:
    found = case_of(chart(course(grams_a_day, (72, 1)))).ingestion
    assert (found.pattern is Pattern.REPEATED) is is_repeated


@pytest.mark.parametrize(
    ("ago", "counted"),
    [
        pytest.param((WEEK, 1), 2, id="began-in-the-episode"),
        pytest.param((WEEK + A_SECOND, 1), 1, id="began-before-it"),
    ],
)
def test_a_course_of_an_unknown_dose_that_began_before_the_episode_is_ordinary(ago: Ago, counted: int) -> None:
    assert len(case_of(chart(overdose(9), course(None, ago))).ingestion.records) == counted


@pytest.mark.parametrize(
    ("facts", "counted"),
    [
        pytest.param((took(1.3, 6),), 1, id="two-tablets"),
        pytest.param((took(1.3005, 6),), 2, id="just-more"),
        pytest.param((course(4, (48, 6)),), 1, id="the-daily-dose"),
        pytest.param((course(4.002, (48, 6)),), 2, id="just-more-a-day"),
        pytest.param((took(1, 6, intent=Intent.SELF_HARM),), 2, id="with-intent"),
    ],
)
def test_ordinary_doses_beside_an_overdose_do_not_count(facts: tuple[Fact, ...], counted: int) -> None:
    assert len(case_of(chart(overdose(9), *facts)).ingestion.records) == counted


def test_two_ingredients_that_delay_are_both_named() -> None:
    delaying = took(12, 9, delaying_ingredients=frozenset({"opioid", "anticholinergic"}))
    (named,) = case_of(chart(overdose(9), delaying)).ingestion.delaying
    assert named.endswith("(anticholinergic, opioid)")


@pytest.mark.parametrize(
    ("years", "kg", "is_usable"),
    [
        (0.99, 20, True),
        (0.99, 20.1, False),
        (1.01, 60, True),
        (12.9, 150, True),
        (12.9, 150.1, False),
        (13.1, 151, True),
    ],
)
def test_the_heaviest_plausible_child(years: float, kg: float, *, is_usable: bool) -> None:
    found = dosing_weight(chart(weighs(kg), born=born_years_ago(years)), NOW)
    assert isinstance(found, UsableWeight) is is_usable


def test_the_newest_weight_is_compared_with_the_one_before_it() -> None:
    found = dosing_weight(chart(weighs(70, 100), weighs(70, 50), weighs(100, 1)), NOW)
    assert isinstance(found, UnusableWeight)
    assert "(100 kg) differs from the one before (70 kg)" in found.because


def test_the_newest_weight_is_that_which_may_be_latest() -> None:
    found = dosing_weight(chart(weighs(70, (10, 1)), weighs(90, (9, 2))), NOW)
    assert isinstance(found, UnusableWeight)
    assert "(70 kg) differs from the one before (90 kg)" in found.because


def test_one_weight_charted_in_two_ways_is_one_weight() -> None:
    twice = (weighs(70), replace(weighs(70), charted="154.3 lb"))
    found = assessed(overdose(9), level(80), *twice)
    assert [used.value for used in found.inputs if used.label == "weight"] == ["70"]


def test_the_body_of_a_usable_weight_has_an_age() -> None:
    assert body_of(chart(weighs(16), born=born_years_ago(4)), NOW).is_young_child is True
