"""Two replicas of the service behind nginx, sharing nothing but PostgreSQL: real processes on loopback."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
import requests

from benchmarks.bodies import patient_view
from benchmarks.processes import free_port
from cds_service.app import utc_now
from tests.hooks.service import VIEW, Json
from tests.hooks.tokens import bearing, claims, clients_file, entry, token
from tests.integration.postgres import made_in
from tests.integration.test_process import Server, serving, topics, until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.replicas

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nginx" / "cds-service.conf"
_SECONDS = 60.0
_CALLERS = 4
_MAIN = """daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
user {user};
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/cds-service.conf;
}}
"""


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The address of a PostgreSQL server of the tests' own."""
    folder = Path(tempfile.mkdtemp(prefix="cds-replicas-"))  # short, for the name of its socket
    server = made_in(folder)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def replicas(database: str, count: int, **settings: str) -> Iterator[list[Server]]:
    """So many processes of the service that share this database and whose store is open."""
    shared = {"CDS_DATABASE_URL": database, "CDS_CANARY_MINUTES": "0", "CDS_LINK_SECRET": "x" * 32, **settings}
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(**shared)) for _ in range(count)]
        until(lambda: all(store_of(each) == "up" for each in servers))
        yield servers


def store_of(server: Server) -> str:
    """What a replica says of its store."""
    return str(requests.get(f"{server.base}/readyz", timeout=_SECONDS).json()["store"])


@contextmanager
def nginx(replicas: list[Server], folder: Path) -> Iterator[str]:
    """The address of nginx, with the project's own configuration, in front of these two."""
    command = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if command is None:
        pytest.fail("nginx is not installed (Debian: apt-get install nginx-light)")
    port = free_port()
    site = CONFIGURATION.read_text().replace("127.0.0.1:8080", f"127.0.0.1:{port}")
    for standing, replica in zip(("127.0.0.1:8001", "127.0.0.1:8002"), replicas, strict=True):
        assert standing in site
        site = site.replace(standing, replica.base.removeprefix("http://"))
    (folder / "cds-service.conf").write_text(site)
    user = "root" if os.geteuid() == 0 else "nobody"
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder, user=user))
    arguments = [command, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    with subprocess.Popen(arguments, stderr=subprocess.DEVNULL, text=True) as process:
        front = Server(f"http://127.0.0.1:{port}", process)
        try:
            until(lambda: front.status("/healthz") == 200)
            yield front.base
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait(_SECONDS)


def call(base: str, headers: Json | None = None) -> requests.Response:
    """The answer to a call about a patient who is to be treated now."""
    told = {"Content-Type": "application/json", **(headers or {})}
    return requests.post(f"{base}{VIEW}", data=patient_view(utc_now()), headers=told, timeout=_SECONDS)


def statement(card: str) -> Json:
    return {"feedback": [{"card": card, "outcome": "accepted"}]}


def kept(database: str) -> set[str]:
    """The cards about which feedback is kept."""
    with psycopg.connect(database) as connection:
        return {card for (card,) in connection.execute("SELECT card_id FROM feedback")}


def test_a_token_used_with_one_replica_is_used_with_all(database: str, tmp_path: Path) -> None:
    clients = clients_file(tmp_path, entry())
    settings = {"CDS_TRUSTED_CLIENTS": str(clients), "CDS_BASE_URL": "http://service.test"}
    with replicas(database, 2, **settings) as (one, other):
        now = int(utc_now().timestamp())
        fresh = token(body=claims(iat=now - 5, exp=now + 120, jti=str(uuid.uuid4())))
        second = token(body=claims(iat=now - 5, exp=now + 120, jti=str(uuid.uuid4())))
        taken = call(one.base, bearing(fresh))
        replayed = call(other.base, bearing(fresh))
        another = call(other.base, bearing(second))
    assert (taken.status_code, replayed.status_code, another.status_code) == (200, 401, 200)


def test_feedback_on_a_card_of_one_replica_is_taken_and_reported_by_the_other(database: str) -> None:
    with replicas(database, 2) as (one, other):
        card = call(one.base).json()["cards"][0]["uuid"]
        answer = requests.post(f"{other.base}{VIEW}/feedback", json=statement(card), timeout=_SECONDS)
        assert answer.status_code == 200
        assert card in kept(database)
        with psycopg.connect(database, autocommit=True) as connection:
            until(lambda: connection.execute("SELECT 1 FROM cards WHERE card_id = %s", [card]).fetchone())


@dataclass
class Caller:
    """Calls and tells again and again; what became of it."""

    base: str
    answered: int = 0
    unanswered: list[str] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)

    def work_until(self, is_over: threading.Event) -> None:
        session = requests.Session()
        while not is_over.wait(0.02):
            self._call()
            self._tell(session, str(uuid.uuid4()))

    def _call(self) -> None:
        answer = call(self.base)
        if answer.status_code == 200 and topics(answer) == ["indicated"]:
            self.answered += 1
        else:
            self.unanswered.append(f"{answer.status_code} {answer.text[:200]}")

    def _tell(self, session: requests.Session, card: str) -> None:
        answer = session.post(f"{self.base}{VIEW}/feedback", json=statement(card), timeout=_SECONDS)
        if answer.status_code == 200:
            self.acknowledged.add(card)


def test_a_replica_killed_under_load_costs_no_answer_and_nothing_that_was_acknowledged(
    database: str, tmp_path: Path
) -> None:
    with replicas(database, 2) as servers, nginx(servers, tmp_path) as front:
        callers = [Caller(front) for _ in range(_CALLERS)]
        is_over = threading.Event()
        threads = [threading.Thread(target=caller.work_until, args=(is_over,)) for caller in callers]
        for thread in threads:
            thread.start()
        try:
            until(lambda: all(caller.answered >= 5 for caller in callers))
            servers[0].process.kill()
            servers[0].process.wait(_SECONDS)
            before = [caller.answered for caller in callers]
            until(lambda: all(c.answered >= b + 10 for c, b in zip(callers, before, strict=True)))
        finally:
            is_over.set()
            for thread in threads:
                thread.join(_SECONDS)
    acknowledged = set().union(*(caller.acknowledged for caller in callers))
    assert [caller.unanswered for caller in callers] == [[]] * _CALLERS
    assert len(acknowledged) >= _CALLERS * 10
    assert acknowledged <= kept(database)
