"""What the service answers about every fixture patient, collected once: the cards the card tests look at."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cds_service.fhir.queries import prefetch_templates
from cds_service.sandbox.fixtures import FixtureCase, load_cases
from tests.builders import draft_order
from tests.ehr import call, satisfied
from tests.hooks.service import service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call about a fixture patient, and its answer."""

    name: str
    request: Json
    answer: Json

    @property
    def drafts(self) -> dict[str, Json]:
        """The draft orders of the request by "Type/id"."""
        entries = self.request["context"].get("draftOrders", {}).get("entry", ())
        resources = [entry["resource"] for entry in entries]
        return {f"{each['resourceType']}/{each['id']}": each for each in resources}


@dataclass(frozen=True, slots=True)
class Card:
    """One card with the exchange it came from."""

    content: Json
    exchange: Exchange

    @property
    def suggestions(self) -> list[Json]:
        """Its suggestions."""
        return list(self.content.get("suggestions", ()))

    @property
    def actions(self) -> list[Json]:
        """The actions of all its suggestions."""
        return [action for suggestion in self.suggestions for action in suggestion["actions"]]


@lru_cache(maxsize=1)
def exchanges() -> tuple[Exchange, ...]:
    """Every fixture patient on opening the chart, ordering what the fixture orders, and signing IV NAC."""
    return asyncio.run(_exchanges())


@lru_cache(maxsize=1)
def cards() -> tuple[Card, ...]:
    """Every card of these exchanges."""
    return tuple(Card(card, exchange) for exchange in exchanges() for card in exchange.answer["cards"])


async def _exchanges() -> tuple[Exchange, ...]:
    standing: list[datetime] = []
    made = []
    async with service(clock=lambda: standing[-1]) as client:
        for case in load_cases():
            standing.append(case.anchor)
            for name, body in _calls(case):
                answer = await client.post(f"/cds-services/iv-nac-{body['hook']}", json=body)
                assert answer.status_code == 200, f"{name}: {answer.text}"
                made.append(Exchange(name, body, answer.json()))
    return tuple(made)


def _calls(case: FixtureCase) -> Iterator[tuple[str, Json]]:
    prefetch = satisfied(prefetch_templates(), {"patientId": case.slug}, case.resources())
    yield f"{case.slug} patient-view", call("patient-view", case.slug, prefetch)
    orders = [expected["order"] for expected in case.expected["calls"] if expected.get("order")]
    for order in orders:
        drafted = order if isinstance(order, dict) else draft_order(order, case.slug)
        yield f"{case.slug} order-select", call("order-select", case.slug, prefetch, [drafted])
    drafted = draft_order("iv-nac", case.slug)
    yield f"{case.slug} order-sign", call("order-sign", case.slug, prefetch, [drafted])
