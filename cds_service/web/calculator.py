"""The calculator: typed numbers become the same FHIR resources a chart would hold, and go the same way.

Knows the form and FHIR JSON. Units are left to the mapper and its one unit table, so that what is refused in a chart is
refused here too. Nothing typed is kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cds_service.clinical.assess import assess
from cds_service.clinical.profiles import PROFILES
from cds_service.fhir.codes import System, loinc
from cds_service.fhir.mapping import facts_from_resources
from cds_service.web.entry import EntryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from cds_service.clinical.assessment import Assessment
    from cds_service.clinical.profiles import Profile
    from cds_service.fhir.reading import JsonObject

PATIENT_ID = "calculator"
LEVEL_UNITS = ("mg/L", "ug/mL", "mg/dL", "umol/L", "mmol/L")
WEIGHT_UNITS = ("kg", "lb", "g")


PRODUCTS: dict[str, tuple[str, str, str]] = {
    "immediate": ("Immediate release", "198440", "acetaminophen 500 MG Oral Tablet"),
    "extended": ("Extended release", "1148399", "8 HR acetaminophen 650 MG Extended Release Oral Tablet"),
    "opioid": ("With an opioid", "857002", "acetaminophen 325 MG / hydrocodone bitartrate 5 MG Oral Tablet"),
    "anticholinergic": (
        "With an anticholinergic", "1092189", "acetaminophen 500 MG / diphenhydramine hydrochloride 25 MG Oral Tablet",
    ),
    "intravenous": ("Intravenous", "1803956", "acetaminophen Injection"),
}  # fmt: skip
"""What was taken: words for the form, RxNorm code and name."""

INTENTS: dict[str, tuple[str, str]] = {
    "unknown": ("Not known", "T39.1X4A"),
    "self-harm": ("Self-harm", "T39.1X2A"),
    "accidental": ("Accidental", "T39.1X1A"),
}
"""Why it was taken: words for the form and ICD-10-CM code."""

_TESTS = {
    "level": loinc("3298-7"),
    "alt": loinc("1742-6"),
    "ast": loinc("1920-8"),
    "inr": loinc("6301-6"),
    "weight": loinc("29463-7"),
}
_MOLES = loinc("14581-3")
_NUMBER = re.compile(r"\d{1,7}(?:[.,]\d{1,6})?", re.ASCII)
_RESULT = re.compile(rf"(?P<bound><=|>=|<|>)?\s*(?P<number>{_NUMBER.pattern})", re.ASCII)
_LONGEST_HOURS = 24.0 * 7
_OLDEST_YEARS = 120.0


@dataclass(frozen=True, slots=True)
class Entry:
    """What was typed, as text: every member is one field of the form; blank means not known.

    `hours_from`, `hours_to`: least and most hours from the first dose to now, when the sample is taken as drawn.
    `last_hours`: hours from the last of several doses.
    """

    level: str = ""
    level_unit: str = "mg/L"
    hours_from: str = ""
    hours_to: str = ""
    last_hours: str = ""
    product: str = "immediate"
    amount_g: str = ""
    intent: str = "unknown"
    alt: str = ""
    ast: str = ""
    inr: str = ""
    weight: str = ""
    weight_unit: str = "kg"
    age: str = ""
    profile: str = ""


@dataclass(frozen=True, slots=True)
class _Hours:
    """The typed hours as numbers."""

    least: float | None
    most: float | None
    last: float | None


def entry_from_form(form: Mapping[str, str]) -> Entry:
    """The entry in a form; fields it does not know are left out."""
    return Entry(**{each.name: form[each.name].strip()[:40] for each in fields(Entry) if each.name in form})


def assessed(entry: Entry, own_profile: Profile, now: datetime) -> Assessment:
    """The assessment of an entry by the rules that judge charts. Raises `EntryError` naming every field at fault."""
    profile = PROFILES.get(entry.profile, own_profile)
    facts = facts_from_resources(chart_of(entry, now), PATIENT_ID)
    return assess(facts, profile, now)


def chart_of(entry: Entry, now: datetime) -> list[JsonObject]:
    """The resources a chart would hold. Raises `EntryError`."""
    problems = dict(_problems(entry))
    if problems:
        raise EntryError(problems)
    return [_patient(entry, now), *_exposures(entry, now), *_observations(entry, now)]


def _problems(entry: Entry) -> Iterator[tuple[str, str]]:
    for name in ("level", "alt", "ast", "inr"):
        text = getattr(entry, name)
        if text and _RESULT.fullmatch(text) is None:
            yield name, "Must be a number, with < or > in front where the laboratory reports a limit"
    for name, most in (("hours_from", _LONGEST_HOURS), ("hours_to", _LONGEST_HOURS), ("last_hours", _LONGEST_HOURS),
                       ("amount_g", 1000.0), ("weight", 1_000_000.0), ("age", _OLDEST_YEARS)):  # fmt: skip
        text = getattr(entry, name)
        if text and _number(text, most) is None:
            yield name, f"Must be a number from 0 to {most:g}"
    choices = {"level_unit": LEVEL_UNITS, "weight_unit": WEIGHT_UNITS, "product": PRODUCTS, "intent": INTENTS}
    yield from (
        (name, "Must be one of the list") for name, known in choices.items() if getattr(entry, name) not in known
    )
    yield from _hour_problems(_hours_of(entry))


def _hour_problems(typed: _Hours) -> Iterator[tuple[str, str]]:
    if typed.least is None and typed.most is not None:
        yield "hours_from", "Needed when the most hours are given"
    if typed.least is not None and typed.most is not None and typed.most < typed.least:
        yield "hours_to", "Must not be less than the least hours"
    if typed.last is not None and (typed.least is None or typed.last > typed.least):
        yield "last_hours", "Must not be longer ago than the first dose"


def _hours_of(entry: Entry) -> _Hours:
    return _Hours(*(_number(text, _LONGEST_HOURS) for text in (entry.hours_from, entry.hours_to, entry.last_hours)))


def _number(text: str, most: float) -> float | None:
    """A number from 0 to `most`; a decimal comma is read as a point."""
    if _NUMBER.fullmatch(text) is None:
        return None
    value = float(text.replace(",", "."))
    return value if value <= most else None


def _patient(entry: Entry, now: datetime) -> JsonObject:
    age = _number(entry.age, _OLDEST_YEARS) if entry.age else None
    born = None if age is None else (now - timedelta(days=age * 365.25 + 1)).date().isoformat()
    return {"resourceType": "Patient", "id": PATIENT_ID, **({} if born is None else {"birthDate": born})}


def _exposures(entry: Entry, now: datetime) -> Iterator[JsonObject]:
    """The poisoning, and what was taken: one dose, or a first and a last one."""
    typed = _hours_of(entry)
    words, code = INTENTS[entry.intent]
    yield {
        "resourceType": "Condition",
        "id": "ingestion",
        "clinicalStatus": {"coding": [{"system": _STATUS_SYSTEM, "code": "active"}]},
        "code": _concept(System.ICD_10_CM.value, code, f"Poisoning by acetaminophen (intent: {words.lower()})"),
        "subject": _SUBJECT,
        "recordedDate": now.isoformat(),
        **_when("onset", typed.least, typed.most, now),
    }
    yield _dose("first-dose", entry, _when("effective", typed.least, typed.most, now))
    if typed.last is not None:
        yield _dose("last-dose", entry, _when("effective", typed.last, None, now)) | {"dosage": []}


_SUBJECT = {"reference": f"Patient/{PATIENT_ID}"}
_STATUS_SYSTEM = "http://terminology.hl7.org/CodeSystem/condition-clinical"


def _when(element: str, least: float | None, most: float | None, now: datetime) -> JsonObject:
    """A dateTime, a Period of possible times, or nothing when the time is not known."""
    if least is None:
        return {}
    latest = now - timedelta(hours=least)
    if most is None or most == least:
        return {f"{element}DateTime": latest.isoformat()}
    return {f"{element}Period": {"start": (now - timedelta(hours=most)).isoformat(), "end": latest.isoformat()}}


def _dose(resource_id: str, entry: Entry, when: JsonObject) -> JsonObject:
    _, code, name = PRODUCTS[entry.product]
    grams = _number(entry.amount_g, 1000.0) if entry.amount_g else None
    dose = [] if grams is None else [{"doseAndRate": [{"doseQuantity": _quantity(grams, "g")}]}]
    return {
        "resourceType": "MedicationStatement",
        "id": resource_id,
        "status": "completed",
        "medicationCodeableConcept": _concept(System.RXNORM.value, code, name),
        "subject": _SUBJECT,
        "dosage": dose,
        **when,
    }


def _observations(entry: Entry, now: datetime) -> Iterator[JsonObject]:
    units = {"level": entry.level_unit, "alt": "U/L", "ast": "U/L", "inr": "1", "weight": entry.weight_unit}
    for name, unit in units.items():
        text = getattr(entry, name)
        if text:
            code = _MOLES if name == "level" and "mol" in unit else _TESTS[name]
            yield _observation(name, code, _measured(name, text, unit), now)


def _measured(name: str, text: str, unit: str) -> JsonObject:
    read = _RESULT.fullmatch(text)
    if read is None:
        raise EntryError({name: "a number"})
    bound = {"comparator": read["bound"]} if read["bound"] else {}
    return _quantity(float(read["number"].replace(",", ".")), unit) | bound


def _quantity(value: float, unit: str) -> JsonObject:
    return {"value": value, "unit": unit}


def _observation(resource_id: str, code: tuple[str, str, str], value: JsonObject, now: datetime) -> JsonObject:
    return {
        "resourceType": "Observation",
        "id": resource_id,
        "status": "final",
        "code": _concept(*code),
        "subject": _SUBJECT,
        "effectiveDateTime": now.isoformat(),
        "valueQuantity": value,
    }


def _concept(system: str, code: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}
