"""SIGHUP replaces the workers of a real server, one by one, and no call is refused or broken meanwhile."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
import requests

from benchmarks.bodies import patient_view
from cds_service.app import utc_now
from tests.hooks.service import VIEW
from tests.integration.test_process import _SECONDS, Server, serving, topics, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_WITHOUT_CANARIES = {"CDS_CANARY_MINUTES": "0"}
_PAUSES_S = (0.0, 0.01, 0.1)
"""Between the calls of a caller: without a pause a connection is hardly ever idle, with one nearly always."""


def profile(phone: str) -> str:
    return f'name = "site"\nbase = "us-2023"\n[poison_centre]\nname = "Poison centre"\nphone = "{phone}"\n'


@dataclass
class Caller:
    """Calls again and again, and never a second time when there is no answer; every call has to have its card."""

    address: str
    pause_s: float
    keeps_connection: bool
    phones: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def work_until(self, is_over: threading.Event) -> None:
        body, told = patient_view(utc_now()), {"Content-Type": "application/json"}
        kept = requests.Session()
        while not is_over.wait(self.pause_s):
            session = kept if self.keeps_connection else requests.Session()
            try:
                answer = session.post(self.address, data=body, headers=told, timeout=_SECONDS)
            except requests.exceptions.RequestException as error:
                self.lost.append(repr(error))
                continue
            if answer.status_code == 200 and topics(answer)[0] == "indicated":
                self.phones.append("555-0200" if "555-0200" in answer.text else "555-0100")
            else:
                self.lost.append(f"{answer.status_code} {answer.text[:200]}")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(profile("555-0100"))
    return path


@pytest.fixture
def server(site: Path) -> Iterator[Server]:
    with serving("--workers", "2", CDS_PROFILE=str(site), **_WITHOUT_CANARIES) as server:
        until(lambda: len(server.worker_ids()) == 2)
        yield server


def says(server: Server, words: str) -> bool:
    return any(words in line for line in server.log)


def test_a_reload_under_load_loses_no_call_and_reads_the_profile_anew(site: Path, server: Server) -> None:
    callers = [Caller(f"{server.base}{VIEW}", pause, keeps) for pause in _PAUSES_S for keeps in (True, False)]
    is_over = threading.Event()
    with ThreadPoolExecutor(len(callers)) as pool:
        works = [pool.submit(caller.work_until, is_over) for caller in callers]
        try:
            until(lambda: all(len(caller.phones) >= 3 for caller in callers))
            site.write_text(profile("555-0200"))
            server.process.send_signal(signal.SIGHUP)
            until(lambda: says(server, "Every worker was replaced"))
            after = [len(caller.phones) for caller in callers]
            until(lambda: all(len(c.phones) >= a + 3 for c, a in zip(callers, after, strict=True)))
        finally:
            is_over.set()
        for work in works:
            work.result(_SECONDS)
    assert [caller.lost for caller in callers] == [[]] * len(callers)
    assert all(caller.phones[0] == "555-0100" for caller in callers)
    assert {phone for caller, a in zip(callers, after, strict=True) for phone in caller.phones[a + 1 :]} == {"555-0200"}
    assert len(server.worker_ids()) == 4


def test_a_configuration_that_cannot_be_used_replaces_nobody_and_is_told(site: Path, server: Server) -> None:
    site.write_text("treatment_line = 17\n")
    server.process.send_signal(signal.SIGHUP)
    until(lambda: says(server, "nothing is replaced, since the configuration cannot be used: CDS_PROFILE"))
    caller = Caller(f"{server.base}{VIEW}", 0.0, keeps_connection=False)
    is_over = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(caller.work_until, is_over)
        until(lambda: len(caller.phones) >= 3 or work.done())
        is_over.set()
    assert (caller.lost, set(caller.phones)) == ([], {"555-0100"})
    assert len(server.worker_ids()) == 2


def test_a_stop_during_a_reload_is_heeded(server: Server) -> None:
    server.process.send_signal(signal.SIGHUP)
    until(lambda: says(server, "Replacing 2 workers"))
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(_SECONDS) == 0
    until(lambda: not any(map(_runs, server.worker_ids())))


def _runs(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def test_one_worker_says_that_it_reads_nothing_anew_and_serves_on(site: Path) -> None:
    with serving(CDS_PROFILE=str(site), **_WITHOUT_CANARIES) as server:
        server.process.send_signal(signal.SIGHUP)
        until(lambda: says(server, "nothing is read anew with fewer than two workers"))
        assert server.status("/readyz") == 200


def test_a_stopping_process_answers_on_open_connections_and_asks_to_close_them(site: Path) -> None:
    with serving(CDS_PROFILE=str(site), **_WITHOUT_CANARIES) as server, requests.Session() as kept:
        assert kept.get(f"{server.base}/healthz", timeout=_SECONDS).headers.get("Connection") is None
        server.process.send_signal(signal.SIGTERM)
        until(lambda: server.status("/healthz") is None)
        answer = kept.get(f"{server.base}/healthz", timeout=_SECONDS)
        assert (answer.status_code, answer.headers["Connection"]) == (200, "close")
        assert server.process.wait(_SECONDS) == -signal.SIGTERM
