"""The connections that this process keeps open to FHIR servers: each carries one request at a time.

Knows httpcore's connections. A request has one to itself from its start until its answer is read. (httpcore's own pool
offers an idle one to several requests at once, all but one of which queue again: of the CPU time of a call with fifteen
queries that was half.) Must not know addresses, FHIR or httpx.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpcore

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable

    _Origin = tuple[bytes, bytes, int | None]


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """Connections in all, those of them kept without a request, and seconds for which they are kept."""

    connections: int = 200
    kept: int = 100
    keep_alive_seconds: float = 5.0


class Connections:
    """A pool for one event loop. A request beyond its limit waits its turn, for as long as the request permits."""

    def __init__(self, backend: httpcore.AsyncNetworkBackend, tls: ssl.SSLContext, limits: PoolLimits) -> None:
        """Open connections through the backend, when they are needed."""
        self._backend = backend
        self._tls = tls
        self._limits = limits
        self._places = asyncio.Semaphore(limits.connections)
        self._in_use = 0
        self._idle: OrderedDict[httpcore.AsyncHTTPConnection, _Origin] = OrderedDict()  # the longest idle one first

    async def send(self, request: httpcore.Request) -> httpcore.Response:
        """The answer, its body not yet read: closing it gives the connection back. Raises httpcore's errors."""
        await self._await_place(request.extensions.get("timeout", {}).get("pool"))
        self._in_use += 1
        origin = (request.url.scheme, request.url.host, request.url.port)
        connection: httpcore.AsyncHTTPConnection | None = None
        try:
            connection = await self._kept_to(origin) or await self._opened_to(request.url.origin)
            answer = await connection.handle_async_request(request)
        except BaseException:
            await self._give_back(connection, origin)
            raise
        body = _Body(answer, lambda: self._give_back(connection, origin))
        return httpcore.Response(answer.status, headers=answer.headers, content=body, extensions=answer.extensions)

    async def aclose(self) -> None:
        """Close the connections without a request; the others are closed with their answers."""
        self._limits = PoolLimits(self._limits.connections, kept=0)
        while self._idle:
            await self._idle.popitem()[0].aclose()

    async def _await_place(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._places.acquire()
        except TimeoutError:
            raise httpcore.PoolTimeout from None

    async def _kept_to(self, origin: _Origin) -> httpcore.AsyncHTTPConnection | None:
        """Of the connections kept to this origin the one used last that still stands."""
        while True:
            kept = next((each for each, its_origin in reversed(self._idle.items()) if its_origin == origin), None)
            if kept is None:
                return None
            del self._idle[kept]
            if not kept.has_expired():
                return kept
            await kept.aclose()

    async def _opened_to(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection:
        """A new connection, in the place of the longest idle one where all are taken."""
        while self._idle and self._in_use + len(self._idle) > self._limits.connections:
            await self._idle.popitem(last=False)[0].aclose()
        seconds = self._limits.keep_alive_seconds
        return httpcore.AsyncHTTPConnection(origin, self._tls, seconds, network_backend=self._backend)

    async def _give_back(self, connection: httpcore.AsyncHTTPConnection | None, origin: _Origin) -> None:
        """Keep a connection whose answer was read to its end, close any other; the next request may go."""
        self._in_use -= 1
        self._places.release()
        if connection is not None and connection.is_available() and len(self._idle) < self._limits.kept:
            self._idle[connection] = origin
        elif connection is not None:
            await connection.aclose()
        while self._idle and (oldest := next(iter(self._idle))).has_expired():
            del self._idle[oldest]
            await oldest.aclose()


@dataclass(slots=True)
class _Body:
    """The body of an answer. Closing it, once or again, gives its connection back."""

    answer: httpcore.Response
    give_back: Callable[[], Awaitable[None]]
    is_closed: bool = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self.answer.aiter_stream():
            yield part

    async def aclose(self) -> None:
        if self.is_closed:
            return
        self.is_closed = True
        try:
            await self.answer.aclose()
        finally:
            await self.give_back()
