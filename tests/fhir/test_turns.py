"""A server that takes only a few requests at once is asked a few at a time, and still answers the whole call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest

from cds_service.fhir.client import FhirClient
from cds_service.fhir.exchange import FetchLimits
from cds_service.fhir.fetched import FaultKind
from cds_service.fhir.queries import QUERY_BY_KEY
from cds_service.fhir.servers import FhirServer
from cds_service.fhir.turns import FEW

if TYPE_CHECKING:
    from cds_service.fhir.fetched import Fetched

LEVELS = QUERY_BY_KEY["levels"]
CROWDED = FhirServer("https://crowded.example/r4")
OTHER = FhirServer("https://other.example/r4")
EMPTY = {"resourceType": "Bundle", "type": "searchset", "total": 0}
QUERIES = 15


class Server:
    """Takes `most` requests at once, each for a moment, and answers the others with `status`."""

    def __init__(self, most: int, status: int = 429) -> None:
        self.most = most
        self.status = status
        self.seconds = 0.01
        self.refused = self.most_at_once = self._at_once = 0

    async def __call__(self, _: httpx.Request) -> httpx.Response:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            if self._at_once > self.most:
                self.refused += 1
                return httpx.Response(self.status)
            await asyncio.sleep(self.seconds)
            return httpx.Response(200, json=EMPTY)
        finally:
            self._at_once -= 1

    def client(self) -> FhirClient:
        limits = FetchLimits(request_seconds=5, backoff_seconds=0.05)
        return FhirClient(httpx.AsyncClient(transport=httpx.MockTransport(self)), limits)


async def call(client: FhirClient, seconds: float = 10.0, server: FhirServer = CROWDED) -> list[Fetched]:
    """One call that searches in parallel."""
    bound = client.for_one_call()
    deadline = asyncio.get_running_loop().time() + seconds
    return await asyncio.gather(*(bound.search(server, LEVELS, "p1", deadline) for _ in range(QUERIES)))


def faults(fetched: list[Fetched]) -> set[FaultKind]:
    return {each.fault.kind for each in fetched if each.fault is not None}


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("most", [FEW, 10])
async def test_a_crowded_server_answers_the_whole_call_and_is_not_crowded_again(most: int, status: int) -> None:
    server = Server(most, status)
    client = server.client()
    assert faults(await call(client)) == set()
    assert (server.most_at_once, server.refused) == (most + 1, QUERIES - most)
    server.most_at_once = server.refused = 0
    assert faults(await call(client)) == set()
    assert (server.most_at_once, server.refused) == (FEW, 0)
    await call(client, server=OTHER)
    assert server.most_at_once > FEW


async def test_calls_beside_each_other_do_not_wait_for_each_other() -> None:
    server = Server(10)
    client = server.client()
    await call(client)
    server.most, server.most_at_once = 100, 0
    assert set().union(*map(faults, await asyncio.gather(*(call(client) for _ in range(3))))) == set()
    assert server.most_at_once == 3 * FEW


async def test_a_server_that_refuses_whatever_is_sent_is_not_taken_for_crowded() -> None:
    server = Server(0)
    client = server.client()
    assert faults(await call(client)) == {FaultKind.RATE_LIMITED}
    assert server.refused == 2 * QUERIES
    server.most, server.most_at_once = 100, 0
    assert faults(await call(client)) == set()
    assert server.most_at_once == QUERIES


async def test_a_turn_that_does_not_come_in_time_is_a_named_gap() -> None:
    server = Server(10)
    client = server.client()
    await call(client)
    server.seconds = 60.0
    found = [each.fault.kind for each in await call(client, seconds=0.1) if each.fault is not None]
    assert found == [FaultKind.TIMEOUT] * FEW + [FaultKind.BUSY] * (QUERIES - FEW)


async def test_many_at_once_stay_so_where_nothing_is_refused() -> None:
    server = Server(100)
    assert faults(await call(server.client())) == set()
    assert server.most_at_once == QUERIES
