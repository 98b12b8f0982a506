"""What is counted and what is audited: services, hooks, rules and timings, never a patient.

Knows Prometheus and the audit line. Must not be given ids of patients, values, tokens or addresses.
"""

from __future__ import annotations

import logging
import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import orjson
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest

if TYPE_CHECKING:
    from collections.abc import Mapping

_audit_log = logging.getLogger("cds_service.audit")
_LATENCY_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_PLAIN_TOKEN = re.compile(r"[A-Za-z0-9._\-]{1,64}")


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One finished call. `silence`: why there was no card. `faults`: kinds of refusal, failure and data gap.

    `client`: the site's own name of the trusted client that called.
    """

    service: str
    hook: str
    hook_instance: str
    status: int
    total_ms: float
    category: str | None = None
    rules: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    silence: str | None = None
    faults: tuple[str, ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    client: str | None = None


class Metrics:
    """Counters of one application, in a registry of their own so that several can live in one process."""

    def __init__(self) -> None:
        """Register the collectors."""
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._calls = Counter(
            "cds_calls", "Hook calls answered", ("service", "hook", "category", "status"), registry=self._registry
        )
        self._latency = Histogram(
            "cds_call_seconds", "Time to answer", ("hook",), buckets=_LATENCY_BUCKETS_S, registry=self._registry
        )
        self._circuits = Counter(
            "cds_fhir_circuit_changes", "FHIR servers left alone and asked again", ("state",), registry=self._registry
        )
        self._faults = Counter("cds_faults", "Refusals, failures and data gaps", ("kind",), registry=self._registry)

    def record(self, call: CallRecord) -> None:
        """Count one call and write its audit line."""
        self._calls.labels(call.service, call.hook, call.category or "none", str(call.status)).inc()
        self._latency.labels(call.hook).observe(call.total_ms / 1000)
        for kind in call.faults:
            self.count_fault(kind)
        _audit(call)

    def count_fault(self, kind: str) -> None:
        """Count one fault outside a finished call."""
        self._faults.labels(kind).inc()

    def count_circuit(self, state: str) -> None:
        """Count a FHIR server's circuit that became open, half-open or closed."""
        self._circuits.labels(state).inc()

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
    return text if _PLAIN_TOKEN.fullmatch(text) else "(not a plain token)"
