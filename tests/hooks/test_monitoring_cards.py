"""The cards of a course that runs or was given: by when to test, what was given, who decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from cds_service.clinical.facts import NacSource, Problem, Route
from cds_service.clinical.quantity import Analyte
from cds_service.hooks.cards import cards_for
from tests.clinical.facts_builders import (
    Fact,
    alert,
    alt,
    assessed,
    ast,
    charcoal,
    has,
    infused,
    inr,
    level,
    nac,
    overdose,
    result,
    weighs,
)

if TYPE_CHECKING:
    from tests.clinical.facts_builders import Ago

NEW_YORK = ZoneInfo("America/New_York")
TREATED = (overdose(30), level(180, 26), weighs(70, 26), infused(10_500, 24, 23), infused(3_500, 23, 19))
THIRD_RUNS = infused(7_000, 4, -12, "in-progress")
THIRD_DONE = infused(7_000, 19, 3)


def good(ago: Ago) -> tuple[Fact, ...]:
    return (level(4, ago), inr(1.2, ago), alt(30, ago), ast(28, ago))


def card(*facts: Fact) -> dict[str, Any]:
    (made,) = cards_for(assessed(*facts), order_context=None, base_url="https://cds.example.org", zone=NEW_YORK)
    return made.card


def test_a_running_bag_names_the_clock_time_of_the_repeat_tests() -> None:
    shown = card(*TREATED, THIRD_RUNS)
    assert shown["source"]["topic"]["code"] == "continue"
    assert "19:00 EST" in shown["summary"]
    assert "Bag 3 of 3 ends at 19:00 EST (as charted)" in shown["detail"]
    assert "Acetylcysteine began at 07:00 EST on 14 Jan" in shown["detail"]
    assert "about 225 of 300 mg/kg" in shown["detail"]
    tests = [action["resource"] for each in shown["suggestions"] for action in each["actions"]]
    assert tests
    assert all(test["note"] == [{"text": "Draw no later than 19:00 EST"}] for test in tests)


def test_an_earlier_bag_names_the_end_of_the_last_one_as_well() -> None:
    facts = (overdose(9), level(180, 5), weighs(70), nac(NacSource.ADMINISTRATION, "in-progress", 0, dose_mg=10_500.0))
    shown = card(*facts)
    assert "Bag 1 of 3 ends at 08:00 EST (as the regimen has it)" in shown["detail"]
    assert "The last bag is expected to end at 04:00 EST on 16 Jan" in shown["detail"]


def test_an_unknown_end_is_not_given_a_clock_time() -> None:
    shown = card(overdose(9), level(180, 5), nac(NacSource.ADMINISTRATION, "in-progress", 2))
    assert "before the last bag ends" in shown["summary"]
    assert " ends at " not in shown["detail"]


def test_criteria_met_leave_the_decision_to_the_clinician() -> None:
    shown = card(*TREATED, THIRD_DONE, *good(4))
    assert (shown["source"]["topic"]["code"], shown["indicator"]) == ("criteria-met", "info")
    assert "the clinician decides" in shown["summary"]
    assert "300 of 300 mg/kg (21,000 mg) given in 21 h" in shown["detail"]
    assert "suggestions" not in shown
    assert "stop" not in f"{shown['summary']} {shown['detail']}".lower().replace("to stop taking", "")


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ((*good(4)[:1], inr(2.4, 4), *good(4)[2:]), "INR 2.4"),
        ((*good(4), has(Problem.JAUNDICE, 2)), "jaundice"),
        (good(4)[1:], "acetaminophen level"),
    ],
)
def test_what_keeps_a_course_going_is_in_the_summary(facts: tuple[Fact, ...], says: str) -> None:
    shown = card(*TREATED, THIRD_DONE, alert(4), *facts)
    assert shown["source"]["topic"]["code"] == "continue"
    assert says in shown["summary"]
    assert shown["summary"].endswith("now")


def test_an_injured_liver_asks_for_the_further_tests() -> None:
    """One suggestion for all four, by the end of the last bag."""
    shown = card(*TREATED, THIRD_RUNS, alt(900, 1))
    assert "INR, creatinine, lactate, phosphate, glucose by 19:00 EST" in shown["detail"]
    (found,) = [each for each in shown["suggestions"] if "creatinine" in each["label"]]
    assert found["label"] == "Order creatinine, lactate, phosphate, glucose by 19:00 EST"
    orders = [action["resource"] for action in found["actions"]]
    assert [order["code"]["coding"][0]["code"] for order in orders] == ["2160-0", "2524-7", "2777-1", "2345-7"]
    assert {order["resourceType"] for order in orders} == {"ServiceRequest"}
    assert {order["priority"] for order in orders} == {"urgent"}


def test_a_sound_liver_asks_for_no_further_tests() -> None:
    assert not any("creatinine" in each["label"] for each in card(*TREATED, THIRD_RUNS, alt(20, 1))["suggestions"])


def test_a_course_long_over_asks_for_tests_now() -> None:
    shown = card(overdose(90), level(180, 86), weighs(70, 80), infused(21_000, 84, 60))
    assert shown["source"]["topic"]["code"] == "data-needed"
    assert "now" in shown["summary"]
    assert "start IV NAC" not in shown["detail"]


def test_overlays_show_their_section_and_their_evidence() -> None:
    oral = nac(NacSource.ADMINISTRATION, "completed", 1, route=Route.ORAL)
    sick = (has(Problem.ENCEPHALOPATHY), result(Analyte.ARTERIAL_PH, 7.1), result(Analyte.LACTATE, 6))
    shown = card(overdose(9), level(800), weighs(70), oral, charcoal(), *sick)
    assert "**Oral acetylcysteine and charcoal**" in shown["detail"]
    assert "**Extracorporeal treatment**" in shown["detail"]
    assert "EXTRIP 2014" in shown["detail"]
    assert {"ectr", "consult"} <= set(shown["extension"]["org.nac-cds.assessment"]["overlays"])
