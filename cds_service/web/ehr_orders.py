"""The order catalogue of the mini EHR: what can be drafted, and how the form's dose, rate and route become a draft.

Pure. Knows FHIR MedicationRequest and ServiceRequest. What is typed is written down as typed, right or wrong: finding
out is the service's job.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from cds_service.catalogue import OrderName, draft_order
from cds_service.clinical.profiles import RegimenName
from cds_service.clinical.regimens import DosingPlan, dosing_plan
from cds_service.clinical.weight import UsableWeight, dosing_weight
from cds_service.fhir.codes import System, loinc
from cds_service.hooks.dosing import bag_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from cds_service.clinical.facts import PatientFacts
    from cds_service.fhir.reading import JsonObject

_UCUM = "http://unitsofmeasure.org"

ROUTES: dict[str, tuple[str, str]] = {
    "intravenous": ("47625008", "Intravenous route"),
    "oral": ("26643006", "Oral route"),
    "inhaled": ("447694001", "Respiratory tract route"),
    "none": ("", "not stated"),
}
"""Routes by form value: SNOMED CT code and display."""

DOSE_UNITS = ("mg", "g", "mg/kg", "mg/kg/h", "mL")

REGIMENS = {
    "three-bag": ("IV NAC, three-bag", RegimenName.THREE_BAG),
    "two-bag": ("IV NAC, two-bag", RegimenName.TWO_BAG),
}
SINGLE = {
    "iv-nac": ("IV NAC, one infusion", OrderName.IV_NAC),
    "oral-nac": ("Oral NAC", OrderName.ORAL_NAC),
    "nebulised-nac": ("Nebulised NAC", OrderName.NEBULISED_NAC),
    "acetaminophen": ("Acetaminophen", OrderName.ACETAMINOPHEN),
}
LABS = {
    "level": ("Acetaminophen level", ("3298-7",)),
    "liver": ("AST and ALT", ("1742-6", "1920-8")),
    "inr": ("INR", ("6301-6",)),
}
"""Tests by form value: words for the form, and LOINC codes."""
CHOICES = {key: words for table in (REGIMENS, SINGLE, LABS) for key, (words, _) in table.items()}


@dataclass(frozen=True, slots=True)
class OrderEntry:
    """The order form as typed; blank means the usual instruction of the catalogue."""

    order: str = "three-bag"
    dose: str = ""
    dose_unit: str = "mg"
    duration_h: str = ""
    rate_ml_h: str = ""
    route: str = ""
    text: str = ""


def order_entry(form: Mapping[str, str]) -> OrderEntry:
    """The order in a form."""
    return OrderEntry(**{each.name: form[each.name].strip()[:200] for each in fields(OrderEntry) if each.name in form})


def drafts_from(entry: OrderEntry, patient_id: str, facts: PatientFacts, now: datetime) -> tuple[list[JsonObject], str]:
    """The drafts of an order, without ids, and what to tell about them."""
    if entry.order in LABS:
        return [_lab(patient_id, code) for code in LABS[entry.order][1]], ""
    if entry.order in REGIMENS:
        return _bags(REGIMENS[entry.order][1], patient_id, facts, now)
    if entry.order in SINGLE:
        return [_edited(draft_order(SINGLE[entry.order][1], patient_id), entry)], ""
    return [], "There is no such order in the catalogue."


def _bags(regimen: RegimenName, patient_id: str, facts: PatientFacts, now: datetime) -> tuple[list[JsonObject], str]:
    """The bags for the charted weight; one infusion without numbers when no weight is usable."""
    weight = dosing_weight(facts, now)
    plan = dosing_plan(regimen, weight.weight.kg) if isinstance(weight, UsableWeight) else weight
    if isinstance(plan, DosingPlan):
        return [_bag(patient_id, bag_text(bag), bag.dose_mg, bag.rate_ml_h, bag.duration_h) for bag in plan.bags], ""
    return [draft_order(OrderName.IV_NAC, patient_id)], f"Drafted without numbers: {plan.because}"


def _bag(patient_id: str, text: str, dose_mg: float, rate_ml_h: float, duration_h: float) -> JsonObject:
    entry = OrderEntry("iv-nac", f"{dose_mg:g}", "mg", f"{duration_h:g}", f"{rate_ml_h:.1f}", "intravenous", text)
    return _edited(draft_order(OrderName.IV_NAC, patient_id), entry)


def _edited(draft: JsonObject, entry: OrderEntry) -> JsonObject:
    """The draft with dose, rate, duration, route and text as typed."""
    instruction: dict[str, Any] = dict(draft["dosageInstruction"][0])
    if entry.route in ROUTES:
        code, display = ROUTES[entry.route]
        instruction.pop("route", None)
        if code:
            instruction["route"] = {
                "coding": [{"system": System.SNOMED_CT.value, "code": code, "display": display}],
                "text": display,
            }
    if entry.text:
        instruction["text"] = entry.text
    dose_and_rate = _dose_and_rate(entry)
    if dose_and_rate:
        instruction["doseAndRate"] = [dose_and_rate]
    if (duration := _number(entry.duration_h)) is not None:
        instruction["timing"] = {"repeat": {"count": 1, "duration": duration, "durationUnit": "h"}}
    if dose_and_rate and not entry.text:
        instruction["text"] = _words(entry)
    return draft | {"dosageInstruction": [instruction]}


def _dose_and_rate(entry: OrderEntry) -> JsonObject:
    told: JsonObject = {}
    if (dose := _number(entry.dose)) is not None and entry.dose_unit in DOSE_UNITS:
        told["rateQuantity" if entry.dose_unit == "mg/kg/h" else "doseQuantity"] = _quantity(dose, entry.dose_unit)
    if (rate := _number(entry.rate_ml_h)) is not None and "rateQuantity" not in told:
        told["rateQuantity"] = _quantity(rate, "mL/h")
    return told


def _words(entry: OrderEntry) -> str:
    dose = f"{entry.dose} {entry.dose_unit}" if entry.dose else ""
    duration = f"over {entry.duration_h} h" if entry.duration_h else ""
    parts = [dose, duration, f"at {entry.rate_ml_h} mL/h" if entry.rate_ml_h else ""]
    return " ".join(part for part in parts if part)


def _number(text: str) -> float | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _quantity(value: float, unit: str) -> JsonObject:
    return {"value": value, "unit": unit, "system": _UCUM, "code": unit}


def _lab(patient_id: str, code: str) -> JsonObject:
    system, _, display = loinc(code)
    return {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "order",
        "priority": "stat",
        "code": {"coding": [{"system": system, "code": code, "display": display}], "text": display},
        "subject": {"reference": f"Patient/{patient_id}"},
    }


def draft_words(draft: JsonObject) -> str:
    """A draft in one line, as an order list shows it."""
    concept = draft.get("medicationCodeableConcept") or draft.get("code") or {}
    name = concept.get("text") if isinstance(concept, dict) else None
    instructions = draft.get("dosageInstruction")
    first = instructions[0] if isinstance(instructions, list) and instructions else {}
    text = first.get("text") if isinstance(first, dict) else None
    return ": ".join(str(part) for part in (name or "Order", text) if part)
