"""Small servers on real sockets that do with a connection whatever a test wants, and leave nothing behind."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable

    Behave = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(behave: Behave, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port of a server on 127.0.0.1 that gives each connection to `behave` until the test is over."""
    is_over = asyncio.Event()
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here = asyncio.current_task()
        assert here is not None
        connections.add(here)
        behaving = asyncio.ensure_future(behave(reader, writer))
        ending = asyncio.ensure_future(is_over.wait())
        await asyncio.wait({behaving, ending}, return_when=asyncio.FIRST_COMPLETED)
        for each in (behaving, ending):
            each.cancel()
            with suppress(asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
                await each
        writer.close()
        with suppress(ConnectionError, TimeoutError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        is_over.set()
        await asyncio.gather(*connections)
