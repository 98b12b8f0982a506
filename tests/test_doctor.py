"""The doctor names what is unwell and what to do about it, and repeats no secret."""

from __future__ import annotations

import io
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any

import httpx
import orjson
import pytest
import requests

from cds_service.doctor import check_codes, check_fhir_servers, check_service
from cds_service.premises import (
    Check,
    check_database,
    check_disk,
    check_premises,
    check_sharing,
    check_trusted_clients,
)
from cds_service.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
STATEMENT = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}
MIB = 1024 * 1024


class FakeSession(requests.Session):
    """A session that answers each path with one status, body and Date; a path without an answer cannot be reached."""

    def __init__(self, answers: dict[str, tuple[int, Any]], date: str = "") -> None:
        super().__init__()
        self.answers, self.date = answers, date

    def get(self, url: str | bytes, **_: Any) -> requests.Response:
        path = str(url).rpartition("/")[2]
        if path not in self.answers:
            raise requests.exceptions.ConnectionError(url)
        status, body = self.answers[path]
        answer = requests.Response()
        answer.status_code = status
        answer.headers["Date"] = self.date
        answer.raw = io.BytesIO(body.encode() if isinstance(body, str) else orjson.dumps(body))
        return answer


def server_checks(date: str) -> list[Check]:
    """What is said of a FHIR server that gives this Date."""

    async def resolve(_: str, __: int) -> list[IPv4Address | IPv6Address]:
        return [IPv4Address("192.0.2.1")]

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=STATEMENT, headers={"Date": date} if date else {})

    settings = Settings(
        allowed_fhir_servers=("https://fhir.test/r4",), private_networks=("192.0.2.0/24",), database_url=""
    )
    return check_fhir_servers(settings, NOW, resolve=resolve, transport=httpx.MockTransport(answer))


SKEWS = [(0, True), (60, True), (-60, True), (61, False), (-3600, False)]


@pytest.mark.parametrize(("seconds", "is_well"), SKEWS)
def test_a_fhir_server_with_another_time_is_unwell(seconds: int, is_well: bool) -> None:  # noqa: FBT001 - a table column
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    server, clock = server_checks(date)
    assert server.is_well
    assert clock.is_well is is_well
    assert f"{abs(seconds)} s" in clock.words
    assert "NTP" in clock.next_step


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 15 Jan 2026 12:00:00"])
def test_a_server_that_does_not_say_its_time_has_no_line_about_it(date: str) -> None:
    assert len(server_checks(date)) == 1


METRICS = 'cds_unmapped_total{kind="code"} 2.0\ncds_unmapped_total{kind="unit"} 1.0\n'
READY: dict[str, Any] = {"status": "ready", "canaries": [], "alarms": []}
SERVICES = [
    ("well", {"readyz": (200, READY), "metrics": (200, "")}, [True, True], "ready"),
    (
        "canary",
        {"readyz": (503, READY | {"status": "failing", "canaries": ["canary b1: silence"]}), "metrics": (200, "")},
        [False, True],
        "failing; canary b1: silence",
    ),
    (
        "alarm",
        {"readyz": (200, READY | {"alarms": ["no-cards-patient-view"]}), "metrics": (200, "")},
        [True, False, True],
        "no-cards-patient-view",
    ),
    ("unmapped", {"readyz": (200, READY), "metrics": (200, METRICS)}, [True, False], "3 seen"),
    ("elsewhere", {"readyz": (200, []), "metrics": (200, "")}, [False, True], "is no IV NAC service"),
    ("not JSON", {"readyz": (200, "<html>"), "metrics": (200, "")}, [False], "could not be asked"),
    ("down", {}, [False], "could not be asked (ConnectionError)"),
]


@pytest.mark.parametrize(("case", "answers", "well", "words"), SERVICES, ids=[row[0] for row in SERVICES])
def test_a_running_service_is_asked_too(case: str, answers: dict[str, Any], well: list[bool], words: str) -> None:
    checks = check_service("http://127.0.0.1:8000", FakeSession(answers))
    assert [check.is_well for check in checks] == well, case
    assert any(words in check.words for check in checks)
    assert all(check.next_step for check in checks if not check.is_well)


def test_the_number_of_known_codes_is_told() -> None:
    assert int(check_codes().words.split()[0]) > 200


def test_a_database_in_a_folder_that_can_be_written_is_well(tmp_path: Path) -> None:
    check = check_database(f"sqlite:///{tmp_path}/cds.db")
    assert check.is_well
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "not kept"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite:///x.db", "SQLite in"),
    ],
)
def test_databases_that_need_no_server(url: str, words: str) -> None:
    check = check_database(url)
    assert check.is_well
    assert words in check.words


def test_a_folder_that_is_missing_is_unwell(tmp_path: Path) -> None:
    check = check_database(f"sqlite:///{tmp_path}/nowhere/cds.db")
    assert not check.is_well
    assert "CDS_DATABASE_URL" in check.next_step


def test_a_folder_that_cannot_be_written_is_unwell() -> None:
    assert not check_database("sqlite:////proc/cds.db").is_well


def test_a_postgresql_that_does_not_answer_is_unwell_and_its_password_is_not_told() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
    check = check_database(f"postgresql://cds:secret@127.0.0.1:{port}/cds")
    assert not check.is_well
    assert "OperationalError" in check.words
    assert "secret" not in check.words + check.next_step


@pytest.mark.parametrize(("free_mib", "is_well"), [(200, True), (199, False)])
def test_a_full_disk_is_unwell(free_mib: int, is_well: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a table column
    looked_at: list[Path] = []

    def free(path: Path) -> int:
        looked_at.append(path)
        return free_mib * MIB

    check = check_disk(f"sqlite:///{tmp_path}/cds.db", free)
    assert check.is_well is is_well
    assert f"{free_mib} MiB" in check.words
    assert looked_at == [tmp_path]


POSTGRES = "postgresql://db.test/cds"
SHARING = [
    ({"database_url": ""}, True, "known only where they were made"),
    ({"database_url": "", "smart_client_id": "app"}, True, "SMART sessions are known only where they were made"),
    ({"database_url": POSTGRES}, False, "known only where they were made"),
    ({"database_url": POSTGRES, "link_secret": "x" * 32}, True, "links are shared by all with this CDS_LINK_SECRET"),
    ({"database_url": "", "link_secret": "x" * 32, "smart_client_id": "app"}, True, "stay in one process"),
    ({"database_url": POSTGRES, "link_secret": "x" * 32, "smart_client_id": "app"}, True, "SECRET and database"),
]


@pytest.mark.parametrize(("settings", "is_well", "words"), SHARING)
def test_it_is_said_what_processes_share(settings: dict[str, str], is_well: bool, words: str) -> None:  # noqa: FBT001
    check = check_sharing(Settings(**settings))  # type: ignore[arg-type]
    assert check.is_well is is_well
    assert words in check.words
    assert is_well or "CDS_LINK_SECRET" in check.next_step
    assert "xxx" not in check.words


def test_a_disk_that_cannot_be_read_is_unwell(tmp_path: Path) -> None:
    checks = check_premises(Settings(database_url=f"sqlite:///{tmp_path}/nowhere/cds.db"))
    assert [(check.name, check.is_well) for check in checks] == [
        ("database", False),
        ("disk", False),
        ("trusted clients", True),
        ("links and sessions", True),
    ]


CLIENTS = [("[[client]]\nname = 'ehr'\n", True), ("not = = toml", False), (None, False)]


@pytest.mark.parametrize(("text", "is_well"), CLIENTS)
def test_the_file_of_trusted_clients_is_looked_at(text: str | None, is_well: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a table column
    path = tmp_path / "clients.toml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    check = check_trusted_clients(path)
    assert check.is_well is is_well
    assert is_well or "CDS_TRUSTED_CLIENTS" in check.next_step


def test_callers_that_are_not_authenticated_are_told() -> None:
    assert "not authenticated" in check_trusted_clients(None).words
