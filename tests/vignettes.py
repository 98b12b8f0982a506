"""Every fixture patient asked through the whole application, in this process: hook request in, cards out."""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from cds_service.embedded import in_process
from cds_service.sandbox.store import ResourceStore
from cds_service.settings import Settings
from tests.builders import draft_order

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator, Sequence
    from datetime import datetime

    from cds_service.sandbox.fixtures import FixtureCase

Card = dict[str, Any]
T = TypeVar("T")

DEFAULT = "us-2023"


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
        self._answered: dict[str, list[Card]] = {}

    def cards(self, case: FixtureCase, call: dict[str, Any]) -> list[Card]:
        """What the service answers; a call that several tests look at is made once."""
        key = f"{case.slug} {json.dumps(call)}"
        if key not in self._answered:
            self._answered[key] = self._asked(case, call)
        return self._answered[key]

    def _asked(self, case: FixtureCase, call: dict[str, Any]) -> list[Card]:
        self._clock.instant = case.anchor
        client = self._clients[profile_of(call)]
        posted = client.post(f"/cds-services/iv-nac-{call['hook']}", json=hook_request(case, call))
        response = self._runner.run(_done(posted))
        assert response.status_code == httpx.codes.OK, response.text
        found: list[Card] = response.json()["cards"]
        return found


@contextmanager
def opened_service(cases: Sequence[FixtureCase]) -> Iterator[Service]:
    """The service over the charts of all these cases, with one application for each profile their calls name."""
    clock = Clock()
    store = ResourceStore(resource for case in cases for resource in case.resources())
    profiles = sorted({profile_of(call) for case in cases for call in case.expected["calls"]})
    with asyncio.Runner() as runner:
        opened = {name: in_process(Settings(deadline_seconds=60, profile=name), store, clock) for name in profiles}
        yield Service({name: runner.run(_done(each.__aenter__())) for name, each in opened.items()}, clock, runner)
        for each in opened.values():
            runner.run(_done(each.__aexit__(None, None, None)))


async def _done(awaitable: Awaitable[T]) -> T:
    return await awaitable


def profile_of(call: dict[str, Any]) -> str:
    """The name of the guideline profile a call is made under."""
    name: str = call.get("profile", DEFAULT)
    return name


def hook_request(case: FixtureCase, call: dict[str, Any]) -> dict[str, Any]:
    return {
        "hook": call["hook"],
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": context(case, call),
    }


def context(case: FixtureCase, call: dict[str, Any]) -> dict[str, Any]:
    """The context of the hook request: who asks about whom, and the draft order selected, if the call has one."""
    told: dict[str, Any] = {"userId": "Practitioner/example", "patientId": case.slug}
    if call.get("order"):
        order = call["order"] if isinstance(call["order"], dict) else draft_order(call["order"], case.slug)
        told["draftOrders"] = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": order}]}
        told["selections"] = [f"{order['resourceType']}/{order['id']}"]
    return told
