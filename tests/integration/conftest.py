"""A real FHIR server with the fixture patients, and the service called over real HTTP at each patient's own instant."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import requests
import uvicorn

from cds_service.app import create_app
from cds_service.sandbox.fixtures import FixtureCase, load_cases
from cds_service.sandbox.loading import load_fixtures
from cds_service.sandbox.server import fhir_app
from cds_service.sandbox.store import ResourceStore
from cds_service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from starlette.types import ASGIApp

HAPI_BASE = os.environ.get("HAPI_BASE", f"http://127.0.0.1:{os.environ.get('HAPI_PORT', '8085')}/fhir")
_SECONDS_TO_START = 20


@contextmanager
def served(app: ASGIApp, listener: socket.socket | None = None) -> Iterator[str]:
    """Serve an app by uvicorn on a loopback port, a free one unless `listener` has it; gives its address."""
    listener = listener or socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, loop="asyncio", ws="none", log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    deadline = time.monotonic() + _SECONDS_TO_START
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        assert server.started, "the server did not start"
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@dataclass
class Clock:
    """A clock that stands where a test puts it."""

    instant: datetime | None = None

    def __call__(self) -> datetime:
        assert self.instant is not None, "no test has set the clock"
        return self.instant


@dataclass
class Service:
    """The service as an EHR reaches it, with its clock in the test's hand."""

    base: str
    clock: Clock
    session: requests.Session = field(default_factory=requests.Session)

    def prefetch_templates(self, hook: str) -> dict[str, str]:
        """What discovery asks to be prefetched for a hook."""
        services: list[dict[str, Any]] = self.session.get(f"{self.base}/cds-services", timeout=30).json()["services"]
        return next(each["prefetch"] for each in services if each["hook"] == hook)

    def answer(self, request: dict[str, Any], at: datetime) -> requests.Response:
        """The answer to a hook call made at an instant."""
        self.clock.instant = at
        return self.session.post(f"{self.base}/cds-services/iv-nac-{request['hook']}", json=request, timeout=90)


@pytest.fixture(scope="session")
def cases() -> dict[str, FixtureCase]:
    return {case.slug: case for case in load_cases()}


@pytest.fixture(scope="session")
def hapi(cases: dict[str, FixtureCase]) -> str:
    """The base of a HAPI server that holds every fixture patient at its own anchor."""
    try:
        requests.get(f"{HAPI_BASE}/metadata", timeout=60).raise_for_status()
    except requests.RequestException as error:
        pytest.fail(f"no FHIR server answers at {HAPI_BASE} (make test-hapi starts one): {error}")
    with requests.Session() as session:
        for case in cases.values():
            report = load_fixtures(HAPI_BASE, [case], case.anchor, session=session)
            assert report.is_complete, report.failures
    return HAPI_BASE


@pytest.fixture(scope="session")
def sandbox(cases: dict[str, FixtureCase]) -> Iterator[str]:
    """The base of an embedded server that holds the same patients."""
    store = ResourceStore(resource for case in cases.values() for resource in case.resources())
    with served(fhir_app(store)) as base:
        yield base


@pytest.fixture(scope="session")
def service(sandbox: str) -> Iterator[Service]:
    """The service, allowed to ask both servers and patient with them: the machine may be busy."""
    clock = Clock()
    settings = Settings(
        allowed_fhir_servers=(HAPI_BASE, sandbox), fhir_timeout_seconds=30, deadline_seconds=60, database_url=""
    )
    with served(create_app(settings, clock=clock)) as base:
        yield Service(base, clock)


@pytest.fixture
def search_pages() -> Callable[[str], Iterator[dict[str, Any]]]:
    """Every page of a search, by following its links as a plain client does."""

    def pages(url: str) -> Iterator[dict[str, Any]]:
        following: str | None = url
        while following:
            page: dict[str, Any] = requests.get(following, timeout=60).json()
            yield page
            following = next((link["url"] for link in page.get("link", ()) if link["relation"] == "next"), None)

    return pages
