"""A FHIR server on loopback that fails on purpose: errors, slow answers, and restarts.

Knows faults. Which request meets which fault is drawn from a seeded source, so that a run can be had again.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import uvicorn

from benchmarks.processes import free_port
from cds_service.sandbox.server import fhir_app
from cds_service.sandbox.store import ResourceStore

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from cds_service.fhir.reading import JsonObject

_SECONDS_TO_START = 30.0


@dataclass(frozen=True, slots=True)
class Faults:
    """How much goes wrong: shares of requests that fail and that are slow, and how slow those are."""

    error_share: float = 0.05
    slow_share: float = 0.02
    slow_seconds: float = 1.5


@dataclass(slots=True)
class FaultyFhir:
    """The server, always on the same port; `injected` counts what it did on purpose."""

    faults: Faults
    chance: random.Random
    port: int = field(default_factory=free_port)
    injected: Counter[str] = field(default_factory=Counter)
    _server: uvicorn.Server | None = None
    _thread: threading.Thread | None = None

    @property
    def base(self) -> str:
        """The FHIR base."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, resources: Iterable[JsonObject]) -> None:
        """Begin to answer from these resources."""
        app = _Faulty(fhir_app(ResourceStore(resources)), self)
        config = uvicorn.Config(
            app, host="127.0.0.1", port=self.port, ws="none", log_level="critical", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        give_up_at = time.monotonic() + _SECONDS_TO_START
        while not self._server.started and time.monotonic() < give_up_at:
            time.sleep(0.02)

    def stop(self) -> None:
        """Go away, as when a server is restarted: connections break, new ones are refused."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = self._server.force_exit = True
            self._thread.join()


class _Faulty:
    def __init__(self, app: ASGIApp, server: FaultyFhir) -> None:
        self._app = app
        self._server = server
        self._answers: dict[tuple[str, bytes], list[Message]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        drawn = self._server.chance.random()
        faults = self._server.faults
        if drawn < faults.error_share:
            self._server.injected["error"] += 1
            await send({"type": "http.response.start", "status": 500, "headers": []})
            await send({"type": "http.response.body", "body": b"fault on purpose"})
            return
        if drawn < faults.error_share + faults.slow_share:
            self._server.injected["slow"] += 1
            await asyncio.sleep(faults.slow_seconds)
        for message in await self._answer(scope, receive):
            await send(message)

    async def _answer(self, scope: Scope, receive: Receive) -> list[Message]:
        """The messages of the answer, worked out once for a path and query."""
        asked = (scope["path"], scope["query_string"])
        if asked not in self._answers:
            told: list[Message] = []

            async def keep(message: Message) -> None:
                told.append(message)

            await self._app(scope, receive, keep)
            self._answers[asked] = told
        return self._answers[asked]
