"""A FHIR server on loopback that answers after a set delay: python -m benchmarks.delayed_fhir PORT MS [MS OF A BATCH].

Searches, and the one batch it is sent, are worked out once and then repeated byte by byte, so that it costs the machine
next to nothing.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from benchmarks.bodies import chart
from cds_service.app import utc_now
from cds_service.sandbox.server import fhir_app
from cds_service.sandbox.store import ResourceStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Delayed:
    """An application whose answers come late, and are remembered by method, path and query."""

    def __init__(self, app: ASGIApp, delay_seconds: float, post_seconds: float) -> None:
        """Wrap the application."""
        self._app = app
        self._delay_seconds = {"POST": post_seconds, "GET": delay_seconds}
        self._answers: dict[tuple[str, str, bytes], list[Message]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer after the delay."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = (scope["method"], scope["path"], scope["query_string"])
        if asked not in self._answers:
            self._answers[asked] = await self._answered(scope, receive)
        await asyncio.sleep(self._delay_seconds[scope["method"]])
        for message in self._answers[asked]:
            await send(message)

    async def _answered(self, scope: Scope, receive: Receive) -> list[Message]:
        told: list[Message] = []

        async def keep(message: Message) -> None:
            told.append(message)

        await self._app(scope, receive, keep)
        return told


def _batch_of(fhir: ASGIApp) -> Callable[[Request], Awaitable[Response]]:
    """The answer to a batch of reads and searches, each of them made of the application."""

    async def answered(request: Request) -> Response:
        entries = (await request.json())["entry"]
        async with httpx.AsyncClient(transport=httpx.ASGITransport(fhir), base_url="http://fhir") as client:
            answers = [await client.get("/" + entry["request"]["url"]) for entry in entries]
        told = [{"resource": each.json(), "response": {"status": f"{each.status_code}"}} for each in answers]
        return JSONResponse({"resourceType": "Bundle", "type": "batch-response", "entry": told})

    return answered


def main() -> None:
    """Serve the chart of the benchmarks until the process is ended."""
    port, delay_ms, batch_ms = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[-1])
    fhir = fhir_app(ResourceStore(chart(utc_now())))
    reading = Starlette(routes=[Route("/", _batch_of(fhir), methods=["POST"]), Mount("/", fhir)])
    app = Delayed(reading, delay_ms / 1000, batch_ms / 1000)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
