"""The pool over real sockets: connections are kept, shared by nobody, limited, and given back whatever happens."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpcore
import pytest

from cds_service.fhir.connections import Connections, PoolLimits
from tests.sockets import listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_SECONDS = 10.0
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"


class Server:
    """Answers with four bytes when it is let, and counts connections that are open."""

    def __init__(self, *, closes: bool = False) -> None:
        self.closes = closes
        self.port = 0
        self.opened = self.open = self.asked = self.most_at_once = self._at_once = 0
        self.go = asyncio.Event()
        self.go.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        self.open += 1
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                self.asked += 1
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)
                await self.go.wait()
                self._at_once -= 1
                writer.write(ANSWER)
                if self.closes:
                    return
        finally:
            self.open -= 1
            writer.close()

    def request(self, pool_seconds: float = _SECONDS) -> httpcore.Request:
        timeout = {"pool": pool_seconds, "connect": _SECONDS, "read": _SECONDS, "write": _SECONDS}
        url = httpcore.URL(scheme=b"http", host=b"127.0.0.1", port=self.port, target=b"/")
        return httpcore.Request(b"GET", url, headers=[(b"host", b"test")], extensions={"timeout": timeout})


@asynccontextmanager
async def server(*, closes: bool = False) -> AsyncIterator[Server]:
    made = Server(closes=closes)
    async with listening(made.serve) as made.port:
        yield made


@asynccontextmanager
async def pool(limits: PoolLimits) -> AsyncIterator[Connections]:
    made = Connections(httpcore.AnyIOBackend(), ssl.create_default_context(), limits)
    yield made
    await made.aclose()


async def body_of(connections: Connections, request: httpcore.Request) -> bytes:
    answer = await connections.send(request)
    try:
        return b"".join([part async for part in answer.aiter_stream()])
    finally:
        await answer.aclose()


async def until(server: Server, *, asked: int | None = None, is_open: int | None = None) -> None:
    async with asyncio.timeout(_SECONDS):
        while (asked not in (None, server.asked)) or (is_open not in (None, server.open)):  # noqa: ASYNC110 - a socket tells nobody
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    ("limits", "opened", "kept"),
    [
        (PoolLimits(), 15, 15),
        (PoolLimits(connections=4), 4, 4),
        (PoolLimits(kept=3), 27, 3),
        (PoolLimits(keep_alive_seconds=0.0), 30, None),
    ],
)
async def test_requests_at_once_use_a_connection_each_and_the_next_ones_use_them_again(
    limits: PoolLimits, opened: int, kept: int | None
) -> None:
    async with server() as asked, pool(limits) as connections:
        for _ in range(2):
            asked.go.clear()
            requests = [asyncio.create_task(body_of(connections, asked.request())) for _ in range(15)]
            await until(asked, asked=asked.asked + min(15, limits.connections))
            asked.go.set()
            assert await asyncio.gather(*requests) == [b"body"] * 15
        assert (asked.opened, asked.most_at_once) == (opened, min(15, limits.connections))
        await until(asked, is_open=kept)
        await connections.aclose()
        await until(asked, is_open=0)


async def test_a_request_without_a_place_in_time_is_told_so_and_costs_no_place() -> None:
    async with server() as asked, pool(PoolLimits(connections=1)) as connections:
        asked.go.clear()
        first = asyncio.create_task(body_of(connections, asked.request()))
        await until(asked, asked=1)
        with pytest.raises(httpcore.PoolTimeout):
            await connections.send(asked.request(pool_seconds=0.01))
        asked.go.set()
        assert [await first, await body_of(connections, asked.request())] == [b"body"] * 2


async def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    async with server(closes=True) as asked, pool(PoolLimits()) as connections:
        for _ in range(3):
            assert await body_of(connections, asked.request()) == b"body"
            await until(asked, is_open=0)
        assert asked.opened == 3


async def test_a_request_that_is_given_up_gives_its_place_back_and_closes_its_connection() -> None:
    async with server() as asked, pool(PoolLimits(connections=1)) as connections:
        asked.go.clear()
        given_up = asyncio.create_task(body_of(connections, asked.request()))
        await until(asked, asked=1)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        asked.go.set()
        assert await body_of(connections, asked.request()) == b"body"
        assert asked.opened == 2


async def test_an_answer_that_is_not_read_to_its_end_closes_its_connection() -> None:
    async with server() as asked, pool(PoolLimits(connections=1)) as connections:
        answer = await connections.send(asked.request())
        await answer.aclose()
        await answer.aclose()  # gives one place back, not two
        await until(asked, is_open=0)
        assert await body_of(connections, asked.request()) == b"body"
        asked.go.clear()
        first = asyncio.create_task(body_of(connections, asked.request()))
        await until(asked, asked=3)
        with pytest.raises(httpcore.PoolTimeout):
            await connections.send(asked.request(pool_seconds=0.01))
        asked.go.set()
        assert await first == b"body"


async def test_a_server_that_refuses_costs_no_place(unused_tcp_port: int) -> None:
    async with server() as asked, pool(PoolLimits(connections=1)) as connections:
        nobody = Server()
        nobody.port = unused_tcp_port
        for _ in range(2):
            with pytest.raises(httpcore.ConnectError):
                await connections.send(nobody.request())
        assert await body_of(connections, asked.request()) == b"body"


async def test_an_idle_connection_makes_room_for_another_server() -> None:
    async with server() as one, server() as other, pool(PoolLimits(connections=2)) as connections:
        one.go.clear()
        both = [asyncio.create_task(body_of(connections, one.request())) for _ in range(2)]
        await until(one, asked=2)
        one.go.set()
        await asyncio.gather(*both)
        assert await body_of(connections, other.request()) == b"body"
        await until(one, is_open=1)
        assert other.open == 1
