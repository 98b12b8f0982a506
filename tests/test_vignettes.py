"""Every fixture patient through the whole application, from hook to card, against what was written down by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cds_service.sandbox.fixtures import FixtureCase, load_cases
from tests.golden_cards import approved, differences, golden_name, wording
from tests.vignettes import Service, opened_service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.vignettes import Card

CASES = load_cases()
CALLS = [
    pytest.param(case, call, id=f"{case.slug}-{number}-{call['hook']}")
    for case in CASES
    for number, call in enumerate(case.expected["calls"], start=1)
]
TOLERANCE = 0.01


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with opened_service(CASES) as opened:
        yield opened


def assessment_of(card: Card) -> dict[str, Any]:
    found: dict[str, Any] = card["extension"]["org.nac-cds.assessment"]
    return found


def topics(cards: list[Card]) -> list[str]:
    return [card["source"]["topic"]["code"] for card in cards]


@pytest.mark.parametrize(("case", "call"), CALLS)
def test_cards_are_those_written_down(service: Service, case: FixtureCase, call: dict[str, Any]) -> None:
    cards = service.cards(case, call)
    assert topics(cards) == call["topics"]
    if cards:
        _check_primary(cards, call)


def _check_primary(cards: list[Card], call: dict[str, Any]) -> None:
    found = assessment_of(cards[0])
    overlays = set(found.get("overlays", ()))
    assert found["category"] == call.get("category", found["category"])
    assert overlays >= set(call.get("overlays", ()))
    assert overlays.isdisjoint(call.get("not_overlays", ()))
    for text in call.get("summary_contains", ()):
        assert text in cards[0]["summary"]
    if "dose_mg" in call:
        assert [bag["dose_mg"] for bag in found.get("dosing", ())] == pytest.approx(call["dose_mg"], abs=TOLERANCE)
    if "nomogram" in call:
        shown = {name: found["nomogram"][name] for name in call["nomogram"]}
        assert shown == pytest.approx(call["nomogram"], abs=TOLERANCE)
    if "alternative_oral_nac" in call:
        offered = any(
            action["type"] == "create" and action["resource"]["resourceType"] == "MedicationRequest"
            for suggestion in cards[0].get("suggestions", ())
            for action in suggestion["actions"]
        )
        assert offered is call["alternative_oral_nac"]


@pytest.mark.parametrize("case", [pytest.param(case, id=case.slug) for case in CASES])
def test_rules_met_are_those_written_down(service: Service, case: FixtureCase) -> None:
    met = {
        rule["id"].partition("-")[0]
        for call in case.expected["calls"]
        for card in service.cards(case, call)
        for rule in assessment_of(card)["rules"]
        if rule["verdict"] == "MET"
    }
    silent = not any(call["topics"] for call in case.expected["calls"])
    if not silent:
        assert met >= set(case.expected["rules"]) - {"E3", "D3"}
    assert met.isdisjoint(case.expected["not_rules"])


@pytest.mark.parametrize("case", [pytest.param(case, id=case.slug) for case in CASES])
def test_every_word_is_as_approved(service: Service, case: FixtureCase) -> None:
    """The goldens are written by `make goldens`; whoever changes one reads it as the prescriber would."""
    assert not (diff := differences(approved(golden_name(case)), wording(case, service.cards))), diff
