"""Real server processes: SIGTERM lets calls under way finish, and a killed worker costs nobody else an answer."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import requests

from cds_service.app import utc_now
from cds_service.caller import hook_body
from cds_service.demo import listening_socket
from cds_service.hooks.models import Hook
from cds_service.sandbox.fixtures import load_case
from cds_service.sandbox.server import fhir_app
from cds_service.sandbox.store import ResourceStore
from tests.integration.conftest import served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import ASGIApp, Receive, Scope, Send

PATIENT = "b1-above-line-8h"
_STARTED = re.compile(r"Started server process \[(\d+)\]")
_SECONDS = 60.0


class Held:
    """A FHIR server that holds its answers until it is let go; says when it was asked."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.asked = threading.Event()
        self.go = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.asked.set()
            await asyncio.to_thread(self.go.wait, _SECONDS)
        await self._app(scope, receive, send)


@pytest.fixture
def fhir() -> Iterator[tuple[str, Held]]:
    store = ResourceStore(load_case(PATIENT).resources(utc_now()))
    held = Held(fhir_app(store))
    with served(held) as base:
        yield base, held
        held.go.set()


@dataclass
class Server:
    """One `cds-service serve`: where it answers, its process and what it has logged so far."""

    base: str
    process: subprocess.Popen[str]
    log: list[str] = field(default_factory=list)

    def worker_ids(self) -> list[int]:
        return [int(found[1]) for line in self.log if (found := _STARTED.search(line))]

    def call(self, fhir_base: str) -> requests.Response:
        body = hook_body(Hook.PATIENT_VIEW, PATIENT) | {"fhirServer": fhir_base}
        return requests.post(f"{self.base}/cds-services/iv-nac-patient-view", json=body, timeout=_SECONDS)

    def status(self, path: str) -> int | None:
        try:
            return requests.get(f"{self.base}{path}", timeout=_SECONDS).status_code
        except requests.exceptions.ConnectionError:
            return None


@contextmanager
def serving(*arguments: str, **settings: str) -> Iterator[Server]:
    with listening_socket(0) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from cds_service.cli import app; app()", "serve", "--port", str(port), *arguments]
    environment = {**os.environ, "CDS_DATABASE_URL": "", **settings}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        server = Server(f"http://127.0.0.1:{port}", process)
        assert process.stderr is not None
        reader = threading.Thread(target=server.log.extend, args=(process.stderr,))
        reader.start()
        try:
            until(lambda: server.status("/readyz") == 200)
            yield server
        finally:
            process.terminate()
            process.wait(_SECONDS)
            reader.join(_SECONDS)


def until(condition: Callable[[], Any]) -> None:
    give_up = time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < give_up, "it did not come true"
        time.sleep(0.02)


def topics(answer: requests.Response) -> list[str]:
    return [card["source"]["topic"]["code"] for card in answer.json()["cards"]]


def test_sigterm_lets_a_call_under_way_have_its_card(fhir: tuple[str, Held]) -> None:
    base, held = fhir
    waiting = {"CDS_ALLOWED_FHIR_SERVERS": base, "CDS_DEADLINE_SECONDS": "60", "CDS_FHIR_TIMEOUT_SECONDS": "60"}
    with serving(**waiting) as server, ThreadPoolExecutor(1) as pool:
        call = pool.submit(server.call, base)
        assert held.asked.wait(_SECONDS)
        server.process.send_signal(signal.SIGTERM)
        until(lambda: server.status("/readyz") is None)
        assert server.process.poll() is None
        held.go.set()
        answer = call.result(_SECONDS)
        assert server.process.wait(_SECONDS) == -signal.SIGTERM
    assert topics(answer) == ["indicated"]


def test_a_call_that_never_ends_does_not_keep_the_process(fhir: tuple[str, Held]) -> None:
    base, held = fhir
    with serving(CDS_ALLOWED_FHIR_SERVERS=base, CDS_DEADLINE_SECONDS="0.5") as server, ThreadPoolExecutor(1) as pool:
        call = pool.submit(server.call, base)
        assert held.asked.wait(_SECONDS)
        server.process.send_signal(signal.SIGTERM)
        assert call.result(_SECONDS).status_code == 412
        assert server.process.wait(_SECONDS) == -signal.SIGTERM


def test_a_killed_worker_is_replaced_and_others_answer_meanwhile(fhir: tuple[str, Held]) -> None:
    base, held = fhir
    held.go.set()
    with (
        serving("--workers", "2", CDS_ALLOWED_FHIR_SERVERS=base, CDS_CANARY_MINUTES="0") as server,
        ThreadPoolExecutor(2) as pool,
    ):
        until(lambda: len(server.worker_ids()) == 2)
        is_over = threading.Event()
        callers = [pool.submit(_call_until, server, base, is_over) for _ in range(2)]
        os.kill(server.worker_ids()[0], signal.SIGKILL)
        until(lambda: len(server.worker_ids()) == 3)
        until(lambda: server.status("/readyz") == 200)
        is_over.set()
        answered, broken = (sum(numbers) for numbers in zip(*(each.result(_SECONDS) for each in callers), strict=True))
        metrics = requests.get(f"{server.base}/metrics", timeout=_SECONDS).text
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(_SECONDS) == 0
    # What the killed worker had in hand is lost, one call for each caller at most; nothing else is.
    assert broken <= len(callers)
    assert answered > 0
    counted = re.findall(r'^cds_cards_total\{topic="indicated"\} (\S+)$', metrics, re.MULTILINE)
    assert float(counted[0]) >= answered
    assert re.search(r"^cds_calls_in_flight 0\.0$", metrics, re.MULTILINE)


def _call_until(server: Server, fhir_base: str, is_over: threading.Event) -> tuple[int, int]:
    """Call again and again; how many calls had their card, and how many connections broke."""
    answered = broken = 0
    while not is_over.wait(0.1):
        try:
            answer = server.call(fhir_base)
        except requests.exceptions.ConnectionError:
            broken += 1
            continue
        assert topics(answer) == ["indicated"]
        answered += 1
    return answered, broken
