"""The log: text or JSON, with the audit's fields as fields, and never anything about a patient."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cds_service.app import create_app
from cds_service.embedded import FHIR_BASE
from cds_service.fhir.addresses import address_policy
from cds_service.fhir.outbound import open_http
from cds_service.hooks.metrics import write_audit_line
from cds_service.sandbox.fixtures import FixtureCase, load_cases
from cds_service.sandbox.store import ResourceStore
from cds_service.settings import Settings
from cds_service.watch.logs import formatter, open_log, server_log_config
from tests.watch.records import fired

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

TOKEN = "eyJhbGciOiJub25lIn0.tokenofthisehr"  # noqa: S105 - made up
CASES = load_cases()[::5]


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Everything that any logger writes, at every level, as JSON lines and as text."""
    written = io.StringIO()
    root = logging.getLogger()
    handlers = [logging.StreamHandler(written) for _ in range(2)]
    for handler, log_format in zip(handlers, ("text", "json"), strict=True):
        handler.setFormatter(formatter("json" if log_format == "json" else "text"))
        root.addHandler(handler)
    levels = {name: logging.getLogger(name).level for name in (None, "cds_service")}
    for name in levels:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield written
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    for handler in handlers:
        root.removeHandler(handler)


def json_lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines() if line.startswith("{")]


def test_an_audit_line_is_fields_in_json_and_json_in_text(lines: io.StringIO) -> None:
    write_audit_line(fired(rules=("B1-x",), timings_ms={"gather": 1.5}))
    (entry,) = json_lines(lines)
    text = next(line for line in lines.getvalue().splitlines() if not line.startswith("{"))
    assert entry["logger"] == "cds_service.audit"
    assert entry["level"] == "INFO"
    assert entry["timestamp"].endswith("+00:00")
    told = {"service": "iv-nac-patient-view", "rules": ["B1-x"], "timings_ms": {"gather": 1.5}, "status": 200}
    assert told.items() <= entry.items()
    assert told.items() <= json.loads(text[text.index("{") :]).items()


def test_an_ordinary_line_is_one_json_object(lines: io.StringIO) -> None:
    logging.getLogger("cds_service").warning("two\nlines and %s", "ümlaut", extra={"color_message": "\x1b[31m"})
    (entry,) = json_lines(lines)
    assert entry.keys() == {"timestamp", "level", "logger", "message"}
    assert entry["message"] == "two\nlines and ümlaut"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_the_http_servers_own_lines_have_the_same_format(log_format: Any) -> None:
    made = server_log_config(log_format)["formatters"]["service"]
    assert made == {"()": "cds_service.watch.logs.formatter", "log_format": log_format}


def test_the_log_is_opened_once(caplog: pytest.LogCaptureFixture) -> None:
    service, root = logging.getLogger("cds_service"), logging.getLogger()
    before = list(root.handlers)
    try:
        for _ in range(2):
            open_log(Settings(log_format="json", log_level="WARNING", database_url=""))
        assert len(service.handlers) == 1
        assert len(root.handlers) == len(before) + 1
        assert not service.isEnabledFor(logging.INFO)
    finally:
        service.handlers.clear()
        service.propagate = True
        service.setLevel(logging.NOTSET)
        root.handlers[:] = before
    assert caplog.records == []


class Clock:
    """Stands at the anchor of a case; fails when it has none."""

    instant: datetime | None = None

    def __call__(self) -> datetime:
        if self.instant is None:
            msg = "Alice Example, 182 mg/L"
            raise RuntimeError(msg)
        return self.instant


def body(case: FixtureCase, **changes: Any) -> dict[str, Any]:
    made = {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/dr-jekyll", "patientId": case.slug},
        "fhirServer": FHIR_BASE,
        "fhirAuthorization": {"access_token": TOKEN, "token_type": "Bearer", "subject": "ehr-client"},
    }
    return made | changes


def secrets_of(case: FixtureCase) -> set[str]:
    """What names the patient: id, name, record numbers and birth date."""
    patient = next(each for each in case.resources() if each["resourceType"] == "Patient")
    names = {part for name in patient["name"] for part in (name.get("family"), *name.get("given", ())) if part}
    numbers = {each["value"] for each in patient.get("identifier", ())}
    return names | numbers | {case.slug, patient["birthDate"]}


async def test_no_log_line_tells_of_a_patient_a_token_or_a_fhir_address(lines: io.StringIO) -> None:
    clock = Clock()
    store = ResourceStore(resource for case in CASES for resource in case.resources())
    settings = Settings(allowed_fhir_servers=(FHIR_BASE,), database_url="")

    def pool() -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=transport)

    app = create_app(settings, clock=clock, sandbox=store, open_pool=pool)
    transport = httpx.ASGITransport(app)
    service = "/cds-services/iv-nac-patient-view"
    statuses: set[int] = set()
    async with (
        open_http(4, address_policy((), ())),
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport) as client,
    ):
        client.base_url = httpx.URL("http://s")
        for case in CASES:
            clock.instant = case.anchor
            asked = [
                body(case),
                body(case, fhirServer="https://elsewhere.test/Patient/" + case.slug),
                body(case, hookInstance=f"for {case.slug}"),
                body(case, context={"patientId": f"{case.slug}-unknown"}),
                body(case, prefetch={"patient": {"resourceType": "Patient", "id": "Alice"}}),
            ]
            statuses |= {(await client.post(service, json=each)).status_code for each in asked}
            statuses.add((await client.post(service, content=f"not JSON of {case.slug}")).status_code)
        clock.instant = None
        statuses.add((await client.post(service, json=body(CASES[0]))).status_code)
    assert statuses == {200, 400, 412, 500}
    told = lines.getvalue()
    assert len(json_lines(lines)) > 6 * len(CASES)
    secrets = {TOKEN, FHIR_BASE, "elsewhere.test", "Patient/", "dr-jekyll", "Alice", "ehr-client"}
    assert [each for each in secrets.union(*map(secrets_of, CASES)) if each in told] == []
