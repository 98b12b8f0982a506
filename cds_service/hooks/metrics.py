"""What is counted and what is audited: services, hooks, rules and timings, never a patient.

Knows Prometheus and the audit line. Must not be given ids of patients, values, tokens or addresses.
"""

from __future__ import annotations

import logging
import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal

import orjson
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from cds_service import __version__
from cds_service.clinical.facts import DataGap, GapKind
from cds_service.hooks.shared_metrics import shared_folder, shared_registry
from cds_service.records import CallRecord

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from datetime import datetime


_audit_log = logging.getLogger("cds_service.audit")
_AUDITED = tuple(each.name for each in fields(CallRecord))
_FHIR_TIMING = "fhir."
_UNMAPPED = {GapKind.UNMAPPED_CODE: "code", GapKind.UNKNOWN_UNIT: "unit"}
_LATENCY_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_PLAIN_TOKEN = re.compile(r"[A-Za-z0-9._\-]{1,64}")
# No blanks: words with blanks may say anything about anybody.
_PLAIN_CODE = re.compile(r"[A-Za-z0-9.:/~#_\-]{0,256}\|[A-Za-z0-9.:/_\-]{1,48}")
_PLAIN_UNIT = re.compile(r"[A-Za-z0-9%\u00b5\u03bc/.*^\[\]{}()'_\-]{1,64}")
_NO_UNIT = "(none)"
_LONGEST_TOKEN = 64
_MOST_UNMAPPED = 20


class AuditLine(dict[str, Any]):
    """What the log says of a call: fields in a log of JSON, one line of JSON in a log of text."""

    def __str__(self) -> str:
        """The line as JSON."""
        return orjson.dumps(self).decode()


class Metrics:
    """What is counted about one application, in a registry of its own so that several can live in one process.

    `prefix` sets the names of an internal application apart: where worker processes
    share their numbers, equal names would be added up.
    """

    def __init__(self, profile: str = "", prefix: str = "") -> None:
        """Register the collectors."""
        self._registry = CollectorRegistry()
        self._prefix = prefix
        if shared_folder() is None:
            ProcessCollector(registry=self._registry)
        self._calls = self._counter("cds_calls", "Hook calls answered", "service", "hook", "category", "status")
        self._cards = self._counter("cds_cards", "Cards shown", "topic")
        self._withheld = self._counter("cds_cards_withheld", "Cards not shown, in shadow mode", "topic")
        self._faults = self._counter("cds_faults", "Calls refused and unexpected failures", "kind")
        self._gaps = self._counter("cds_data_gaps", "Data that could not be used", "kind")
        self._unmapped = self._counter("cds_unmapped", "Codes and units on charts that no table knows", "kind")
        self._fhir_faults = self._counter("cds_fhir_faults", "Incomplete data by query key", "key", "kind")
        self._feedback = self._counter("cds_feedback", "What clinicians did with cards", "outcome")
        self._latency = self._histogram("cds_call_seconds", "Time to answer", "hook")
        self._fhir_latency = self._histogram("cds_fhir_query_seconds", "Time of live FHIR queries, all pages", "key")
        self._in_flight = self._gauge("cds_calls_in_flight", "Hook calls being answered", "livesum")
        self._alarm = self._gauge("cds_alarm", "1 while the alarm is raised", "livemax", "name")
        self._firing = self._gauge("cds_firing_ratio", "Recent calls answered with a card", "liveall", "hook")
        self._canary = self._gauge(
            "cds_canary_ok", "1 while the canary is answered as written down", "livemin", "case", "hook", "profile"
        )
        self._canary_success = self._gauge(
            "cds_canary_last_success_timestamp_seconds", "When every canary was last answered rightly", "livemin"
        )
        self._lost = self._counter("cds_store_lost", "Calls that could not be kept")
        self._store_up = self._gauge("cds_store_up", "Whether the database answered when last asked", "livemin")
        self._store_queued = self._gauge("cds_store_queued", "Calls that wait to be kept", "livesum")
        self._circuits = self._counter("cds_fhir_circuit_changes", "FHIR servers left alone and asked again", "state")
        build = self._gauge("cds_build_info", "Always 1", "livemax", "version", "profile")
        build.labels(__version__, profile).set(1)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"{self._prefix}{name}", meaning, labels, registry=self._registry)

    def _histogram(self, name: str, meaning: str, *labels: str) -> Histogram:
        name = f"{self._prefix}{name}"
        return Histogram(name, meaning, labels, buckets=_LATENCY_BUCKETS_S, registry=self._registry)

    def _gauge(self, name: str, meaning: str, mode: GaugeMode, *labels: str) -> Gauge:
        """`mode`: what the gauges of several worker processes make together."""
        name = f"{self._prefix}{name}"
        return Gauge(name, meaning, labels, registry=self._registry, multiprocess_mode=mode)

    def record(self, call: CallRecord) -> None:
        """Count one call."""
        self._calls.labels(call.service, call.hook, call.category or "none", str(call.status)).inc()
        self._latency.labels(call.hook).observe(call.total_ms / 1000)
        for topic in call.topics:
            (self._withheld if call.is_shadow else self._cards).labels(topic).inc()
        for kind in call.faults:
            self.count_fault(kind)
        self._record_data(call)

    def _record_data(self, call: CallRecord) -> None:
        """Count what the call could not use, and how long the FHIR server took."""
        for kind in call.gaps:
            self._gaps.labels(kind).inc()
        for kind in (_UNMAPPED[GapKind(gap)] for gap in call.gaps if gap in _UNMAPPED):
            self._unmapped.labels(kind).inc()
        for key, kind in call.fhir_faults.items():
            self._fhir_faults.labels(key, kind).inc()
        for key, milliseconds in fhir_timings_ms(call):
            self._fhir_latency.labels(key).observe(milliseconds / 1000)

    def count_fault(self, kind: str) -> None:
        """Count one fault outside a finished call."""
        self._faults.labels(kind).inc()

    def count_circuit(self, state: str) -> None:
        """Count a FHIR server's circuit that became open, half-open or closed."""
        self._circuits.labels(state).inc()

    def count_feedback(self, outcome: str) -> None:
        """Count one statement about a card that was kept."""
        self._feedback.labels(outcome).inc()

    def count_lost(self, calls: int) -> None:
        """Count calls of which only the log line stays."""
        self._lost.inc(calls)

    def show_store(self, *, is_up: bool, queued: int) -> None:
        """Whether the database answered when last asked, and how many calls wait for it."""
        self._store_up.set(is_up)
        self._store_queued.set(queued)

    def in_flight(self) -> AbstractContextManager[object]:
        """Counts a call as being answered while it is open."""
        return self._in_flight.track_inprogress()

    def show_firing(self, hook: str, ratio: float) -> None:
        """The share (0 to 1) of recent calls of a hook that were answered with a card."""
        self._firing.labels(hook).set(ratio)

    def show_alarm(self, name: str, *, is_raised: bool) -> None:
        """Whether an alarm is raised."""
        self._alarm.labels(name).set(is_raised)

    def show_canary(self, case: str, hook: str, profile: str, *, is_well: bool) -> None:
        """Whether a canary was answered as written down."""
        self._canary.labels(case, hook, profile).set(is_well)

    def show_canaries_well(self, at: datetime) -> None:
        """The instant at which every canary was answered rightly."""
        self._canary_success.set(at.timestamp())

    def as_text(self) -> bytes:
        """All metrics in the Prometheus text format: of this process, or of all workers that share theirs."""
        folder = shared_folder()
        return generate_latest(self._registry if folder is None else shared_registry(folder))


GaugeMode = Literal["liveall", "livemax", "livemin", "livesum"]


def fhir_timings_ms(call: CallRecord) -> list[tuple[str, float]]:
    """The live FHIR queries of a call: key of the query table, and milliseconds."""
    timings = call.timings_ms.items()
    return [(name.removeprefix(_FHIR_TIMING), ms) for name, ms in timings if name.startswith(_FHIR_TIMING)]


def write_audit_line(call: CallRecord) -> None:
    """Say one call in the log `cds_service.audit`, without empty members."""
    if _audit_log.isEnabledFor(logging.INFO):
        _audit_log.info(AuditLine({name: told for name in _AUDITED if (told := getattr(call, name))}))


def plain_token(text: str) -> str:
    """A caller's token for the log, or a note that it was not plain: free text may say anything about anybody."""
    return text if is_plain_token(text) else "(not a plain token)"


def is_plain_token(text: str) -> bool:
    """Whether a text is so short and plain that it can be kept as it is."""
    return _PLAIN_TOKEN.fullmatch(text) is not None


def unmapped_tokens(gaps: Iterable[DataGap]) -> tuple[str, ...]:
    """The unknown codes ("system|code") and units in these gaps, each once, plain ones only, at most 20."""
    unknown = (gap for gap in gaps if gap.kind in _UNMAPPED and gap.found is not None)
    return tuple(sorted({told for gap in unknown if (told := _unmapped_token(gap)) is not None}))[:_MOST_UNMAPPED]


def _unmapped_token(gap: DataGap) -> str | None:
    """The end of the token, which holds the code, where the whole is too long; None for what is not plain."""
    written = gap.found or _NO_UNIT
    pattern = _PLAIN_CODE if gap.kind is GapKind.UNMAPPED_CODE else _PLAIN_UNIT
    return written[-_LONGEST_TOKEN:] if pattern.fullmatch(written) else None
