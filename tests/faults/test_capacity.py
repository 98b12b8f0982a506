"""Too much at once: what is beyond the places is refused at once and in words, and nobody else pays for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import orjson
import pytest
import uvicorn

from benchmarks.bodies import large_chart
from cds_service.app import create_app
from cds_service.demo import listening_socket
from cds_service.hooks.capacity import Capacity, OverCapacityError
from cds_service.settings import Settings
from tests.faults.toxic import Exchange, ToxicServer, head, searchset
from tests.hooks.service import NOW, VIEW, issues, level_result, prefetch, service, topics, view
from tests.hooks.tokens import bearing, gated, signed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

FHIR = "http://127.0.0.1:9/fhir"
_SECONDS = 60.0
PATIENT: dict[str, Any] = {
    "allowed_fhir_servers": (FHIR,),
    "fhir_timeout_seconds": _SECONDS,
    "deadline_seconds": _SECONDS,
}


class HeldFhir:
    """Says when it is asked, and answers with an empty page when it is let go."""

    def __init__(self) -> None:
        self._asked = asyncio.Semaphore(0)
        self.go = asyncio.Event()

    async def __call__(self, _: httpx.Request) -> httpx.Response:
        self._asked.release()
        await self.go.wait()
        return httpx.Response(200, content=searchset())

    async def is_asked(self, times: int) -> None:
        async with asyncio.timeout(_SECONDS):
            for _ in range(times):
                await self._asked.acquire()


def held(**more: Any) -> dict[str, Any]:
    """A call that needs one query of the server; its level alone calls for treatment."""
    return view(fhirServer=FHIR, prefetch=prefetch(120.0, transaminases=...), **more)


def limited(fhir: HeldFhir, most: int) -> AbstractAsyncContextManager[httpx.AsyncClient]:
    return service(fhir, max_calls=most, **PATIENT)


def assert_over_capacity(answer: httpx.Response) -> None:
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert [issue["code"] for issue in issues(answer)] == ["throttled"]


async def test_a_call_beyond_the_places_is_refused_and_the_others_have_their_cards() -> None:
    fhir = HeldFhir()
    async with limited(fhir, 2) as client:
        in_hand = [asyncio.create_task(client.post(VIEW, json=held())) for _ in range(2)]
        await fhir.is_asked(2)
        refused = await client.post(VIEW, json=held(), headers={"Origin": "https://ehr.test"})
        assert (await client.get("/readyz")).status_code == 200
        assert (await client.get("/cds-services")).status_code == 200
        fhir.go.set()
        answered = [await each for each in in_hand]
        again = await client.post(VIEW, json=held())
        metrics = (await client.get("/metrics")).text
    assert_over_capacity(refused)
    assert refused.headers["access-control-allow-origin"] == "*"
    assert [topics(each)[0] for each in (*answered, again)] == ["indicated"] * 3
    assert 'cds_calls_total{category="none",hook="unknown",service="iv-nac-patient-view",status="503"} 1.0' in metrics
    assert 'cds_faults_total{kind="refused-throttled"} 1.0' in metrics
    assert "cds_calls_in_flight 0.0" in metrics


async def test_a_token_is_not_used_up_by_a_refusal_for_capacity(tmp_path: Path) -> None:
    fhir = HeldFhir()
    async with gated(tmp_path, handler=fhir, max_calls=1, **PATIENT) as client:
        first = asyncio.create_task(client.post(VIEW, json=held(), headers=bearing(signed(jti="first"))))
        await fhir.is_asked(1)
        second = bearing(signed(jti="second"))
        assert_over_capacity(await client.post(VIEW, json=held(), headers=second))
        fhir.go.set()
        assert (await first).status_code == 200
        assert (await client.post(VIEW, json=held(), headers=second)).status_code == 200


def test_a_place_is_free_again_whatever_happened_in_it() -> None:
    capacity = Capacity(1)
    with pytest.raises(KeyError), capacity.answering():
        raise KeyError
    with capacity.answering(), pytest.raises(OverCapacityError), capacity.answering():
        pytest.fail("there was a place")
    with capacity.arriving(), capacity.arriving():
        with pytest.raises(OverCapacityError), capacity.arriving():
            pytest.fail("there was a place")
        with pytest.raises(OverCapacityError):
            capacity.check()
        with capacity.answering():
            pass
    capacity.check()


@pytest.fixture
async def server() -> AsyncIterator[int]:
    """The port of the service on a real socket: two places, three quarters of a second for a body."""
    app = create_app(
        Settings(database_url="", max_calls=2, deadline_seconds=0.75, fhir_timeout_seconds=0.5), clock=lambda: NOW
    )
    with listening_socket(0) as bound:
        bound.listen()  # who calls before the server has started waits for it
        running = uvicorn.Server(uvicorn.Config(app, ws="none", log_level="warning", access_log=False))
        serving = asyncio.create_task(running.serve(sockets=[bound]))
        yield bound.getsockname()[1]
        running.should_exit = True
        await serving


async def slow_sender(port: int) -> int:
    """The status that a client is given who announces a body and never sends all of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"POST {VIEW} HTTP/1.1\r\nHost: cds\r\nContent-Length: 5000\r\n\r\n{{".encode())
    await writer.drain()
    status = int((await reader.readline()).split()[1])
    writer.close()
    return status


async def test_slow_senders_take_no_place_from_others_and_are_sent_away(server: int) -> None:
    slow = [asyncio.create_task(slow_sender(server)) for _ in range(3)]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server}", timeout=_SECONDS) as client:
        quick = await client.post(VIEW, json=view())
        beyond = [asyncio.create_task(slow_sender(server)) for _ in range(3)]
        statuses = await asyncio.gather(*slow, *beyond)
        after = await client.post(VIEW, json=view())
    assert quick.status_code == 200
    assert sorted(statuses) == [408] * 4 + [503] * 2
    assert after.status_code == 200


async def slow_page(exchange: Exchange) -> None:
    """A page after 200 ms: the level that calls for treatment, or nothing."""
    await asyncio.sleep(0.2)
    found = [level_result(120.0)] if "code=" in exchange.target and "3298-7" in exchange.target else []
    await exchange.send(head() + searchset(*found))


@pytest.mark.parametrize("missing", [("levels",), ("levels", "transaminases", "chemistry")])
async def test_a_hundred_calls_that_wait_for_a_slow_server_all_have_their_card(missing: tuple[str, ...]) -> None:
    slow = ToxicServer(slow_page)
    async with slow.running() as port:
        slow.base = f"http://127.0.0.1:{port}/fhir"
        settings = Settings(
            database_url="", allowed_fhir_servers=(slow.base,), deadline_seconds=_SECONDS, fhir_timeout_seconds=_SECONDS
        )
        app = create_app(settings, clock=lambda: NOW)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://cds.test", timeout=_SECONDS) as client,
        ):
            absent: dict[str, Any] = dict.fromkeys(missing, ...)
            body = view(fhirServer=slow.base, prefetch=prefetch(**absent))
            answers = await asyncio.gather(*(client.post(VIEW, json=body) for _ in range(100)))
    assert {answer.status_code for answer in answers} == {200}
    assert {topics(answer)[0] for answer in answers} == {"indicated"}
    assert len(slow.requests) == 100 * len(missing)


async def test_a_chart_with_twenty_thousand_observations_is_read_to_its_end() -> None:
    body = large_chart(NOW, 20_000)
    assert body.count(b'"resourceType":"Observation"') > 20_000
    async with service() as client:
        answer = await client.post(VIEW, content=body)
    assert answer.status_code == 200
    assert topics(answer)[0] == "indicated"
    assert orjson.loads(answer.content)["cards"][0]["extension"]["org.nac-cds.assessment"]["category"] == "indicated"
