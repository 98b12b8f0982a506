"""Suggestions: draft orders to create, and drafts to delete. Pure; nothing is ever placed, only offered.

Every outbound resource is checked against the FHIR R4B models before it leaves. Doses are repeated in
words, so that a client which only shows text shows the whole order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cds_service.clinical.findings import Category, Test
from cds_service.clinical.regimens import Bag, DosingPlan, DosingRefusal
from cds_service.hooks.clock import clock_time
from cds_service.hooks.conformance import check_medication_request, check_service_request
from cds_service.hooks.dosing import bag_text, regimen_words
from cds_service.hooks.drafted import drafted_loinc
from cds_service.hooks.markdown import one_line
from cds_service.hooks.summary import BEFORE_THE_END, rule_number, when_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime, tzinfo

    from cds_service.clinical.assessment import Assessment
    from cds_service.clinical.findings import Ask
    from cds_service.fhir.reading import JsonObject
    from cds_service.hooks.orders import OrderContext

_SNOMED = "http://snomed.info/sct"
_RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
_LOINC = "http://loinc.org"
_UCUM = "http://unitsofmeasure.org"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/medicationrequest-category"

_OVERDOSE = (_SNOMED, "295124009", "Acetaminophen overdose")
_ACUTE_LIVER_FAILURE = (_SNOMED, "197270009", "Acute hepatic failure")
_COPD = (_SNOMED, "13645005", "Chronic obstructive pulmonary disease")
_INTRAVENOUS = (_SNOMED, "47625008", "Intravenous route")
_ORAL = (_SNOMED, "26643006", "Oral route")
_IV_NAC = (_RXNORM, "465377", "acetylcysteine 200 MG/ML injection")
_ORAL_NAC = (_RXNORM, "606971", "acetylcysteine 600 MG Oral Capsule")

# Rules in which nothing points to acetaminophen, so that the order must not claim an overdose.
_NOT_ACETAMINOPHEN = frozenset({"D1", "D2"})

_TESTS: dict[Test, tuple[tuple[str, str], ...]] = {
    Test.ACETAMINOPHEN: (("3298-7", "Acetaminophen [Mass/volume] in Serum or Plasma"),),
    Test.TRANSAMINASES: (
        ("1742-6", "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma"),
        ("1920-8", "Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma"),
    ),
    Test.INR: (("6301-6", "INR in Platelet poor plasma by Coagulation assay"),),
    Test.INJURY: (
        ("2160-0", "Creatinine [Mass/volume] in Serum or Plasma"),
        ("2524-7", "Lactate [Moles/volume] in Serum or Plasma"),
        ("2777-1", "Phosphate [Mass/volume] in Serum or Plasma"),
        ("2345-7", "Glucose [Mass/volume] in Serum or Plasma"),
    ),
}
_TEST_LABELS = {
    Test.ACETAMINOPHEN: "Order acetaminophen level",
    Test.TRANSAMINASES: "Order AST and ALT",
    Test.INR: "Order INR",
    Test.INJURY: "Order creatinine, lactate, phosphate, glucose",
}
_ORAL_NAC_TEXT = "Acetylcysteine 600 mg by mouth twice daily"


@dataclass(frozen=True, slots=True)
class Drafting:
    """What every draft order needs beside the assessment: display zone, encounter, a source of uuids."""

    assessment: Assessment
    zone: tzinfo
    encounter_id: str | None
    new_uuid: Callable[[], str]

    @property
    def patient(self) -> str:
        """The patient's reference."""
        return self.assessment.facts.patient.reference

    def stamp(self, instant: datetime) -> str:
        """An instant as FHIR dateTime, to the second, with the offset of the display zone."""
        return instant.astimezone(self.zone).replace(microsecond=0).isoformat()


def primary_suggestions(drafting: Drafting, orders: OrderContext | None) -> list[JsonObject]:
    """What the primary card offers: the IV regimen and the tests asked for, without what is drafted already."""
    category = drafting.assessment.category
    is_drafted = orders is not None and orders.is_iv_nac_drafted
    suggestions = []
    if category in {Category.INDICATED, Category.CONSIDER} and not is_drafted:
        suggestions.append(_nac_suggestion(drafting, is_recommended=category is Category.INDICATED))
    return [*suggestions, *tests_suggestions(drafting, drafting.assessment.asks, orders)]


def tests_suggestions(drafting: Drafting, asks: Iterable[Ask], orders: OrderContext | None) -> list[JsonObject]:
    """Draft orders for the laboratory tests asked for, without those that are drafted already."""
    drafted = drafted_loinc(draft.resource for draft in orders.drafts) if orders is not None else frozenset()
    suggestions = (_test_suggestion(drafting, ask, drafted) for ask in asks)
    return [suggestion for suggestion in suggestions if suggestion]


def suggestion(drafting: Drafting, label: str, actions: list[JsonObject], *, is_recommended: bool) -> JsonObject:
    """A suggestion of these actions; the label is kept to what a button holds."""
    made = {"label": one_line(label, longest=80), "uuid": drafting.new_uuid(), "actions": actions}
    return made | ({"isRecommended": True} if is_recommended else {})


def create(resource: JsonObject, description: str) -> JsonObject:
    """The action that drafts a resource."""
    return {"type": "create", "description": one_line(description), "resource": resource}


# --- intravenous acetylcysteine -------------------------------------------------------------------


def _nac_suggestion(drafting: Drafting, *, is_recommended: bool) -> JsonObject:
    """All bags of the regimen as one suggestion; one draft without numbers when no weight is usable."""
    match drafting.assessment.dosing:
        case DosingPlan(regimen=regimen, weight_kg=weight_kg, bags=bags):
            label = f"Draft IV NAC, {regimen_words(regimen)} for {weight_kg:g} kg"
            actions = [create(bag_draft(drafting, bag), bag_text(bag)) for bag in bags]
        case DosingRefusal() | None as refusal:
            because = refusal.because if refusal else "no dose has been calculated"
            label = "Draft IV NAC without a dose (weigh first)"
            text = f"Acetylcysteine intravenously, dose by weight. Weigh the patient first: {because}"
            actions = [create(_nac_draft(drafting, {"sequence": 1, "text": one_line(text)}), text)]
    return suggestion(drafting, label, actions, is_recommended=is_recommended)


def bag_draft(drafting: Drafting, bag: Bag) -> JsonObject:
    """One bag as a draft order: dose, rate, duration and the same in words."""
    dose: JsonObject = {
        "doseQuantity": _quantity(bag.dose_mg, "mg"),
        "rateQuantity": _quantity(bag.rate_ml_h, "mL/h"),
    }
    timing = {"repeat": {"count": 1, "duration": _number(bag.duration_h), "durationUnit": "h"}}
    dosage = {"sequence": bag.number, "text": bag_text(bag), "timing": timing, "doseAndRate": [dose]}
    return _nac_draft(drafting, dosage)


def _nac_draft(drafting: Drafting, dosage: JsonObject) -> JsonObject:
    primary = drafting.assessment.primary
    is_other_cause = primary is not None and rule_number(primary) in _NOT_ACETAMINOPHEN
    medication = _concept(_IV_NAC, "Acetylcysteine 200 mg/mL concentrate for intravenous infusion")
    reason = _concept(_ACUTE_LIVER_FAILURE if is_other_cause else _OVERDOSE)
    return _medication_draft(drafting, medication, reason, {"route": _concept(_INTRAVENOUS)} | dosage, "stat")


def _medication_draft(
    drafting: Drafting, medication: JsonObject, reason: JsonObject, dosage: JsonObject, priority: str
) -> JsonObject:
    draft = {
        "resourceType": "MedicationRequest",
        "status": "draft",
        "intent": "order",
        "category": [_concept((_CATEGORY, "inpatient", "Inpatient"))],
        "priority": priority,
        "medicationCodeableConcept": medication,
        "subject": {"reference": drafting.patient},
        **_encounter(drafting),
        "authoredOn": drafting.stamp(drafting.assessment.now),
        "reasonCode": [reason],
        "dosageInstruction": [dosage],
    }
    check_medication_request(draft)
    return draft


def _encounter(drafting: Drafting) -> JsonObject:
    if drafting.encounter_id is None:
        return {}
    return {"encounter": {"reference": f"Encounter/{drafting.encounter_id.removeprefix('Encounter/')}"}}


def _concept(coding: tuple[str, str, str], text: str | None = None) -> JsonObject:
    system, code, display = coding
    return {"coding": [{"system": system, "code": code, "display": display}], "text": text or display}


def _quantity(value: float, unit: str) -> JsonObject:
    return {"value": _number(value), "unit": unit, "system": _UCUM, "code": unit}


def _number(value: float) -> int | float:
    """Two decimals at most; whole numbers without a point."""
    rounded = round(float(value), 2)
    return int(rounded) if rounded.is_integer() else rounded


# --- tests ----------------------------------------------------------------------------------------


def _test_suggestion(drafting: Drafting, ask: Ask, drafted: frozenset[str]) -> JsonObject | None:
    """The test as draft orders, one a LOINC code; None for what is not a laboratory test or is drafted already."""
    wanted = [loinc for loinc in _TESTS.get(ask.test, ()) if loinc[0] not in drafted]
    if not wanted:
        return None
    when = when_text(ask, drafting.assessment, drafting.zone)
    label = f"{_TEST_LABELS[ask.test]} {when.removesuffix(f', {BEFORE_THE_END}')}"
    actions = [create(_test_draft(drafting, ask, loinc), f"{loinc[1]}, {when}") for loinc in wanted]
    return suggestion(drafting, label, actions, is_recommended=True)


def _test_draft(drafting: Drafting, ask: Ask, loinc: tuple[str, str]) -> JsonObject:
    draft = {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "order",
        "priority": "urgent" if drafting.assessment.category is Category.CONTINUE else "stat",
        "code": _concept((_LOINC, *loinc)),
        "subject": {"reference": drafting.patient},
        **_encounter(drafting),
        **_occurrence(drafting, ask),
        "authoredOn": drafting.stamp(drafting.assessment.now),
    }
    check_service_request(draft)
    return draft


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


# --- drafts that are already there ----------------------------------------------------------------


def delete_suggestion(
    drafting: Drafting, references: tuple[str, ...], what: str, *, with_oral_nac: bool = False
) -> JsonObject | None:
    """Delete these drafts ("Type/id"), with oral acetylcysteine in their place where it is an option.

    None when there is no draft to delete: offering the alternative beside the draft would double the drug.
    """
    if not references:
        return None
    actions: list[JsonObject] = [
        {"type": "delete", "description": f"Remove the draft order of {what}", "resourceId": reference}
        for reference in references
    ]
    if not with_oral_nac:
        return suggestion(drafting, f"Remove the draft order of {what}", actions, is_recommended=False)
    actions.append(create(_oral_nac_draft(drafting), _ORAL_NAC_TEXT))
    return suggestion(drafting, "Replace with oral acetylcysteine 600 mg twice daily", actions, is_recommended=False)


def _oral_nac_draft(drafting: Drafting) -> JsonObject:
    dosage: JsonObject = {
        "sequence": 1,
        "text": _ORAL_NAC_TEXT,
        "timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}},
        "route": _concept(_ORAL),
        "doseAndRate": [{"doseQuantity": _quantity(600, "mg")}],
    }
    medication = _concept(_ORAL_NAC, "Acetylcysteine 600 mg oral capsule")
    return _medication_draft(drafting, medication, _concept(_COPD), dosage, "routine")
