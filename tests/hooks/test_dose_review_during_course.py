"""Bags ordered while a course runs: those given count as given, and the course is not begun again."""

from __future__ import annotations

import pytest

from cds_service.clinical.order_faults import FaultKind
from tests.clinical.facts_builders import Fact, infused, weighs
from tests.hooks.test_dose_review import RIGHT, Json, dose_check, each, kinds, review

FIRST = infused(10_500, 5, 4)
SECOND = infused(3_500, 4, 0, "in-progress")
THIRD = infused(7_000, 0, -16, "in-progress")
STOPPED = infused(10_500, 5, 4, "stopped")


def during(texts: tuple[str, ...], *given: Fact, kg: float = 70) -> tuple[set[FaultKind], Json | None, str]:
    """Kinds of faults, the dose card, and the detail of the first card, for drafts signed while this has been given."""
    assessment, cards = review(each(*texts), weighs(kg), *given)
    return kinds(assessment), dose_check(cards), cards[0]["detail"]


@pytest.mark.parametrize(
    ("texts", "given"),
    [
        pytest.param(RIGHT[2:], (FIRST, SECOND), id="the-third-while-the-second-runs"),
        pytest.param(RIGHT[1:2], (FIRST,), id="the-second-after-the-first"),
        pytest.param(RIGHT[1:], (FIRST,), id="the-rest"),
        pytest.param(RIGHT[2:], (FIRST, SECOND, THIRD), id="the-last-once-more"),
        pytest.param(RIGHT[:1], (STOPPED,), id="the-first-again-after-it-was-stopped"),
    ],
)
def test_the_next_bag_of_a_running_course_is_right(texts: tuple[str, ...], given: tuple[Fact, ...]) -> None:
    found, card, _ = during(texts, *given)
    assert (found, card) == (set(), None)


@pytest.mark.parametrize(
    ("texts", "given", "says", "says_not"),
    [
        (
            RIGHT[2:],
            (FIRST, SECOND),
            "Bags 1 and 2 of the three-bag regimen given or running",
            "not among the selected",
        ),
        (RIGHT[1:2], (FIRST,), "selected: bag 2 of 3 of the three-bag regimen; bag 3 not among", "bag 1 not among"),
        (RIGHT[2:], (), "bags 1 and 2 not among the selected orders", "given or running"),
    ],
)
def test_what_was_given_is_not_missing(
    texts: tuple[str, ...], given: tuple[Fact, ...], says: str, says_not: str
) -> None:
    _, _, detail = during(texts, *given)
    assert says.lower() in detail.lower()
    assert says_not.lower() not in detail.lower()


@pytest.mark.parametrize(
    ("texts", "given", "label", "drafted"),
    [
        pytest.param(
            RIGHT, (FIRST,), "Replace with three-bag for 70 kg, bags 2 and 3", ["Bag 2", "Bag 3"], id="whole-course"
        ),
        pytest.param(
            RIGHT[:1], (FIRST, SECOND), "Replace with three-bag for 70 kg, bag 3", ["Bag 3"], id="the-first-again"
        ),
        pytest.param(RIGHT[:1], (FIRST, SECOND, THIRD), "Remove the draft orders of IV NAC", [], id="nothing-is-left"),
    ],
)
def test_a_bag_given_already_is_critical_and_only_the_rest_is_offered(
    texts: tuple[str, ...], given: tuple[Fact, ...], label: str, drafted: list[str]
) -> None:
    found, card, _ = during(texts, *given)
    assert FaultKind.ALREADY_GIVEN in found
    assert card is not None
    assert card["indicator"] == "critical"
    assert card["summary"].startswith("Bag 1 is ordered again: it was given or is running")
    (suggestion,) = card["suggestions"]
    assert suggestion["label"] == label
    created = [action["description"] for action in suggestion["actions"] if action["type"] == "create"]
    assert [words[:5] for words in created] == drafted


def test_the_same_bag_twice_is_replaced_by_what_is_left() -> None:
    _, card, _ = during((RIGHT[1], RIGHT[1]), FIRST)
    assert card is not None
    created = [action for action in card["suggestions"][0]["actions"] if action["type"] == "create"]
    assert [action["description"][:5] for action in created] == ["Bag 2", "Bag 3"]


def test_bags_of_another_regimen_are_not_drafted_into_a_running_course() -> None:
    """Two-bag dosing at 30 kg is replaced by three-bag dosing, less the bag that runs."""
    _, card, _ = during(("200 mg/kg in 1 L D5W over 4 h",), infused(4_500, 0.5, -0.5, "in-progress"), kg=30)
    assert card is not None
    created = [action["description"][:5] for action in card["suggestions"][0]["actions"] if action["type"] == "create"]
    assert created == ["Bag 2", "Bag 3"]


def test_no_bag_of_another_regimen_is_offered_while_one_runs() -> None:
    _, card, _ = during(("14,000 mg in 1000 mL D5W over 4 h",) * 2, FIRST)
    assert card is not None
    (suggestion,) = card["suggestions"]
    assert suggestion["label"] == "Remove the draft orders of IV NAC"
    assert {action["type"] for action in suggestion["actions"]} == {"delete"}


def test_without_a_dose_of_what_runs_the_bags_are_reviewed_as_they_stand() -> None:
    found, _, detail = during(RIGHT[2:], infused(None, 5, 4))
    assert found == set()
    assert "given or running: do not start over" not in detail
