"""Which tests each rule asks for by itself; on a card the asks of all rules stand together, and hide one another."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from cds_service.clinical.facts import DataGap, GapKind, Problem, Route
from cds_service.clinical.findings import Test
from cds_service.clinical.profiles import PROFILES
from tests.clinical.facts_builders import (
    NOW,
    Fact,
    alt,
    assessed,
    ast,
    finding,
    given,
    has,
    inr,
    level,
    overdose,
    took,
    unstated_overdose,
)

LEVEL, ENZYMES, INR, MIND = Test.ACETAMINOPHEN, Test.TRANSAMINASES, Test.INR, Test.MENTAL_STATUS
NORMAL = (alt(25, 0.1), ast(22, 0.1))
REPEATED = (took(5, 40), took(5, 28), took(5, 16), took(5, 4))
UNREAD = DataGap(GapKind.UNKNOWN_UNIT, "acetaminophen", "a level in an unknown unit")
STAGGERED = (took(8, 9), took(8, 7), overdose(9))


@pytest.mark.parametrize(
    ("rule", "facts", "asked"),
    [
        ("A1", (has(Problem.ENCEPHALOPATHY), overdose(40)), {INR}),
        ("A2", (overdose(40),), {ENZYMES}),
        ("A5", (overdose(40), inr(1.5), alt(41)), {MIND}),
        ("B1", (overdose(9),), {LEVEL}),
        ("B2b", (overdose(9), took(30, 9), level(40)), {LEVEL, ENZYMES}),
        ("B3", (overdose(9), level(40)), {ENZYMES}),
        ("B4", (overdose(9), level(40), alt(60)), {LEVEL, ENZYMES}),
        ("B8", (overdose(3), level(200)), {LEVEL, ENZYMES}),
        ("B9", (overdose(None), UNREAD), {LEVEL}),
        ("B9", (overdose(5), level(60, 6)), {ENZYMES}),
        ("B13", (overdose(None), level(5)), {ENZYMES}),
        ("B13", (*REPEATED, *NORMAL), {LEVEL}),
        ("B14", (overdose(None), level("<20")), {ENZYMES}),
        ("B15", (*STAGGERED, level(20, 4), *NORMAL), {LEVEL}),
        ("B16", (overdose((9, 3)), level(20), *NORMAL), {LEVEL}),
        ("C1", (overdose(9),), {LEVEL, ENZYMES, INR}),
        ("C1", REPEATED, {LEVEL, ENZYMES, INR}),
        ("C2", (overdose(2),), {LEVEL, ENZYMES}),
        ("C2", (unstated_overdose(2),), {LEVEL, ENZYMES}),
        ("C3", (overdose(None),), {LEVEL, ENZYMES, INR}),
        ("C5", (given(15, 2, route=Route.INTRAVENOUS),), {LEVEL, ENZYMES}),
        ("C5", (given(15, 2, route=Route.INTRAVENOUS), level(40)), {ENZYMES}),
        ("D3", (alt(300),), {LEVEL}),
    ],
)
def test_what_a_rule_asks_for(rule: str, facts: tuple[Fact, ...], asked: set[Test]) -> None:
    assert {ask.test for ask in finding(assessed(*facts), rule).asks} == asked


@pytest.mark.parametrize(
    ("results", "asked"),
    [((), {LEVEL, ENZYMES}), ((level(20),), {ENZYMES}), (NORMAL, {LEVEL}), ((level(20), *NORMAL), set())],
)
def test_staggered_doses_that_are_treated_at_once_ask_for_what_is_missing(
    results: tuple[Fact, ...], asked: set[Test]
) -> None:
    found = assessed(*STAGGERED, *results, profile=PROFILES["uk-2012"])
    assert {ask.test for ask in finding(found, "B15").asks} == asked


@pytest.mark.parametrize(
    ("rule", "facts", "not_before", "not_after"),
    [
        # Early: 4 h after the last dose.
        pytest.param("B8", (overdose(3), level(200)), NOW + timedelta(hours=1), None, id="too-early"),
        pytest.param("B8", (overdose(7), level(200, 5)), NOW, None, id="too-early-and-4-h-have-passed"),
        pytest.param("B15", (*STAGGERED, took(2, 3), level(20, 2)), NOW + timedelta(hours=1), None, id="staggered"),
        pytest.param("B16", (overdose((9, 3)), level(20)), NOW + timedelta(hours=1), None, id="interval"),
        # No level: from 4 h on, and early enough to start by 8 h.
        pytest.param("C2", (overdose(2),), NOW + timedelta(hours=2), NOW + timedelta(hours=6), id="no-level"),
        pytest.param("C2", (overdose(5),), NOW, NOW + timedelta(hours=3), id="no-level-and-4-h-have-passed"),
        pytest.param("C2", (unstated_overdose(1),), NOW + timedelta(hours=3), None, id="unstated-drug"),
        pytest.param("C2", (unstated_overdose(None),), NOW, None, id="unstated-drug-without-a-time"),
        # Below, but not safe: 4 to 6 h after this one.
        pytest.param(
            "B4", (overdose(9), level(40), alt(60)), NOW + timedelta(hours=3), NOW + timedelta(hours=5), id="raised-alt"
        ),
    ],
)
def test_when_the_level_is_asked_for(
    rule: str, facts: tuple[Fact, ...], not_before: datetime, not_after: datetime | None
) -> None:
    asks = {ask.test: ask for ask in finding(assessed(*facts), rule).asks}
    assert (asks[LEVEL].not_before, asks[LEVEL].not_after) == (not_before, not_after)


def test_the_start_by_time_of_a_level_that_can_be_back() -> None:
    assert finding(assessed(overdose(2)), "C2").start_by == NOW + timedelta(hours=6)
    at_the_earliest = replace(overdose(2), taken=overdose((3, 2)).taken)
    assert finding(assessed(at_the_earliest), "C2").start_by == NOW + timedelta(hours=5)
