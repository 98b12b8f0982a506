"""Traces of hook calls for an OpenTelemetry collector: off unless an endpoint is named in the environment.

Knows spans. A span is made from what is counted about a finished call, so that nothing but that can be in it: no
patient, no value, no address.
"""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING

from cds_service import __version__
from cds_service.hooks.metrics import fhir_timings_ms
from cds_service.records import CallRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.util.types import AttributeValue

    from cds_service.records import CallRecord

_log = logging.getLogger("cds_service")

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_TIMEOUT = "OTEL_EXPORTER_OTLP_TIMEOUT"
_EXPORT_SECONDS = 2.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_installed() -> bool:
    """Whether the extra `otel` is there."""
    return find_spec("opentelemetry") is not None and find_spec("opentelemetry.exporter.otlp.proto.http") is not None


def tracer_from(
    environment: Mapping[str, str] = os.environ, *, has_extra: Callable[[], bool] = is_installed
) -> CallTracer | None:
    """The tracer that the environment asks for; None without an endpoint, and with a warning without the extra."""
    if not any(environment.get(name, "").strip() for name in ENDPOINTS):
        return None
    if not has_extra():
        _log.warning("%s is set, but traces need the extra: pip install cds-service[otel]", ENDPOINTS[0])
        return None
    return CallTracer(_exporting_provider(environment))


def _exporting_provider(environment: Mapping[str, str]) -> TracerProvider:
    """Sends spans in the background; a collector that does not answer costs spans and nothing else."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - an extra

    name = environment.get("OTEL_SERVICE_NAME") or "cds-service"
    provider = TracerProvider(resource=Resource.create({"service.name": name, "service.version": __version__}))
    # The exporter reads its variable itself; its own default would keep a stopping process for ten seconds.
    seconds = None if environment.get(_TIMEOUT) else _EXPORT_SECONDS
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=seconds)))
    return provider


class CallTracer:
    """Makes one span of each finished call, with a child for every live FHIR query."""

    def __init__(self, provider: TracerProvider) -> None:
        """Send spans through this provider."""
        from opentelemetry.trace.propagation import tracecontext  # noqa: PLC0415 - an extra

        self._provider = provider
        self._tracer = provider.get_tracer("cds_service", __version__)
        self._propagator = tracecontext.TraceContextTextMapPropagator()

    def __call__(self, call: CallRecord, traceparent: str | None, ended_at: datetime) -> None:
        """One call that ended now, as part of the caller's trace when it sent a W3C `traceparent`."""
        from opentelemetry.trace import SpanKind, set_span_in_context  # noqa: PLC0415 - an extra

        started_at = ended_at - timedelta(milliseconds=call.total_ms)
        span = self._tracer.start_span(
            f"cds-hooks {call.hook}",
            context=self._context(traceparent),
            kind=SpanKind.SERVER,
            attributes=_attributes(call),
            start_time=_nanoseconds(started_at),
        )
        within = set_span_in_context(span)
        for key, milliseconds in fhir_timings_ms(call):
            # All live queries of a call are asked at the same time, as the call begins.
            query = self._tracer.start_span(
                f"fhir {key}", context=within, kind=SpanKind.CLIENT, start_time=_nanoseconds(started_at)
            )
            query.set_attribute("cds.fhir.fault", call.fhir_faults.get(key, "none"))
            query.end(_nanoseconds(started_at + timedelta(milliseconds=milliseconds)))
        span.end(_nanoseconds(ended_at))

    def _context(self, traceparent: str | None) -> Context:
        from opentelemetry.context import Context  # noqa: PLC0415 - an extra

        return self._propagator.extract({} if traceparent is None else {"traceparent": traceparent}, Context())

    def close(self) -> None:
        """Send what is left; may block for some seconds."""
        self._provider.shutdown()


def _attributes(call: CallRecord) -> dict[str, AttributeValue]:
    told: dict[str, AttributeValue] = {
        "cds.service": call.service,
        "cds.hook": call.hook,
        "cds.profile": call.profile,
        "cds.category": call.category or "none",
        "cds.silence": call.silence or "",
        "cds.rules": call.rules,
        "cds.topics": call.topics,
        "cds.gaps": call.gaps,
        "cds.refused": call.faults,
        "http.response.status_code": call.status,
    }
    steps = (name for name in call.timings_ms if "." not in name)
    return told | {f"cds.{name}_ms": call.timings_ms[name] for name in steps}


def _nanoseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1) * 1000
