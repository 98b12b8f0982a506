"""Short ways to state one resource and ask what was read from it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cds_service.clinical.quantity import Span
from cds_service.fhir.mapping import facts_from_resources

if TYPE_CHECKING:
    from cds_service.clinical.facts import DataGap, PatientFacts

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"
EIGHT = "2026-01-15T08:00:00Z"

Json = dict[str, Any]


def coded(system: str, code: str, text: str | None = None, display: str | None = None) -> Json:
    coding = {"system": system, "code": code} | ({"display": display} if display else {})
    return {"coding": [coding]} | ({"text": text} if text else {})


def worded(text: str) -> Json:
    return {"text": text}


def mapped(*resources: Json) -> PatientFacts:
    """The facts about patient "p", whose record is at hand."""
    return facts_from_resources([{"resourceType": "Patient", "id": "p"}, *resources], "p")


def gap_kinds(facts: PatientFacts) -> list[tuple[str, str]]:
    return sorted({(gap.kind.value, gap.about) for gap in facts.gaps})


def only_gap(facts: PatientFacts) -> DataGap:
    (gap,) = facts.gaps
    return gap


def observation(loinc: str = "3298-7", **members: Any) -> Json:
    """A final acetaminophen level of 182 ug/mL at eight o'clock, but for `members` (None takes a member away)."""
    base: Json = {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "subject": {"reference": "Patient/p"},
        "code": coded(LOINC, loinc),
        "effectiveDateTime": EIGHT,
    }
    if not any(name.startswith(("value", "dataAbsent")) for name in members):
        base["valueQuantity"] = {"value": 182, "unit": "ug/mL"}
    return {name: value for name, value in (base | members).items() if value is not None}


def resource(kind: str, **members: Any) -> Json:
    base: Json = {"resourceType": kind, "id": "r", "subject": {"reference": "Patient/p"}}
    return {name: value for name, value in (base | members).items() if value is not None}


def at(hour: int, minute: int = 0, *, day: int = 15) -> datetime:
    return datetime(2026, 1, day, hour, minute, tzinfo=UTC)


def instant(hour: int, minute: int = 0) -> Span:
    return Span.at(at(hour, minute))


def whole_day(day: int = 15) -> Span:
    return Span(at(0, day=day), at(0, day=day + 1))
