"""Traces: one span a call with its queries, nothing about a patient in it, and nothing at all when not asked for."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from cds_service.app import create_app
from cds_service.embedded import FHIR_BASE
from cds_service.sandbox.fixtures import load_case
from cds_service.sandbox.store import ResourceStore
from cds_service.settings import Settings
from cds_service.watch.oversight import Oversight
from cds_service.watch.tracing import ENDPOINTS, CallTracer, tracer_from
from tests.hooks.service import without_unset
from tests.watch.records import call, fired

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
TRACE_ID, PARENT_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE_ID}-{PARENT_ID}-01"
SECRET = "secret-token-of-the-ehr"  # noqa: S105 - made up


def tracer() -> tuple[CallTracer, InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return CallTracer(provider), exporter


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_a_call_is_one_span_with_a_child_for_each_query() -> None:
    trace, exporter = tracer()
    timings = {"gather": 9.0, "map": 1.0, "fhir.levels": 8.0, "fhir.weight": 4.0}
    trace(fired(rules=("B1-x",), timings_ms=timings, fhir_faults={"weight": "timeout"}), None, NOW)
    by_name = {span.name: span for span in exporter.get_finished_spans()}
    whole = by_name["cds-hooks patient-view"]
    assert whole.parent is None
    assert attributes(whole) | {"cds.rules": ("B1-x",), "cds.category": "indicated"} == attributes(whole)
    assert attributes(whole)["cds.gather_ms"] == 9.0
    assert whole.end_time == NOW.timestamp() * 1e9
    assert (whole.end_time or 0) - (whole.start_time or 0) == 12_500_000
    for key, fault, milliseconds in (("levels", "none", 8), ("weight", "timeout", 4)):
        child = by_name[f"fhir {key}"]
        assert child.parent is not None
        assert child.parent.span_id == whole.context.span_id
        assert attributes(child) == {"cds.fhir.fault": fault}
        assert (child.end_time or 0) - (child.start_time or 0) == milliseconds * 1_000_000


PARENTS = [(TRACEPARENT, TRACE_ID), (None, None), ("nonsense", None), ("00-" + "0" * 32 + "-" + "0" * 16 + "-01", None)]


@pytest.mark.parametrize(("traceparent", "trace_id"), PARENTS)
def test_a_call_joins_the_callers_trace(traceparent: str | None, trace_id: str | None) -> None:
    trace, exporter = tracer()
    trace(call(), traceparent, NOW)
    (span,) = exporter.get_finished_spans()
    assert (None if span.parent is None else f"{span.parent.trace_id:032x}") == trace_id


async def test_no_span_knows_the_patient_the_server_or_the_token() -> None:
    case = load_case("b1-above-line-8h")
    trace, exporter = tracer()
    store = ResourceStore(case.resources())
    settings = Settings(allowed_fhir_servers=(FHIR_BASE,), database_url="")

    def pool() -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=transport)

    oversight = Oversight(tracer=trace)
    app = create_app(settings, clock=lambda: case.anchor, sandbox=store, open_pool=pool, oversight=oversight)
    transport = httpx.ASGITransport(app)
    body = without_unset(
        {
            "hook": "patient-view",
            "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
            "context": {"userId": "Practitioner/1", "patientId": case.slug},
            "fhirServer": FHIR_BASE,
            "fhirAuthorization": {"access_token": SECRET, "token_type": "Bearer"},
        }
    )
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://s") as client:
        answer = await client.post("/cds-services/iv-nac-patient-view", json=body, headers={"traceparent": TRACEPARENT})
    assert answer.json()["cards"]
    spans = exporter.get_finished_spans()
    assert {"cds-hooks patient-view", "fhir levels", "fhir problems"} <= {span.name for span in spans}
    told = "".join(span.to_json() for span in spans)
    assert TRACE_ID in told
    for secret in (case.slug, SECRET, FHIR_BASE, "127.0.0.1", "Practitioner", "http://", "MRN"):
        assert secret not in told


def test_nothing_is_traced_without_an_endpoint() -> None:
    assert tracer_from({}) is None
    assert tracer_from({ENDPOINTS[0]: " "}) is None


@pytest.mark.parametrize("name", ENDPOINTS)
def test_an_endpoint_without_the_extra_is_warned_of(name: str, caplog: pytest.LogCaptureFixture) -> None:
    assert tracer_from({name: "http://127.0.0.1:4318"}, has_extra=lambda: False) is None
    assert "cds-service[otel]" in caplog.text
    assert "4318" not in caplog.text


def test_an_endpoint_makes_a_tracer_that_can_be_closed() -> None:
    made = tracer_from({ENDPOINTS[0]: "http://127.0.0.1:9"})
    assert made is not None
    made.close()


def test_a_server_without_traces_does_not_even_load_the_library() -> None:
    code = "import sys, cds_service.server; print(any(name.startswith('opentelemetry.sdk') for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
