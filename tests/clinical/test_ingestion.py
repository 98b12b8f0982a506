"""From charted exposures to one account: which entries count, when, and by which pathway."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cds_service.clinical.facts import Exposure, Intent, Problem, Route
from cds_service.clinical.ingestion import Ingestion, Pattern
from cds_service.clinical.quantity import Span
from tests.clinical.facts_builders import (
    NOW,
    Ago,
    Fact,
    alt,
    amount,
    case_of,
    chart,
    coingestant,
    course,
    dose_time,
    given,
    has,
    hours_ago,
    level,
    outcome,
    overdose,
    span,
    took,
    unstated_overdose,
    weighs,
)


def ingestion(*facts: Fact) -> Ingestion:
    return case_of(chart(*facts)).ingestion


def test_a_small_dose_at_the_time_of_the_overdose_is_the_overdose() -> None:
    assert ingestion(overdose(9), took(1, 9)).intake.in_24h_g == 1
    assert ingestion(overdose(9), took(1, 8)).intake.in_24h_g is None
    assert ingestion(overdose((20, 0)), took(1, 9)).intake.in_24h_g is None
    assert ingestion(overdose(9), took(1, 8, intent=Intent.ACCIDENTAL)).intake.in_24h_g == 1


@pytest.mark.parametrize(
    ("facts", "pattern"),
    [
        pytest.param((), Pattern.NONE, id="nothing"),
        pytest.param((overdose(9),), Pattern.ACUTE, id="overdose"),
        pytest.param((overdose((9, 5)),), Pattern.ACUTE, id="overdose-in-an-interval"),
        pytest.param((overdose(None),), Pattern.UNKNOWN_TIME, id="overdose-untimed"),
        pytest.param((took(15, 9),), Pattern.ACUTE, id="toxic-dose"),
        pytest.param((took(5, 29), took(5, 5)), Pattern.STAGGERED, id="two-doses-24-h-apart"),
        pytest.param((took(6, 29.1), took(6, 5)), Pattern.REPEATED, id="two-doses-over-24-h-apart"),
        pytest.param((course(8, (72, 1)),), Pattern.REPEATED, id="course-of-8-g-a-day"),
        pytest.param((course(8, 72),), Pattern.REPEATED, id="open-course-of-8-g-a-day"),
        pytest.param((course(8, None),), Pattern.REPEATED, id="undated-course-of-8-g-a-day"),
        pytest.param((course(4, (72, 1)),), Pattern.NONE, id="course-of-4-g-a-day"),
        pytest.param((course(None, 9000),), Pattern.NONE, id="home-medication"),
        pytest.param((given(1, 30), given(1, 24), given(1, 18), given(1, 12)), Pattern.NONE, id="ward-doses"),
        pytest.param((overdose(None, is_repeated_supratherapeutic=True),), Pattern.REPEATED, id="charted-as-repeated"),
        pytest.param((unstated_overdose(5),), Pattern.UNSTATED_DRUG, id="unstated-drug"),
        pytest.param((unstated_overdose(5), overdose(5)), Pattern.ACUTE, id="unstated-and-acetaminophen"),
        pytest.param((given(15, 2, route=Route.INTRAVENOUS),), Pattern.INTRAVENOUS, id="intravenous"),
        pytest.param((dose_time(5),), Pattern.NONE, id="dose-time-without-level"),
        pytest.param((dose_time(5), level(20)), Pattern.ACUTE, id="dose-time-with-level"),
        pytest.param((dose_time(5), level(20, 200)), Pattern.NONE, id="dose-time-with-an-old-level"),
        pytest.param((dose_time(5), level(20), course(None, None)), Pattern.REPEATED, id="dose-time-in-repeated-use"),
        pytest.param((overdose(9), course(None, None)), Pattern.ACUTE, id="overdose-beside-home-medication"),
        pytest.param((took(15, 9), course(None, None)), Pattern.ACUTE, id="toxic-dose-beside-home-medication"),
        pytest.param((took(15, 9), course(3, 400)), Pattern.ACUTE, id="toxic-dose-beside-therapeutic-course"),
        pytest.param((overdose(9), given(1, 20)), Pattern.ACUTE, id="overdose-beside-a-labelled-dose"),
        pytest.param((overdose(9), given(None, 20)), Pattern.ACUTE, id="overdose-beside-an-unmeasured-ward-dose"),
        pytest.param((overdose(9), took(2, 5)), Pattern.STAGGERED, id="overdose-and-2-g"),
        pytest.param((overdose(9), course(None, (60, 2))), Pattern.REPEATED, id="overdose-in-a-recent-course"),
        pytest.param((overdose(9), course(None, 9000)), Pattern.ACUTE, id="overdose-in-an-old-course"),
        pytest.param(tuple(took(0.5, 10 - n / 10) for n in range(24)), Pattern.STAGGERED, id="12-g-in-small-doses"),
        pytest.param((course(4, (60, 1)), course(4, (59, 1))), Pattern.REPEATED, id="two-courses-add-up"),
        pytest.param((took(None, 9, intent=Intent.SELF_HARM),), Pattern.ACUTE, id="medication-in-self-harm"),
        pytest.param((took(1, 9, intent=Intent.SELF_HARM),), Pattern.ACUTE, id="1-g-in-self-harm"),
        pytest.param((took(None, 9), has(Problem.SELF_HARM, 5)), Pattern.ACUTE, id="unmeasured-beside-self-harm"),
        pytest.param((took(None, 9), has(Problem.SELF_HARM, None)), Pattern.ACUTE, id="beside-undated-self-harm"),
        pytest.param((took(None, 9), has(Problem.SELF_HARM, 900)), Pattern.NONE, id="beside-old-self-harm"),
        pytest.param((given(None, 9), has(Problem.SELF_HARM, 5)), Pattern.NONE, id="a-ward-dose-beside-self-harm"),
        pytest.param((took(None, 9),), Pattern.NONE, id="one-unmeasured-dose"),
    ],
)
def test_pattern(facts: tuple[Fact, ...], pattern: Pattern) -> None:
    assert ingestion(*facts).pattern is pattern


def test_self_harm_may_be_dated_by_when_it_was_charted() -> None:
    charted = has(Problem.SELF_HARM, None, recorded_at=hours_ago(3))
    assert ingestion(took(None, 9), charted).pattern is Pattern.ACUTE


@pytest.mark.parametrize(
    ("record", "counts"),
    [
        pytest.param(overdose(167), True, id="under-7-days"),
        pytest.param(overdose(169), False, id="over-7-days"),
        pytest.param(overdose(None, charted=167), True, id="charted-under-7-days-ago"),
        pytest.param(overdose(None, charted=169), False, id="charted-over-7-days-ago"),
        pytest.param(overdose(None, charted=None), True, id="without-any-date"),
    ],
)
def test_an_episode_is_7_days(record: Exposure, *, counts: bool) -> None:
    found = ingestion(record)
    assert found.has_context is counts
    assert found.history == (() if counts else (record,))


@pytest.mark.parametrize(
    ("ago", "used"),
    [
        pytest.param(-0.05, span(-0.05), id="3-min-ahead-is-the-clock"),
        pytest.param(-0.2, None, id="12-min-ahead"),
        pytest.param((5, -5), Span(hours_ago(5), NOW), id="reaching-ahead"),
    ],
)
def test_nothing_was_taken_in_the_future(ago: Ago, used: Span | None) -> None:
    assert ingestion(overdose(ago)).first == used


@pytest.mark.parametrize(
    ("facts", "first", "last"),
    [
        pytest.param((took(6, 9), took(6, 4)), 9, 4, id="staggered"),
        pytest.param((overdose((20, 0.5)), took(15, 9)), 9, 9, id="a-day-that-holds-the-exact-time"),
        pytest.param((overdose((20, 10)), took(15, 9)), 20, 9, id="a-day-that-does-not"),
        pytest.param((overdose(9), dose_time(9)), 9, 9, id="the-same-time-twice"),
        pytest.param((course(8, (72, 1)),), 72, 1, id="a-course-has-two-ends"),
    ],
)
def test_first_and_last_dose(facts: tuple[Fact, ...], first: float, last: float) -> None:
    found = ingestion(*facts)
    assert found.first is not None
    assert found.last is not None
    assert (found.first.earliest, found.last.latest) == (hours_ago(first), hours_ago(last))


@pytest.mark.parametrize(
    ("facts", "ago"),
    [
        pytest.param((overdose(9),), 9, id="the-first-dose"),
        pytest.param((overdose(None, charted=3),), 11, id="shortly-before-it-was-charted"),
        pytest.param((), 24, id="a-day-ago"),
        pytest.param((took(6, 40), took(6, 4)), 4, id="the-last-of-repeated-doses"),
        pytest.param((course(8, (90, 10)),), 34, id="a-day-before-the-end-of-a-course"),
        pytest.param((course(8, 90),), 24, id="a-day-ago-in-an-open-course"),
        pytest.param((course(8, (90, -90)),), 24, id="a-day-ago-in-a-course-that-goes-on"),
        pytest.param((overdose(None, charted=3, is_repeated_supratherapeutic=True),), 11, id="repeated-untimed"),
    ],
)
def test_a_negative_result_counts_from(facts: tuple[Fact, ...], ago: float) -> None:
    assert ingestion(*facts).negative_from(NOW) == hours_ago(ago)


@pytest.mark.parametrize(
    ("facts", "intent"),
    [
        ((overdose(9),), Intent.UNKNOWN),
        ((overdose(9, intent=Intent.ACCIDENTAL),), Intent.ACCIDENTAL),
        ((overdose(9, intent=Intent.ACCIDENTAL), overdose(8, intent=Intent.SELF_HARM)), Intent.SELF_HARM),
        ((overdose(9, intent=Intent.ACCIDENTAL), has(Problem.SELF_HARM)), Intent.SELF_HARM),
        ((overdose(9, intent=Intent.ACCIDENTAL), overdose(8, intent=Intent.UNDETERMINED)), Intent.UNDETERMINED),
    ],
)
def test_intent(facts: tuple[Fact, ...], intent: Intent) -> None:
    assert ingestion(*facts).intent is intent


@pytest.mark.parametrize(
    ("facts", "names"),
    [
        ((overdose(9),), ()),
        ((overdose(9), coingestant()), ("an opioid (opioid)",)),
        ((overdose(9), coingestant(ago=None)), ("an opioid (opioid)",)),
        ((overdose(9), coingestant(ago=300)), ()),
        (
            (overdose(9), took(0.325, 9, delaying_ingredients=frozenset({"hydrocodone"}))),
            ("acetaminophen 500 MG Oral Tablet (hydrocodone)",),
        ),
    ],
)
def test_what_delays_absorption(facts: tuple[Fact, ...], names: tuple[str, ...]) -> None:
    found = ingestion(*facts)
    assert found.delaying == names
    assert found.may_absorb_late is bool(names)


def test_an_extended_release_product_beside_the_overdose_counts() -> None:
    assert ingestion(overdose(9), took(0.65, 9, is_extended_release=True)).is_extended_release


def test_ordinary_use_is_kept_apart() -> None:
    home = course(2, (90, 1))
    assert ingestion(home).therapeutic == (home,)
    assert ingestion(home, overdose(9)).therapeutic == (home,)
    assert ingestion(home).has_any_acetaminophen
    assert not ingestion(unstated_overdose(9)).has_any_acetaminophen
    assert ingestion(amount(2), level(5)).therapeutic == ()


@pytest.mark.parametrize("weight", [(), (weighs(70, 24 * 200),)])
def test_ward_doses_without_a_usable_weight_are_not_an_overdose(weight: tuple[Fact, ...]) -> None:
    """1 g every 6 h is five doses in 24 h counted inclusively: 5 g would be 200 mg/kg of a 25 kg adult."""
    doses = [given(1, ago) for ago in (24, 18, 12, 6, 0)]
    assert outcome(*doses, *weight, level(15), alt(20)) is None


def test_the_staggered_span_is_the_profile_s() -> None:
    found = ingestion(took(6, 29), took(6, 5))
    assert found.first is not None
    assert found.last is not None
    assert found.last.earliest - found.first.latest == timedelta(hours=24)
