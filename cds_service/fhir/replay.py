"""The chart as it stood at an earlier instant: what had been entered by then, as far as the resources tell.

Pure. For watching a case through time without looking ahead. A result is known from when it was issued (else from when
it was drawn), an entry from when it was recorded, an infusion from its start. What carries no time is known throughout.
Of a resource at hand in several versions each later one is known from when it was written. Where the chart keeps only
the last version, a correction cannot be undone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.fhir.mapping import version_of
from cds_service.fhir.reading import element, recorded_instant, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
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


Known = tuple["JsonObject", "datetime | None"]
"""A resource, and from when the chart held it (None: always)."""


def chart_at(resources: Iterable[JsonObject], at: datetime) -> list[JsonObject]:
    """The resources known at `at`, each as it stood then; the order is kept."""
    return standing_at(known_versions(tuple(resources)), at)


def standing_at(known: Iterable[Known], at: datetime) -> list[JsonObject]:
    """As `chart_at`, of resources whose instants were found before."""
    return Standing(known).at(at)


class Standing:
    """A chart to be looked at at many instants: whatever reads alike at two of them is the same object at both."""

    def __init__(self, known: Iterable[Known]) -> None:
        """Find out what each resource was before it ended."""
        self._rows = [(resource, since, *_before_its_end(resource)) for resource, since in known]

    def at(self, at: datetime) -> list[JsonObject]:
        """As `standing_at`."""
        return [
            resource if ended_at is None or ended_at <= at else unended
            for resource, since, ended_at, unended in self._rows
            if since is None or since <= at
        ]


def _before_its_end(resource: JsonObject) -> tuple[datetime | None, JsonObject]:
    ended_at = _ended_at(resource)
    return ended_at, resource if ended_at is None else _unended(resource)


def known_versions(resources: Sequence[JsonObject]) -> list[Known]:
    """Each resource with the instant from which the chart held this version; the order is kept."""
    first: dict[tuple[str, str], tuple[datetime, float]] = {}
    for resource in resources:
        name = _name(resource)
        first[name] = min(first.get(name, version_of(resource)), version_of(resource))
    return [(resource, _version_known_from(resource, first[_name(resource)])) for resource in resources]


def _version_known_from(resource: JsonObject, first: tuple[datetime, float]) -> datetime | None:
    """A later version is known from when it was written, and never before the first."""
    since = known_from(resource)
    written = recorded_instant(element(resource.get("meta")).get("lastUpdated"))
    if text(resource.get("id")) is None or written is None or version_of(resource) == first:
        return since
    return written if since is None else max(since, written)


def _name(resource: JsonObject) -> tuple[str, str]:
    return str(resource.get("resourceType")), str(resource.get("id"))


def as_it_stood(resource: JsonObject, at: datetime) -> JsonObject:
    """What ended after `at` still went on then: an infusion, a course of tablets, a stay, a problem.

    The planned end of an infusion stays; when a course of tablets would end was not known. All else is as it is.
    """
    return _unended(resource) if (ended_at := _ended_at(resource)) is not None and ended_at > at else resource


_PERIODS = {
    ("MedicationAdministration", "completed"): "effectivePeriod",
    ("MedicationStatement", "active"): "effectivePeriod",
    ("MedicationStatement", "completed"): "effectivePeriod",
    ("Encounter", "finished"): "period",
    ("Encounter", "completed"): "period",
}


def _ended_at(resource: JsonObject) -> datetime | None:
    """When what a resource tells of was over, as far as it reads otherwise from then on."""
    kind = resource.get("resourceType")
    if kind == "Condition":
        return recorded_instant(resource.get("abatementDateTime"))
    period = _PERIODS.get((str(kind), str(resource.get("status"))))
    return None if period is None else recorded_instant(element(resource.get(period)).get("end"))


def _unended(resource: JsonObject) -> JsonObject:
    """The resource as it read before that end."""
    match resource.get("resourceType"):
        case "MedicationStatement":
            return _still_taken(resource)
        case "Encounter":
            period = element(resource.get("period")) | {"end": None}
            return resource | {"status": "in-progress", "period": period}
        case "Condition":
            return _still_active(resource)
    return resource | {"status": "in-progress"}


def _still_taken(statement: JsonObject) -> JsonObject:
    begun = {name: value for name, value in element(statement.get("effectivePeriod")).items() if name != "end"}
    return statement | {"status": "active", "effectivePeriod": begun}


def _still_active(condition: JsonObject) -> JsonObject:
    """A problem that was over only later was active."""
    active = {"coding": [{"system": _CLINICAL_STATUS, "code": "active"}]}
    return {name: value for name, value in condition.items() if name != "abatementDateTime"} | {
        "clinicalStatus": active
    }


_CLINICAL_STATUS = "http://terminology.hl7.org/CodeSystem/condition-clinical"
