"""Acetylcysteine that is running or ordered: continue, never a second start, never stop."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.clinical.facts import NacSource, NacTherapy, Route
from cds_service.clinical.findings import Category, Test
from cds_service.clinical.nac_course import NacState
from tests.clinical.facts_builders import (
    Fact,
    alt,
    assessed,
    case_of,
    chart,
    finding,
    hours_ago,
    infused,
    inr,
    level,
    nac,
    outcome,
    overdose,
    rules_met,
    weighs,
)

GIVEN, ASKED, TOLD = NacSource.ADMINISTRATION, NacSource.REQUEST, NacSource.STATEMENT
ABOVE = (overdose(9), level(160, 5))
RUNNING = nac(GIVEN, "in-progress", 3)


@pytest.mark.parametrize(
    ("therapy", "state"),
    [
        pytest.param(nac(GIVEN, "in-progress"), NacState.RUNNING, id="in-progress"),
        pytest.param(nac(GIVEN, "on-hold"), NacState.RUNNING, id="on-hold"),
        pytest.param(nac(GIVEN, "completed"), NacState.GIVEN, id="completed"),
        pytest.param(nac(GIVEN, "stopped"), NacState.NONE, id="stopped"),
        pytest.param(nac(GIVEN, "in-progress", None), NacState.RUNNING, id="in-progress-undated"),
        pytest.param(nac(GIVEN, "completed", None), NacState.NONE, id="completed-undated"),
        pytest.param(nac(GIVEN, "in-progress", 20), NacState.RUNNING, id="running-since-before-this-overdose"),
        pytest.param(nac(GIVEN, "completed", 20), NacState.NONE, id="given-for-an-earlier-overdose"),
        pytest.param(nac(GIVEN, "in-progress", 200), NacState.NONE, id="never-closed"),
        pytest.param(nac(GIVEN, "in-progress", route=Route.ORAL), NacState.NONE, id="oral"),
        pytest.param(nac(GIVEN, "in-progress", route=Route.UNKNOWN), NacState.NONE, id="route-unknown"),
        pytest.param(nac(ASKED, "active"), NacState.ORDERED, id="ordered"),
        pytest.param(nac(ASKED, "active", None), NacState.ORDERED, id="ordered-undated"),
        pytest.param(nac(ASKED, "completed", None), NacState.NONE, id="an-old-order-undated"),
        pytest.param(nac(ASKED, "stopped"), NacState.NONE, id="order-stopped"),
        pytest.param(nac(TOLD, "active"), NacState.GIVEN, id="stated"),
    ],
)
def test_state(therapy: NacTherapy, state: NacState) -> None:
    course = case_of(chart(*ABOVE, therapy)).nac
    assert course.state is state
    assert outcome(*ABOVE, therapy) is (Category.INDICATED if state is NacState.NONE else Category.CONTINUE)


def test_an_unknown_route_is_kept_to_be_asked_about() -> None:
    therapy = nac(GIVEN, "in-progress", route=Route.UNKNOWN)
    assert case_of(chart(therapy)).nac.unclear == (therapy,)


def test_administration_outranks_the_request() -> None:
    course = case_of(chart(*ABOVE, nac(ASKED, "active"), RUNNING)).nac
    assert course.state is NacState.RUNNING
    assert course.records == (RUNNING,)


@pytest.mark.parametrize(
    ("facts", "rule", "says"),
    [
        pytest.param((level(12, 0.5),), "G2", "level 12 mg/L", id="level"),
        pytest.param((level(5, 0.5), inr(2.0)), "G2", "INR 2", id="inr"),
        pytest.param((level(5, 0.5), inr(1.9), alt(60)), "G2", "ALT 60 U/L", id="alt"),
        pytest.param((level(5, 0.5), inr(1.9), alt(20)), "G3", "not yet known", id="good-as-far-as-known"),
        pytest.param((level(None, 0.5),), "G3", "acetaminophen level", id="only-level-since-unreadable"),
    ],
)
def test_a_running_course_goes_on(facts: tuple[Fact, ...], rule: str, says: str) -> None:
    found = assessed(*ABOVE, RUNNING, *facts)
    assert found.category is Category.CONTINUE
    assert rules_met(found) & {"G2", "G3"} == {rule}
    assert says in finding(found, rule).because
    assert {ask.test for ask in found.asks} >= {Test.ACETAMINOPHEN, Test.TRANSAMINASES, Test.INR}


def test_without_any_result_the_criteria_are_not_known() -> None:
    assert rules_met(assessed(RUNNING)) & {"G2", "G3"} == {"G3"}


def test_without_acetylcysteine_there_is_nothing_to_continue() -> None:
    assert rules_met(assessed(*ABOVE)) & {"G2", "G3"} == set()


# --- a course that is over, and an order that was never carried out ---------------------------------------------------

OLD = (overdose(140), level(180, 136), weighs(70, 136))
OLD_COURSE = (infused(10_500, 135, 134), infused(3_500, 134, 130), infused(7_000, 130, 114))
AGAIN = overdose(5, charted=1)


@pytest.mark.parametrize(
    ("facts", "category"),
    [
        pytest.param((), Category.DATA_NEEDED, id="nothing-new"),
        pytest.param((AGAIN, level(160, 1)), Category.INDICATED, id="a-new-overdose-with-a-level"),
        pytest.param((AGAIN,), Category.INDICATED, id="a-new-overdose-without-a-level"),
        pytest.param((AGAIN, nac(GIVEN, "in-progress", 3)), Category.CONTINUE, id="and-treated-already"),
        pytest.param((level(9.9, 1),), Category.DATA_NEEDED, id="a-level-below-the-limit"),
        pytest.param((level(10, 1),), Category.INDICATED, id="a-newer-detectable-level"),
        pytest.param((level("<20", 1),), Category.DATA_NEEDED, id="a-bound-proves-no-new-level"),
        pytest.param((level(None, 1),), Category.DATA_NEEDED, id="an-unreadable-level"),
        pytest.param((level(40, None),), Category.DATA_NEEDED, id="an-undated-level-may-be-old"),
        pytest.param((level(40, 91),), Category.CONSIDER, id="a-level-soon-after-the-course"),
        pytest.param((level(40, 89.9),), Category.INDICATED, id="a-level-a-day-after-the-course"),
        pytest.param((overdose(None, charted=1),), Category.DATA_NEEDED, id="an-untimed-entry-may-be-the-old-one"),
        pytest.param((alt(1500, 1),), Category.CONSIDER, id="liver-injury-after-the-course"),
    ],
)
def test_a_course_of_days_ago_does_not_treat_what_came_after(facts: tuple[Fact, ...], category: Category) -> None:
    assert outcome(*OLD, *OLD_COURSE, *facts) is category


def test_a_course_that_does_not_count_is_named() -> None:
    found = assessed(*OLD, *OLD_COURSE, level(40, 1))
    assert [gap.reference for gap in found.gaps if "given before the newest level" in gap.text] == [
        therapy.reference for therapy in OLD_COURSE
    ]
    assert found.nac is None


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        pytest.param({}, NacState.ORDERED, id="today"),
        pytest.param({"ago": 24}, NacState.ORDERED, id="24-h-ago"),
        pytest.param({"ago": 24.1}, NacState.NONE, id="more-than-24-h-ago"),
        pytest.param({"ago": 24.1, "status": "on-hold"}, NacState.NONE, id="on-hold"),
        pytest.param({"ago": 24.1, "status": "completed"}, NacState.ORDERED, id="completed-tells-it-was-given"),
        pytest.param({"ago": None}, NacState.ORDERED, id="undated"),
        pytest.param({"ago": 2, "until": 1}, NacState.NONE, id="its-period-is-over"),
        pytest.param({"ago": 2, "until": 0}, NacState.ORDERED, id="its-period-ends-now"),
        pytest.param({"ago": 30, "until": -2}, NacState.ORDERED, id="its-period-goes-on"),
    ],
)
def test_an_order_that_was_never_carried_out(changes: dict[str, Any], state: NacState) -> None:
    until = changes.get("until")
    order = nac(
        ASKED,
        changes.get("status", "active"),
        changes.get("ago", 3),
        valid_until=None if until is None else hours_ago(until),
    )
    facts = (overdose(40), level(160, 34), order)
    found = assessed(*facts)
    assert case_of(chart(*facts)).nac.state is state
    assert found.category is (Category.INDICATED if state is NacState.NONE else Category.CONTINUE)
    named = [gap.reference for gap in found.gaps if "was ordered" in gap.text]
    assert named == ([order.reference] if state is NacState.NONE else [])


def test_an_order_of_two_days_ago_is_outranked_by_what_runs() -> None:
    lapsed = nac(ASKED, "active", 48)
    course = case_of(chart(overdose(50), lapsed, RUNNING)).nac
    assert (course.state, course.lapsed) == (NacState.RUNNING, ())


@pytest.mark.parametrize(
    ("planned_end", "state"),
    [(-2, NacState.RUNNING), (24, NacState.RUNNING), (24.1, NacState.GIVEN)],
)
@pytest.mark.parametrize("status", ["in-progress", "on-hold"])
def test_an_infusion_that_was_never_closed_has_ended(planned_end: float, state: NacState, status: str) -> None:
    course = case_of(chart(overdose(50), infused(7_000, 40, planned_end, status))).nac
    assert course.state is state


def test_a_stated_course_without_a_time_is_not_followed_by_anything() -> None:
    assert outcome(*OLD, nac(TOLD, "active", None), level(40, 1)) is Category.CONTINUE
