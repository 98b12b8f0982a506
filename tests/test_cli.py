"""The command line against a real server on a free loopback port."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import requests
from rich.console import Console
from typer.testing import CliRunner

from cds_service import __version__, demo
from cds_service.caller import hook_body
from cds_service.cli import Commands, app
from cds_service.clinical.ruleset import RULE_SET_HASH, RULE_SET_VERSION
from cds_service.doctor import check_canaries, check_fhir_servers
from cds_service.hooks.models import Hook
from cds_service.sandbox.fixtures import FixtureCase, load_cases
from cds_service.settings import Settings
from cds_service.terminal import SILENCE, print_cards, print_failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer.testing import Result

    from cds_service.fhir.addresses import IpAddress
    from cds_service.premises import Check

ABOVE = "b1-above-line-8h"
NOON = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def cases() -> tuple[FixtureCase, ...]:
    return load_cases()


@pytest.fixture(scope="module")
def base(cases: tuple[FixtureCase, ...]) -> Iterator[str]:
    with demo.running_service(Settings(), cases, demo.listening_socket(0)) as (address, _):
        yield address


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "160", "NO_COLOR": "1"})


def test_version_names_the_profiles() -> None:
    result = run("--version")
    assert result.exit_code == 0
    assert __version__ in result.output
    assert "us-2023" in result.output
    assert RULE_SET_VERSION in result.output
    assert RULE_SET_HASH in result.output


@pytest.mark.parametrize("name", sorted(Commands().commands))
def test_every_command_is_found_by_its_name(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0, result.output
    assert f" {name} [" in result.output


def test_a_misspelt_command_is_answered_with_the_nearest() -> None:
    result = run("demonstrate-not")
    assert result.exit_code == 2
    assert "No such command" in result.stderr
    assert "Did you mean 'profiles'?" in run("profils").stderr


def test_a_start_loads_nothing_that_the_first_answers_do_not_need() -> None:
    code = "import sys, cds_service.serve_command; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    late = {"alembic", "authlib", "duckdb", "fhir", "jinja2", "joserfc", "markdown_it", "nh3", "psycopg", "pygal"}
    assert not (late | {"requests", "sqlalchemy", "yaml"}) & set(loaded)
    assert "fastapi" in loaded


def test_the_smart_app_is_not_spread_over_processes_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_SMART_CLIENT_ID", "nac-app")
    monkeypatch.setenv("CDS_DATABASE_URL", "")
    result = run("serve", "--workers", "2", "--port", "0")
    assert result.exit_code == 2
    assert "--workers 1" in result.output


def test_demo_shows_every_scene_and_stops() -> None:
    result = run("demo", "--once", "--port", "0")
    assert result.exit_code == 0, result.output
    for said in (
        "Above the treatment line",
        "CRITICAL · indicated",
        "INFO · not-indicated",
        "WARNING · repeat-level",
        SILENCE,
        "On opening the chart: info / not-indicated. On selecting IV NAC: warning / caution.",
        "Every scene answered as its fixture expects.",
    ):
        assert said in result.output


def test_demo_compares_nothing_under_another_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """The level of 120 mg/L at 8 h, written down for the 150 line, stands beside the cards of another one."""
    monkeypatch.setenv("CDS_PROFILE", "uk-2012")
    result = run("demo", "--once", "--port", "0")
    assert result.exit_code == 0, result.output
    assert "Profile uk-2012: its cards are not compared" in result.output
    assert "Every scene answered under profile uk-2012." in result.output
    assert "Not as expected" not in result.output + result.stderr


def test_demo_says_when_its_port_is_taken() -> None:
    with demo.listening_socket(0) as taken:
        taken.listen()
        result = run("demo", "--once", "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 2
    assert "cannot be used" in result.stderr


def test_call_prints_cards_as_an_ehr_would(base: str) -> None:
    result = run("call", "--hook", "patient-view", "--patient", ABOVE, "--service", base)
    assert result.exit_code == 0
    for said in ("CRITICAL · indicated", "120 mg/L", "10,500", "Suggestions", "Override reasons", "Link: "):
        assert said in result.output


def test_call_selects_an_order(base: str) -> None:
    arguments = ("--patient", "e1-copd-eligible-for-oral-nac", "--order", "iv-nac", "--service", base)
    result = run("call", "--hook", "order-select", *arguments)
    assert result.exit_code == 0
    assert "WARNING · caution" in result.output
    assert "delete: " in result.output


def test_call_says_silence_in_words(base: str) -> None:
    result = run("call", "--hook", "patient-view", "--patient", "unrelated-patient", "--service", base)
    assert result.exit_code == 0
    assert SILENCE in result.output


def test_call_shows_a_failure_and_fails(base: str) -> None:
    result = run("call", "--hook", "patient-view", "--patient", "nobody", "--service", base)
    assert result.exit_code == 1
    assert "HTTP 412" in result.output
    assert "prefetch.patient" in result.output


@pytest.mark.parametrize("arguments", [("--hook", "order-select"), ("--hook", "patient-view", "--order", "iv-nac")])
def test_orders_go_with_order_hooks_only(arguments: tuple[str, ...]) -> None:
    assert run("call", "--patient", ABOVE, *arguments).exit_code == 2


def test_call_says_when_there_is_no_service() -> None:
    with demo.listening_socket(0) as silent:
        port = silent.getsockname()[1]
    result = run("call", "--hook", "patient-view", "--patient", ABOVE, "--service", f"http://127.0.0.1:{port}")
    assert result.exit_code == 1
    assert "could not be asked" in result.stderr


def test_call_says_when_it_is_another_kind_of_server(base: str) -> None:
    result = run("call", "--hook", "patient-view", "--patient", ABOVE, "--service", f"{base}/docs")
    assert result.exit_code == 1
    assert "lists no service" in result.stderr


def test_fixtures_are_loaded_and_read_back(base: str, cases: tuple[FixtureCase, ...]) -> None:
    result = run("load-fixtures", "--fhir-base", f"{base}/fhir")
    assert result.exit_code == 0, result.output
    assert f"{len(cases)} of {len(cases)} cases loaded" in result.output
    assert requests.get(f"{base}/fhir/Patient/{ABOVE}", timeout=5).ok


def test_loading_fails_on_a_server_that_is_none() -> None:
    with demo.listening_socket(0) as silent:
        port = silent.getsockname()[1]
    assert run("load-fixtures", "--fhir-base", f"http://127.0.0.1:{port}/fhir").exit_code == 1


def test_doctor_finds_an_installation_well(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_ALLOWED_FHIR_SERVERS", f"{base}/fhir")
    result = run("doctor")
    assert result.exit_code == 0, result.output
    assert "FHIR 4.0.1" in result.output
    assert f"canary {ABOVE} (patient-view, us-2023): indicated" in result.output
    assert "unwell" not in result.output


@pytest.mark.parametrize("path", ["/cds-services", "/docs", "/nowhere"])
def test_doctor_names_what_is_no_fhir_server(base: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_DEFAULT_FHIR_SERVER", f"{base}{path}")
    result = run("doctor")
    assert result.exit_code == 1
    assert f"unwell {base}{path}" in result.output


@pytest.mark.parametrize("command", ["serve", "demo", "doctor"])
def test_nothing_starts_on_a_wrong_setting(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_PROFILE", "unheard-of")
    result = run(command)
    assert result.exit_code == 2
    assert "CDS_PROFILE must be one of" in result.stderr


def test_a_misspelt_setting_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_PROFIL", "us-2023")
    monkeypatch.setenv("CDS_TIMEZONE", "nowhere")
    assert "CDS_PROFIL is not a setting" in run("doctor").stderr


SERVERS = [
    (200, b'{"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}', True, "plain http"),
    (200, b'{"resourceType": "CapabilityStatement", "fhirVersion": "1.0.2"}', False, "1.0.2"),
    (200, b"[]", False, "no CapabilityStatement"),
    (401, b'{"fhirVersion": "4.0.1"}', False, "HTTP 401"),
    (200, b"<html>", False, "not JSON"),
    (0, b"", False, "ConnectTimeout"),
]


@pytest.mark.parametrize(("status", "body", "is_well", "words"), SERVERS)
def test_doctor_tells_what_a_server_answers(status: int, body: bytes, is_well: bool, words: str) -> None:  # noqa: FBT001 - a table column
    def answer(request: httpx.Request) -> httpx.Response:
        if status == 0:
            raise httpx.ConnectTimeout(str(request.method))
        return httpx.Response(status, content=body)

    check = examined(("10.1.2.3",), httpx.MockTransport(answer), private_networks=("10.0.0.0/8",))
    assert check.is_well is is_well
    assert words in check.words
    assert check.words.endswith("at 10.1.2.3 (private), permitted")


def examined(addresses: tuple[str, ...], transport: httpx.AsyncBaseTransport, **settings: Any) -> Check:
    """What doctor says of one server whose name leads to these addresses."""

    async def resolve(_: str, __: int) -> list[IpAddress]:
        if not addresses:
            raise socket.gaierror
        return [ip_address(each) for each in addresses]

    chosen = Settings(allowed_fhir_servers=("http://hapi:8080/fhir",), **settings)
    (check,) = check_fhir_servers(chosen, NOON, resolve=resolve, transport=transport)
    return check


@pytest.mark.parametrize(
    ("addresses", "words"),
    [
        ((), "the name hapi leads to no address"),
        (("10.1.2.3",), "at 10.1.2.3 (private), where this service may not connect: name the network in CDS_PRIVATE"),
        (("169.254.169.254", "::1"), "at 169.254.169.254 (link-local), ::1 (loopback), where this service may not"),
    ],
)
def test_doctor_does_not_ask_a_server_the_service_would_not_ask(addresses: tuple[str, ...], words: str) -> None:
    def asked(request: httpx.Request) -> httpx.Response:
        raise AssertionError(request.url)

    check = examined(addresses, httpx.MockTransport(asked))
    assert not check.is_well
    assert words in check.words


def test_doctor_notices_a_canary_that_answers_otherwise(cases: tuple[FixtureCase, ...]) -> None:
    years_later = [replace(case, anchor=case.anchor + timedelta(days=3000)) for case in cases]
    checks = {check.name: check for check in check_canaries(Settings(), years_later)}
    stale = checks[f"canary {ABOVE} (patient-view, us-2023)"]
    assert not stale.is_well
    assert stale.words == "silence; expected indicated"


def test_serve_listens_and_writes_the_audit_log() -> None:
    with demo.listening_socket(0) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from cds_service.cli import app; app()", "serve", "--port", str(port)]
    environment = {**os.environ, "CDS_UNHEARD_OF": "1", "CDS_DATABASE_URL": ""}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as server:
        try:
            base = f"http://127.0.0.1:{port}"
            _wait_for(f"{base}/readyz")
            body = hook_body(Hook.PATIENT_VIEW, ABOVE)
            answer = requests.post(f"{base}/cds-services/iv-nac-patient-view", json=body, timeout=5)
        finally:
            server.terminate()
        _, log = server.communicate(timeout=10)
    assert answer.status_code == 412
    assert "CDS_UNHEARD_OF is not a setting" in log
    assert f'"hook_instance":"{body["hookInstance"]}"' in log
    assert ABOVE not in log


def _wait_for(url: str) -> None:
    give_up = time.monotonic() + 20
    while time.monotonic() < give_up:
        try:
            if requests.get(url, timeout=2).ok:
                return
        except requests.exceptions.ConnectionError:
            time.sleep(0.05)
    pytest.fail(f"{url} did not answer")


HOSTILE = "[red]\x1b[31m\x07<b>\u202e"


def test_chart_text_never_drives_the_terminal() -> None:
    console = Console(width=120, record=True, force_terminal=False)
    card: dict[str, Any] = {
        "summary": HOSTILE,
        "detail": HOSTILE,
        "indicator": "warning",
        "source": {"label": HOSTILE, "topic": {"code": HOSTILE}},
        "suggestions": [{"label": HOSTILE, "actions": [{"type": "create", "description": HOSTILE}]}],
        "overrideReasons": [{"display": HOSTILE}],
        "links": [{"label": HOSTILE, "url": HOSTILE}],
    }
    print_cards(console, [card])
    print_failure(console, 400, {"issue": [{"code": HOSTILE, "diagnostics": HOSTILE, "expression": [HOSTILE]}]})
    shown = console.export_text()
    assert "[red]" in shown
    for control in "\x1b\x07\u202e":
        assert control not in shown
