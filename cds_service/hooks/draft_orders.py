"""Draft orders as FHIR R4B resources: bags of acetylcysteine, oral acetylcysteine, laboratory tests. Pure.

Every outbound resource fits the FHIR R4B models. Doses are repeated in words, so that a client which only shows text
shows the whole order. Must not know suggestions and cards.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from cds_service.clinical.findings import Category
from cds_service.hooks.clock import clock_time
from cds_service.hooks.conformance import check_medication_request, check_service_request
from cds_service.hooks.dosing import bag_text
from cds_service.hooks.draft_forms import fitting
from cds_service.hooks.markdown import one_line
from cds_service.hooks.summary import rule_number

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, tzinfo

    from cds_service.clinical.assessment import Assessment
    from cds_service.clinical.findings import Ask
    from cds_service.clinical.regimens import Bag
    from cds_service.fhir.reading import JsonObject

Coding: TypeAlias = tuple[str, str, str]
"""System, code and display."""

_SNOMED = "http://snomed.info/sct"
_RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
_UCUM = "http://unitsofmeasure.org"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/medicationrequest-category"

_OVERDOSE = (_SNOMED, "295124009", "Acetaminophen overdose")
_ACUTE_LIVER_FAILURE = (_SNOMED, "197270009", "Acute hepatic failure")
_COPD = (_SNOMED, "13645005", "Chronic obstructive pulmonary disease")
_INTRAVENOUS = (_SNOMED, "47625008", "Intravenous route")
_ORAL = (_SNOMED, "26643006", "Oral route")
_IV_NAC = (_RXNORM, "465377", "acetylcysteine 200 MG/ML injection")
_IV_NAC_CONCENTRATE = (_IV_NAC, "Acetylcysteine 200 mg/mL concentrate for intravenous infusion")
_ORAL_NAC = (_RXNORM, "606971", "acetylcysteine 600 MG Oral Capsule")

ORAL_NAC_TEXT = "Acetylcysteine 600 mg by mouth twice daily"

# Rules in which nothing points to acetaminophen, so that the order must not claim an overdose.
_NOT_ACETAMINOPHEN = frozenset({"D1", "D2"})


@dataclass(frozen=True, slots=True)
class Drafting:
    """What every draft order needs beside the assessment: display zone, encounter, a source of uuids."""

    assessment: Assessment
    zone: tzinfo
    encounter_id: str | None
    new_uuid: Callable[[], str]
    authored_on: str = field(init=False)
    """When the orders are drafted, as FHIR dateTime."""

    def __post_init__(self) -> None:
        """Every draft has the same instant: write it out once."""
        object.__setattr__(self, "authored_on", self.stamp(self.assessment.now))

    @property
    def patient(self) -> str:
        """The patient's reference."""
        return self.assessment.facts.patient.reference

    def stamp(self, instant: datetime) -> str:
        """An instant as FHIR dateTime, to the second, with the offset of the display zone."""
        return instant.astimezone(self.zone).isoformat(timespec="seconds")


# --- acetylcysteine ---


def bag_draft(drafting: Drafting, bag: Bag) -> JsonObject:
    """One bag as a draft order: dose, rate, duration and the same in words."""
    dose: JsonObject = {
        "doseQuantity": _quantity(bag.dose_mg, "mg"),
        "rateQuantity": _quantity(bag.rate_ml_h, "mL/h"),
    }
    timing = {"repeat": {"count": 1, "duration": _number(bag.duration_h), "durationUnit": "h"}}
    dosage = {"sequence": bag.number, "text": bag_text(bag), "timing": timing, "doseAndRate": [dose]}
    return _nac_draft(drafting, dosage, "bag", (bag.number, bag.dose_mg, bag.rate_ml_h, bag.duration_h))


def nac_draft_without_dose(drafting: Drafting, text: str) -> JsonObject:
    """Intravenous acetylcysteine as a draft order that says in words why it has no numbers."""
    return _nac_draft(drafting, {"sequence": 1, "text": one_line(text)}, "without a dose")


def _nac_draft(drafting: Drafting, dosage: JsonObject, form: str, numbers: tuple[float, ...] = ()) -> JsonObject:
    primary = drafting.assessment.primary
    is_other_cause = primary is not None and rule_number(primary) in _NOT_ACETAMINOPHEN
    reason = _ACUTE_LIVER_FAILURE if is_other_cause else _OVERDOSE
    order = _Order(_IV_NAC_CONCENTRATE, reason, _INTRAVENOUS, "stat", form)
    return _medication_draft(drafting, order, dosage, numbers)


class _Order(NamedTuple):
    """What a draft order of a drug says besides for whom, when and how much. `dosage_form`: which dosage it has."""

    medication: tuple[Coding, str]
    reason: Coding
    route: Coding
    priority: str
    dosage_form: str


def _medication_draft(
    drafting: Drafting, order: _Order, dosage: JsonObject, numbers: tuple[float, ...] = ()
) -> JsonObject:
    """The order with this dosage, in which only the text and these numbers differ among dosages of its form."""
    encounter = _encounter(drafting)
    draft = {
        "resourceType": "MedicationRequest",
        "status": "draft",
        "intent": "order",
        "category": [_concept((_CATEGORY, "inpatient", "Inpatient"))],
        "priority": order.priority,
        "medicationCodeableConcept": _concept(*order.medication),
        "subject": {"reference": drafting.patient},
        **encounter,
        "authoredOn": drafting.authored_on,
        "reasonCode": [_concept(order.reason)],
        "dosageInstruction": [{"route": _concept(order.route)} | dosage],
    }
    return fitting(
        check_medication_request,
        draft,
        form=(order, bool(encounter)),
        texts=(drafting.patient, *_references(encounter), dosage["text"]),
        stamps=(drafting.authored_on,),
        numbers=numbers,
    )


def _encounter(drafting: Drafting) -> JsonObject:
    if drafting.encounter_id is None:
        return {}
    return {"encounter": {"reference": f"Encounter/{drafting.encounter_id.removeprefix('Encounter/')}"}}


def _references(encounter: JsonObject) -> tuple[str, ...]:
    return tuple(named["reference"] for named in encounter.values())


def _concept(coding: Coding, text: str | None = None) -> JsonObject:
    system, code, display = coding
    return {"coding": [{"system": system, "code": code, "display": display}], "text": text or display}


def _quantity(value: float, unit: str) -> JsonObject:
    return {"value": _number(value), "unit": unit, "system": _UCUM, "code": unit}


def _number(value: float) -> int | float:
    """Two decimals at most; whole numbers without a point."""
    rounded = round(float(value), 2)
    return int(rounded) if rounded.is_integer() else rounded


def oral_nac_draft(drafting: Drafting) -> JsonObject:
    """Oral acetylcysteine as for chronic airway disease."""
    dosage: JsonObject = {
        "sequence": 1,
        "text": ORAL_NAC_TEXT,
        "timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}},
        "doseAndRate": [{"doseQuantity": _quantity(600, "mg")}],
    }
    medication = (_ORAL_NAC, "Acetylcysteine 600 mg oral capsule")
    return _medication_draft(drafting, _Order(medication, _COPD, _ORAL, "routine", "twice daily"), dosage)


# --- tests ---


def lab_draft(drafting: Drafting, ask: Ask, test: Coding) -> JsonObject:
    """One laboratory test that is asked for."""
    encounter, occurrence = _encounter(drafting), _occurrence(drafting, ask)
    priority = "urgent" if drafting.assessment.category is Category.CONTINUE else "stat"
    draft = {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "order",
        "priority": priority,
        "code": _concept(test),
        "subject": {"reference": drafting.patient},
        **encounter,
        **occurrence,
        "authoredOn": drafting.authored_on,
    }
    return fitting(
        check_service_request,
        draft,
        form=(test, priority, bool(encounter), *occurrence),
        texts=(drafting.patient, *_references(encounter), *(note["text"] for note in occurrence.get("note", ()))),
        stamps=(drafting.authored_on, *(stamp for name, stamp in occurrence.items() if name != "note")),
    )


def _occurrence(drafting: Drafting, ask: Ask) -> JsonObject:
    """When to draw: from the first useful moment, with the last one in words."""
    if ask.not_before is None:
        return {} if ask.not_after is None else {"note": [{"text": _latest_draw(drafting, ask.not_after)}]}
    occurrence: JsonObject = {"occurrenceDateTime": drafting.stamp(ask.not_before)}
    if ask.not_after is None:
        return occurrence
    return occurrence | {"note": [{"text": _latest_draw(drafting, ask.not_after)}]}


def _latest_draw(drafting: Drafting, not_after: datetime) -> str:
    return f"Draw no later than {clock_time(not_after, drafting.assessment.now, drafting.zone)}"
