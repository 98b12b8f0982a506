"""Every fixture patient through the whole application, from hook to card, against what was written down by hand."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import pytest

from cds_service.embedded import in_process
from cds_service.sandbox.fixtures import FixtureCase, load_cases
from cds_service.sandbox.store import ResourceStore
from cds_service.settings import Settings
from tests.builders import draft_order

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator
    from datetime import datetime

    Card = dict[str, Any]

T = TypeVar("T")

CASES = load_cases()
CALLS = [
    pytest.param(case, call, id=f"{case.slug}-{number}-{call['hook']}")
    for case in CASES
    for number, call in enumerate(case.expected["calls"], start=1)
]
DEFAULT = "us-2023"
PROFILES = {call.get("profile", DEFAULT) for case in CASES for call in case.expected["calls"]}
TOLERANCE = 0.01


class Clock:
    """A clock that stands at the anchor of the case."""

    instant: datetime

    def __call__(self) -> datetime:
        return self.instant


class Service:
    """The application with its embedded FHIR server, no network between them; one for each guideline profile."""

    def __init__(self, clients: dict[str, httpx.AsyncClient], clock: Clock, runner: asyncio.Runner) -> None:
        self._clients = clients
        self._clock = clock
        self._runner = runner

    def cards(self, case: FixtureCase, call: dict[str, Any]) -> list[Card]:
        self._clock.instant = case.anchor
        client = self._clients[call.get("profile", DEFAULT)]
        posted = client.post(f"/cds-services/iv-nac-{call['hook']}", json=hook_request(case, call))
        response = self._runner.run(_done(posted))
        assert response.status_code == httpx.codes.OK, response.text
        found: list[Card] = response.json()["cards"]
        return found


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    clock = Clock()
    store = ResourceStore(resource for case in CASES for resource in case.resources())
    with asyncio.Runner() as runner:
        opened = {
            name: in_process(Settings(deadline_seconds=60, profile=name), store, clock) for name in sorted(PROFILES)
        }
        yield Service({name: runner.run(_done(each.__aenter__())) for name, each in opened.items()}, clock, runner)
        for each in opened.values():
            runner.run(_done(each.__aexit__(None, None, None)))


async def _done(awaitable: Awaitable[T]) -> T:
    return await awaitable


def hook_request(case: FixtureCase, call: dict[str, Any]) -> dict[str, Any]:
    context: dict[str, Any] = {"userId": "Practitioner/example", "patientId": case.slug}
    if call.get("order"):
        order = call["order"] if isinstance(call["order"], dict) else draft_order(call["order"], case.slug)
        context["draftOrders"] = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": order}]}
        context["selections"] = [f"{order['resourceType']}/{order['id']}"]
    return {"hook": call["hook"], "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", "context": context}


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
