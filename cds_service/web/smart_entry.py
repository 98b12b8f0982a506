"""The ingestion as told to the clinician: typed into the app, it becomes the resource a chart would hold.

Pure. Knows the form and the FHIR MedicationStatement that the chart reading takes for an exposure. Clock times are
those of the display zone; one that occurs twice there (the clocks going back) becomes the interval it may mean.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fhir.resources.R4B.medicationstatement import MedicationStatement

from cds_service.clinical.quantity import Span
from cds_service.fhir.codes import System
from cds_service.hooks.clock import span_text
from cds_service.web.entry import EntryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import tzinfo

    from cds_service.fhir.reading import JsonObject

PRODUCTS: dict[str, tuple[str, str]] = {
    "immediate": ("Immediate release", "Acetaminophen"),
    "extended": ("Extended release", "Acetaminophen, extended release"),
    "opioid": ("With an opioid", "Acetaminophen with an opioid"),
    "anticholinergic": ("With an anticholinergic", "Acetaminophen with an anticholinergic"),
    "intravenous": ("Intravenous", "Acetaminophen, intravenous"),
}
"""What was taken: words for the form, and for the chart. No strength is stated that nobody told."""

NOT_CHARTED = "entered here, not in the chart"
_ACETAMINOPHEN = "161"
_UCUM = "http://unitsofmeasure.org"
_NOTE = "Ingestion as told to the clinician, entered in the IV NAC decision support app."
_GRAMS = re.compile(r"\d{1,3}(?:[.,]\d{1,3})?", re.ASCII)
_WIDEST = timedelta(hours=24)
_LONGEST_AGO = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class IngestionForm:
    """The form as typed. `earliest`, `latest`: local date and time; a blank latest means a known time."""

    earliest: str = ""
    latest: str = ""
    product: str = "immediate"
    amount_g: str = ""


@dataclass(frozen=True, slots=True)
class Entered:
    """One entry. `charted_as`: its reference in the chart once it is written there, "" before.

    `writer`, `writing_until`: who is writing it to the chart just now, and until when nobody else does.
    """

    key: str
    resource: JsonObject
    taken: Span
    amount_g: float | None
    charted_as: str = ""
    is_written: bool = False
    writer: str = ""
    writing_until: datetime | None = None

    def is_same_as(self, other: Entered) -> bool:
        """Whether both tell the same dose, as when a form was sent twice."""
        told, again = (
            (each.taken, each.amount_g, each.resource["medicationCodeableConcept"]) for each in (self, other)
        )
        return told == again

    def words(self, now: datetime, zone: tzinfo) -> str:
        """The entry in one line."""
        amount = "amount not known" if self.amount_g is None else f"{self.amount_g:g} g"
        name = self.resource["medicationCodeableConcept"]["text"]
        return f"{name}, {amount}, taken {span_text(self.taken, now, zone)}"

    def as_read(self) -> JsonObject:
        """The resource for an assessment before the chart holds it: it says so by its name."""
        remark = "written, not read back yet" if self.is_written else NOT_CHARTED
        concept = self.resource["medicationCodeableConcept"]
        marked = concept | {"text": f"{concept['text']} ({remark})"}
        return self.resource | {"id": f"entered-{self.key}", "medicationCodeableConcept": marked}


@dataclass(frozen=True, slots=True)
class Teller:
    """For whom and by whom an entry is made: the patient's id, the signed-in user's reference, and a system of keys."""

    patient_id: str
    user: str | None
    identifier_system: str


def entered_from(members: Mapping[str, Any]) -> Entered:
    """An entry from its members as JSON has them, which are this program's own."""
    taken = Span(*(datetime.fromisoformat(members["taken"][end]) for end in ("earliest", "latest")))
    until = members["writing_until"]
    rebuilt = {"taken": taken, "writing_until": None if until is None else datetime.fromisoformat(until)}
    return Entered(**{**members, **rebuilt})


def form_from(typed: Mapping[str, str]) -> IngestionForm:
    """The form as it came; fields it does not know are left out."""
    names = (each.name for each in fields(IngestionForm))
    return IngestionForm(**{name: typed[name].strip()[:40] for name in names if name in typed})


def entry_from(form: IngestionForm, key: str, teller: Teller, now: datetime, zone: tzinfo) -> Entered:
    """The entry, its resource checked against the FHIR models. Raises `EntryError`."""
    problems = dict(_problems(form, now, zone))
    if problems:
        raise EntryError(problems)
    taken = _taken(form, zone)
    grams = _grams(form.amount_g)
    resource = _statement(PRODUCTS[form.product][1], key, teller, now)
    resource |= _when(taken, zone)
    if grams is not None:
        quantity = {"value": grams, "unit": "g", "system": _UCUM, "code": "g"}
        resource["dosage"] = [{"text": f"{grams:g} g in all", "doseAndRate": [{"doseQuantity": quantity}]}]
    MedicationStatement.model_validate(resource)
    return Entered(key, resource, taken, grams)


def _problems(form: IngestionForm, now: datetime, zone: tzinfo) -> Iterator[tuple[str, str]]:
    if form.product not in PRODUCTS:
        yield "product", "one of the list"
    if form.amount_g and not _grams(form.amount_g):
        yield "amount_g", "a number over 0 and under 1000, or blank"
    for name, written in (("earliest", form.earliest), ("latest", form.latest or form.earliest)):
        problem = _time_problem(written, now, zone)
        if problem:
            yield name, problem
            return
    yield from _span_problems(_instants(form, zone))


def _grams(written: str) -> float | None:
    """Grams; a decimal comma is read as a point. None for anything else."""
    return float(written.replace(",", ".")) if _GRAMS.fullmatch(written) else None


def _span_problems(ends: tuple[datetime, datetime]) -> Iterator[tuple[str, str]]:
    if ends[1] < ends[0]:
        yield "latest", "not before the earliest time"
    elif ends[1] - ends[0] > _WIDEST:
        yield "latest", "at most 24 hours after the earliest: a longer interval would be read as repeated use"


def _time_problem(written: str, now: datetime, zone: tzinfo) -> str:
    """What is wrong with a typed time; empty when nothing is."""
    local = _local(written)
    if local is None:
        return "a date and a time"
    instant = local.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != local:
        return "a time that exists: the clocks went forward over it"
    if instant > now:
        return "not in the future"
    return "" if instant >= now - _LONGEST_AGO else "within the last 30 days"


def _local(written: str) -> datetime | None:
    """A local date and time as browsers send them; None for anything else."""
    try:
        read = datetime.fromisoformat(written)
    except ValueError:
        return None
    return read if read.tzinfo is None and "T" in written else None


def _instants(form: IngestionForm, zone: tzinfo) -> tuple[datetime, datetime]:
    """The first instant the earliest time can mean, and the last that the latest can."""
    first, last = (datetime.fromisoformat(text) for text in (form.earliest, form.latest or form.earliest))
    return first.replace(tzinfo=zone, fold=0).astimezone(UTC), last.replace(tzinfo=zone, fold=1).astimezone(UTC)


def _taken(form: IngestionForm, zone: tzinfo) -> Span:
    return Span(*_instants(form, zone))


def _when(taken: Span, zone: tzinfo) -> JsonObject:
    start, end = (instant.astimezone(zone).isoformat() for instant in (taken.earliest, taken.latest))
    return {"effectiveDateTime": start} if taken.is_exact else {"effectivePeriod": {"start": start, "end": end}}


def _statement(name: str, key: str, teller: Teller, now: datetime) -> JsonObject:
    source = {} if teller.user is None else {"informationSource": {"reference": teller.user}}
    return {
        "resourceType": "MedicationStatement",
        "identifier": [{"system": teller.identifier_system, "value": key}],
        "status": "completed",
        "medicationCodeableConcept": {
            "coding": [{"system": System.RXNORM.value, "code": _ACETAMINOPHEN, "display": "acetaminophen"}],
            "text": name,
        },
        "subject": {"reference": f"Patient/{teller.patient_id}"},
        "dateAsserted": now.replace(microsecond=0).isoformat(),
        **source,
        "note": [{"text": _NOTE}],
    }
