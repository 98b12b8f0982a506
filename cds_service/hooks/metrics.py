"""What is counted and what is audited: services, hooks, rules and timings, never a patient.

Knows Prometheus and the audit line. Must not be given ids of patients, values, tokens or addresses.
"""

from __future__ import annotations

import logging
import re
from dataclasses import asdict
from typing import TYPE_CHECKING

import orjson
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.records import CallRecord

_audit_log = logging.getLogger("cds_service.audit")
_LATENCY_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_PLAIN_TOKEN = re.compile(r"[A-Za-z0-9._\-]{1,64}")


class Metrics:
    """Counters of one application, in a registry of their own so that several can live in one process."""

    def __init__(self) -> None:
        """Register the collectors."""
        self._keep: Callable[[CallRecord], None] = lambda _: None
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._calls = Counter(
            "cds_calls", "Hook calls answered", ("service", "hook", "category", "status"), registry=self._registry
        )
        self._latency = Histogram(
            "cds_call_seconds", "Time to answer", ("hook",), buckets=_LATENCY_BUCKETS_S, registry=self._registry
        )
        self._faults = Counter("cds_faults", "Refusals, failures and data gaps", ("kind",), registry=self._registry)
        self._feedback = Counter("cds_feedback", "Feedback that was kept", ("outcome",), registry=self._registry)
        self._lost = Counter("cds_store_lost", "Calls that could not be kept", registry=self._registry)

    def watch_store(
        self, keep: Callable[[CallRecord], None], *, is_up: Callable[[], bool], queued: Callable[[], int]
    ) -> None:
        """Pass every call on to be kept, and show how the store is."""
        self._keep = keep
        up = Gauge("cds_store_up", "Whether the database answered when it was last asked", registry=self._registry)
        up.set_function(is_up)
        waiting = Gauge("cds_store_queued", "Calls that wait to be kept", registry=self._registry)
        waiting.set_function(queued)

    def record(self, call: CallRecord) -> None:
        """Count one call, write its audit line and pass it on to be kept."""
        self._calls.labels(call.service, call.hook, call.category or "none", str(call.status)).inc()
        self._latency.labels(call.hook).observe(call.total_ms / 1000)
        for kind in call.faults:
            self.count_fault(kind)
        _audit(call)
        self._keep(call)

    def count_feedback(self, outcome: str) -> None:
        """Count one statement about a card that was kept."""
        self._feedback.labels(outcome).inc()

    def count_lost(self, calls: int) -> None:
        """Count calls of which only the log line stays."""
        self._lost.inc(calls)

    def count_fault(self, kind: str) -> None:
        """Count one fault outside a finished call."""
        self._faults.labels(kind).inc()

    def as_text(self) -> bytes:
        """All metrics in the Prometheus text format."""
        return generate_latest(self._registry)


def _audit(call: CallRecord) -> None:
    """One line of JSON in the log `cds_service.audit`, without empty members."""
    if _audit_log.isEnabledFor(logging.INFO):
        told = {key: value for key, value in asdict(call).items() if value}
        _audit_log.info("%s", orjson.dumps(told).decode())


def plain_token(text: str) -> str:
    """A caller's token for the log, or a note that it was not plain: free text may say anything about anybody."""
    return text if is_plain_token(text) else "(not a plain token)"


def is_plain_token(text: str) -> bool:
    """Whether a text is so short and plain that it can be kept as it is."""
    return _PLAIN_TOKEN.fullmatch(text) is not None
