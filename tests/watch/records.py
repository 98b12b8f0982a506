"""Finished calls as the watch sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client.parser import text_string_to_metric_families

from cds_service.records import CallRecord

if TYPE_CHECKING:
    from cds_service.hooks.metrics import Metrics


def call(**changes: Any) -> CallRecord:
    """A patient-view call that was answered without a card."""
    values: dict[str, Any] = {
        "service": "iv-nac-patient-view",
        "hook": "patient-view",
        "hook_instance": "d1577c69",
        "status": 200,
        "total_ms": 12.5,
        "profile": "us-2023",
    }
    return CallRecord(**(values | changes))


def fired(**changes: Any) -> CallRecord:
    """A call that was answered with a treatment card."""
    return call(category="indicated", topics=("indicated",), **changes)


def value(metrics: Metrics, name: str, **labels: str) -> float:
    """The one sample of this name that has (at least) these labels."""
    families = text_string_to_metric_families(metrics.as_text().decode())
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    (found,) = [sample.value for sample in samples if sample.labels.items() >= labels.items()]
    return found
