"""The chart as it stood at an earlier instant: what had been entered by then, as far as the resources tell.

Pure. For watching a case through time without looking ahead. A result is known from when it was issued (else from when
it was drawn), an entry from when it was recorded, an infusion from its start. What carries no time is known throughout.
A later correction cannot be undone: the chart keeps only the last version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.fhir.reading import element, recorded_instant

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from cds_service.fhir.reading import JsonObject

# Where each type says when it was entered, the best first. A dotted name leads into an element.
_KNOWN_FROM: dict[str, tuple[str, ...]] = {
    "AllergyIntolerance": ("recordedDate",),
    "Condition": ("recordedDate", "onsetDateTime", "onsetPeriod.start"),
    "DiagnosticReport": ("issued", "effectiveDateTime"),
    "Encounter": ("period.start",),
    "MedicationAdministration": ("effectivePeriod.start", "effectiveDateTime"),
    "MedicationRequest": ("authoredOn",),
    "MedicationStatement": ("dateAsserted", "effectiveDateTime", "effectivePeriod.start"),
    "Observation": ("issued", "effectiveDateTime", "effectiveInstant", "effectivePeriod.end", "effectivePeriod.start"),
    "Procedure": ("performedDateTime", "performedPeriod.start"),
    "ServiceRequest": ("authoredOn",),
    "Specimen": ("receivedTime", "collection.collectedDateTime"),
}


def known_from(resource: JsonObject) -> datetime | None:
    """From when the chart held this resource; None when it does not say, and it counts as always known."""
    for path in _KNOWN_FROM.get(str(resource.get("resourceType")), ()):
        name, _, inner = path.partition(".")
        value = element(resource.get(name)).get(inner) if inner else resource.get(name)
        instant = recorded_instant(value)
        if instant is not None:
            return instant
    return None


def chart_at(resources: Iterable[JsonObject], at: datetime) -> list[JsonObject]:
    """The resources known at `at`, each as it stood then; the order is kept."""
    known = ((resource, known_from(resource)) for resource in resources)
    return [as_it_stood(resource, at) for resource, since in known if since is None or since <= at]


def as_it_stood(resource: JsonObject, at: datetime) -> JsonObject:
    """An infusion that ended after `at` was still running then, and a drug taken until later was still being taken.

    The planned end of an infusion stays; when a course of tablets would end was not known. All else is as it is.
    """
    period = element(resource.get("effectivePeriod"))
    end = recorded_instant(period.get("end"))
    if end is None or end <= at:
        return resource
    match resource.get("resourceType"), resource.get("status"):
        case "MedicationAdministration", "completed":
            return resource | {"status": "in-progress"}
        case "MedicationStatement", ("active" | "completed"):
            begun = {name: value for name, value in period.items() if name != "end"}
            return resource | {"status": "active", "effectivePeriod": begun}
        case _:
            return resource
