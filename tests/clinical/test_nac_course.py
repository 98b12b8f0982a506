"""Acetylcysteine that is running or ordered: continue, never a second start, never stop."""

from __future__ import annotations

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
    inr,
    level,
    nac,
    outcome,
    overdose,
    rules_met,
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
