"""When a server is left alone, when it is asked again, and what never opens its circuit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cds_service.fhir.circuit import Circuit, CircuitLimits, Circuits, CircuitState, Passage
from cds_service.fhir.client import FhirClient
from cds_service.fhir.exchange import FetchLimits
from cds_service.fhir.fetched import FaultKind, Fetched
from cds_service.fhir.queries import QUERY_BY_KEY
from cds_service.fhir.servers import FhirServer

if TYPE_CHECKING:
    from collections.abc import Callable

LEVELS = QUERY_BY_KEY["levels"]
DEAD = FhirServer("https://dead.example/r4")
FETCH = FetchLimits(request_seconds=0.1, backoff_seconds=0.01)
COOL_DOWN = 0.2
LIMITS = CircuitLimits(failures=2, cool_down_seconds=COOL_DOWN, bases=3)
EMPTY = {"resourceType": "Bundle", "type": "searchset"}


class Server:
    """A server that answers as `answer` says, and counts how often it was asked."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        self.answer = answer
        self.asked = 0
        self.told: list[CircuitState] = []

    async def __call__(self, _: httpx.Request) -> httpx.Response:
        self.asked += 1
        answer = self.answer()
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            await asyncio.sleep(60)
        return httpx.Response(answer, json=EMPTY)

    def client(self, limits: CircuitLimits = LIMITS) -> FhirClient:
        http = httpx.AsyncClient(transport=httpx.MockTransport(self))
        return FhirClient(http, FETCH, Circuits(limits, self.told.append))


async def call(client: FhirClient, queries: int = 1, seconds: float = 1.0, server: FhirServer = DEAD) -> list[Fetched]:
    """One call that searches in parallel."""
    bound = client.for_one_call()
    deadline = asyncio.get_running_loop().time() + seconds
    return await asyncio.gather(*(bound.search(server, LEVELS, "p1", deadline) for _ in range(queries)))


def kinds(fetched: list[Fetched]) -> set[FaultKind | None]:
    return {each.fault.kind if each.fault else None for each in fetched}


@pytest.mark.parametrize(
    ("answer", "kind", "asked_a_call"),
    [(None, FaultKind.TIMEOUT, 10), (httpx.ConnectError("refused"), FaultKind.UNREACHABLE, 20)],
)
async def test_a_dead_server_is_waited_for_twice_and_then_left_alone(
    answer: Exception | None, kind: FaultKind, asked_a_call: int
) -> None:
    server = Server(lambda: answer)
    client = server.client()
    assert kinds(await call(client, 10)) == {kind}
    assert server.told == []  # ten queries that fail together are one failure
    assert kinds(await call(client, 10)) == {kind}
    assert server.told == [CircuitState.OPEN]
    for _ in range(20):
        assert kinds(await call(client, 10)) == {FaultKind.OPEN_CIRCUIT}
    assert server.asked == 2 * asked_a_call


async def test_as_shipped_a_dead_server_costs_one_deadline() -> None:
    server = Server(lambda: None)
    client = server.client(CircuitLimits())
    assert kinds(await call(client, 10)) == {FaultKind.TIMEOUT}
    assert server.told == [CircuitState.OPEN]
    for _ in range(20):
        assert kinds(await call(client, 10)) == {FaultKind.OPEN_CIRCUIT}
    assert server.asked == 10


async def test_as_shipped_one_slow_search_among_answers_is_no_dead_server() -> None:
    answers: list[int | None] = [None, *[200] * 9] * 5
    server = Server(lambda: answers.pop(0))
    client = server.client(CircuitLimits())
    for _ in range(5):
        assert kinds(await call(client, 10)) == {FaultKind.TIMEOUT, None}
    assert server.told == []


async def test_a_server_left_alone_is_a_named_fault_and_no_answer() -> None:
    client = Server(lambda: httpx.ConnectError("no")).client()
    for _ in range(3):
        (fetched,) = await call(client)
    assert fetched.fault is not None
    assert not fetched.is_complete
    assert not fetched.is_partial
    assert fetched.fault.words == "the server did not answer lately and is not asked for a while"


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 410, 429, 500, 502, 503])
async def test_any_answer_keeps_the_circuit_closed(status: int) -> None:
    server = Server(lambda: status)
    client = server.client()
    for _ in range(6):
        assert FaultKind.OPEN_CIRCUIT not in kinds(await call(client))
    assert server.told == []


async def test_failures_count_only_in_a_row() -> None:
    answers = [httpx.ReadError("x"), httpx.ReadError("x"), 200] * 3
    server = Server(lambda: answers.pop(0))
    client = server.client()
    for _ in range(6):
        await call(client)
    assert server.told == []


async def test_silence_after_too_short_a_time_says_nothing_about_the_server() -> None:
    server = Server(lambda: None)
    client = server.client()
    for _ in range(5):
        assert kinds(await call(client, seconds=0.02)) == {FaultKind.TIMEOUT}
    assert server.told == []


async def test_a_crowded_pool_says_nothing_about_the_server() -> None:
    server = Server(lambda: httpx.PoolTimeout("crowded"))
    client = server.client()
    for _ in range(5):
        assert kinds(await call(client)) == {FaultKind.BUSY}
    assert server.told == []


async def opened(server: Server) -> FhirClient:
    """A client whose circuit has been opened by a silent server and may now be tried."""
    alive, server.answer = server.answer, lambda: httpx.ConnectError("no")
    client = server.client()
    while CircuitState.OPEN not in server.told:
        await call(client)
    server.answer, server.asked = alive, 0
    await asyncio.sleep(COOL_DOWN)
    return client


async def test_the_first_call_to_a_recovered_server_is_whole() -> None:
    server = Server(lambda: 200)
    client = await opened(server)
    assert kinds(await call(client, 10)) == {None}
    assert server.asked == 10
    assert server.told == [CircuitState.OPEN, CircuitState.HALF_OPEN, CircuitState.CLOSED]


async def test_one_request_tries_a_server_that_is_still_dead() -> None:
    server = Server(lambda: None)
    client = await opened(server)
    trying, other = await asyncio.gather(call(client, 10), call(client, 10))
    assert kinds(trying) == {FaultKind.TIMEOUT, FaultKind.OPEN_CIRCUIT}
    assert kinds(other) == {FaultKind.OPEN_CIRCUIT}  # and waited for nothing
    assert kinds(await call(client)) == {FaultKind.OPEN_CIRCUIT}
    assert server.asked == 1
    assert server.told == [CircuitState.OPEN, CircuitState.HALF_OPEN, CircuitState.OPEN]


async def test_a_trial_that_is_given_up_leaves_the_next_one_to_another_call() -> None:
    server = Server(lambda: None)
    client = await opened(server)
    trial = asyncio.create_task(call(client, 3))
    await asyncio.sleep(0.02)
    trial.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trial
    server.answer = lambda: 200
    assert kinds(await call(client, 3)) == {None}


async def test_one_dead_server_does_not_close_off_another() -> None:
    server = Server(lambda: 200)
    client = await opened(server)
    assert kinds(await call(client, server=FhirServer("https://alive.example/r4"))) == {None}
    assert server.told == [CircuitState.OPEN]


async def test_the_least_recently_used_base_is_forgotten() -> None:
    circuits = Circuits(LIMITS)
    first = circuits.of("https://a")
    for name in "bcb":
        circuits.of(f"https://{name}")
    assert circuits.of("https://a") is first
    circuits.of("https://d")
    assert circuits.of("https://a") is first
    circuits.of("https://e")
    circuits.of("https://f")
    assert circuits.of("https://a") is first
    for name in "ghi":
        circuits.of(f"https://{name}")
    assert circuits.of("https://a") is not first


async def test_an_older_request_that_is_answered_during_a_trial_closes_the_circuit() -> None:
    told: list[CircuitState] = []
    circuit = Circuit(CircuitLimits(failures=1, cool_down_seconds=0), told.append)
    older, failing = await circuit.enter("older"), await circuit.enter("failing")
    assert older is not None
    assert failing is not None
    circuit.leave(failing, answered=False)
    trial = await circuit.enter("trial")
    assert trial is not None
    assert trial.is_trial
    circuit.leave(older, answered=True)
    circuit.leave(trial, answered=None)
    assert isinstance(await circuit.enter("next"), Passage)
    assert told == [CircuitState.OPEN, CircuitState.HALF_OPEN, CircuitState.CLOSED]
