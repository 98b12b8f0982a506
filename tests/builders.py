"""Small FHIR R4 resources as plain JSON: one function a resource type, nothing hidden.

Knows FHIR R4 only. Must not import the service: fixtures built here are an independent oracle for it.
Instants are passed as FHIR dateTime strings or as aware datetimes; a naive datetime is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

Resource = dict[str, Any]
When = str | datetime

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
UCUM = "http://unitsofmeasure.org"
_CODE_SYSTEM = "http://terminology.hl7.org/CodeSystem/"


@dataclass(frozen=True, slots=True)
class Code:
    """A coding: system, code and display."""

    system: str
    code: str
    display: str


@dataclass(frozen=True, slots=True)
class Amount:
    """A Quantity as charted. `ucum` None: the unit is only text; `unit` None: no unit at all."""

    value: float
    unit: str | None
    ucum: str | None = None
    comparator: str | None = None


# Observations
APAP_LEVEL = Code(LOINC, "3298-7", "Acetaminophen [Mass/volume] in Serum or Plasma")
APAP_LEVEL_MOLES = Code(LOINC, "14581-3", "Acetaminophen [Moles/volume] in Serum or Plasma")
APAP_PRESENCE = Code(LOINC, "3297-9", "Acetaminophen [Presence] in Serum or Plasma")
APAP_URINE = Code(LOINC, "13622-6", "Acetaminophen [Mass/volume] in Urine")
APAP_DOSE = Code(LOINC, "4105-3", "Acetaminophen [Mass] of Dose")
DOSE_TIME = Code(LOINC, "45285-4", "Date and time of Dose")
TIME_POST_DOSE = Code(LOINC, "45359-7", "Length of time post dose")
ALT = Code(LOINC, "1742-6", "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma")
AST = Code(LOINC, "1920-8", "Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma")
INR = Code(LOINC, "6301-6", "INR in Platelet poor plasma by Coagulation assay")
BILIRUBIN = Code(LOINC, "1975-2", "Bilirubin.total [Mass/volume] in Serum or Plasma")
CREATININE = Code(LOINC, "2160-0", "Creatinine [Mass/volume] in Serum or Plasma")
CREATININE_MOLES = Code(LOINC, "14682-9", "Creatinine [Moles/volume] in Serum or Plasma")
ARTERIAL_PH = Code(LOINC, "2744-1", "pH of Arterial blood")
BODY_WEIGHT = Code(LOINC, "29463-7", "Body weight")
GLASGOW_COMA_SCORE = Code(LOINC, "9269-2", "Glasgow coma score total")
HEMOGLOBIN = Code(LOINC, "718-7", "Hemoglobin [Mass/volume] in Blood")

# Medicines
APAP_500_TABLET = Code(RXNORM, "198440", "acetaminophen 500 MG Oral Tablet")
APAP_EXTENDED_RELEASE = Code(RXNORM, "1148399", "8 HR acetaminophen 650 MG Extended Release Oral Tablet")
APAP_HYDROCODONE = Code(RXNORM, "857002", "acetaminophen 325 MG / hydrocodone bitartrate 5 MG Oral Tablet")
APAP_DIPHENHYDRAMINE = Code(RXNORM, "1092189", "acetaminophen 500 MG / diphenhydramine hydrochloride 25 MG Oral Tablet")
APAP_INJECTION = Code(RXNORM, "1803956", "acetaminophen Injection")
NAC_INJECTION = Code(RXNORM, "465377", "acetylcysteine 200 MG/ML Injectable Solution")
NAC_CAPSULE = Code(RXNORM, "606971", "acetylcysteine 600 MG Oral Capsule")
NAC_INHALATION = Code(RXNORM, "307719", "acetylcysteine 200 MG/ML Inhalation Solution")
AMOXICILLIN = Code(RXNORM, "308182", "amoxicillin 250 MG Oral Capsule")

INTRAVENOUS = Code(SNOMED, "47625008", "Intravenous route (qualifier value)")
ORAL = Code(SNOMED, "26643006", "Oral route (qualifier value)")
INHALED = Code(SNOMED, "447694001", "Respiratory tract route (qualifier value)")

# Problems
SELF_POISONING = (
    Code(ICD10CM, "T39.1X2A", "Poisoning by 4-Aminophenol derivatives, intentional self-harm, initial encounter"),
    Code(SNOMED, "295124009", "Acetaminophen overdose (disorder)"),
)
ACCIDENTAL_POISONING = (
    Code(ICD10CM, "T39.1X1A", "Poisoning by 4-Aminophenol derivatives, accidental (unintentional), initial encounter"),
)


def _fhir_time(when: When) -> str:
    """A FHIR dateTime; a naive datetime is refused, a string is taken as it stands."""
    if isinstance(when, str):
        return when
    if when.tzinfo is None:
        msg = "a FHIR time needs a time zone"
        raise ValueError(msg)
    return when.isoformat().replace("+00:00", "Z")


def _given(resource: Resource) -> Resource:
    """The resource without members that have no value: FHIR JSON has no nulls."""
    return {name: value for name, value in resource.items() if value is not None}


def concept(*codes: Code, text: str | None = None) -> Resource:
    """A CodeableConcept; its text is the first display unless given."""
    codings = [{"system": code.system, "code": code.code, "display": code.display} for code in codes]
    return _given({"coding": codings or None, "text": text or (codes[0].display if codes else None)})


def quantity(amount: Amount) -> Resource:
    """A Quantity exactly as charted, with a UCUM code only where the amount has one."""
    system = UCUM if amount.ucum is not None else None
    return _given(
        {
            "value": amount.value,
            "comparator": amount.comparator,
            "unit": amount.unit,
            "system": system,
            "code": amount.ucum,
        }
    )


def patient(patient_id: str, *, name: str, birth_date: str | None, gender: str = "unknown") -> Resource:
    """A synthetic Patient of family name "Test"."""
    return _given(
        {
            "resourceType": "Patient",
            "id": patient_id,
            "identifier": [{"system": "https://fixtures.example.org/mrn", "value": f"MRN-{patient_id}"}],
            "active": True,
            "name": [{"use": "official", "family": "Test", "given": [name], "text": f"Test, {name}"}],
            "gender": gender,
            "birthDate": birth_date,
        }
    )


def observation(  # noqa: PLR0913 -- one keyword per FHIR element the fixtures vary
    resource_id: str,
    patient_id: str,
    code: Code,
    *,
    value: Amount | str | datetime | None,
    at: When | None,
    issued: When | None = None,
    status: str = "final",
    category: str = "laboratory",
    upper_limit: Amount | None = None,
    absent_reason: str | None = None,
    specimen_id: str | None = None,
) -> Resource:
    """An Observation: Quantity, text or dateTime value, or none with a reason.

    `at` is the clinically relevant time (effectiveDateTime), `issued` when the result was released.
    `upper_limit` is the laboratory's own referenceRange.high.
    """
    return _given(
        {
            "resourceType": "Observation",
            "id": resource_id,
            "status": status,
            "category": [{"coding": [{"system": f"{_CODE_SYSTEM}observation-category", "code": category}]}],
            "code": concept(code),
            "subject": {"reference": f"Patient/{patient_id}"},
            "effectiveDateTime": None if at is None else _fhir_time(at),
            "issued": None if issued is None else _fhir_time(issued),
            "valueQuantity": quantity(value) if isinstance(value, Amount) else None,
            "valueString": value if isinstance(value, str) else None,
            "valueDateTime": _fhir_time(value) if isinstance(value, datetime) else None,
            "dataAbsentReason": _absent(absent_reason),
            "specimen": None if specimen_id is None else {"reference": f"Specimen/{specimen_id}"},
            "referenceRange": None if upper_limit is None else [{"high": quantity(upper_limit)}],
        }
    )


def _absent(reason: str | None) -> Resource | None:
    """A dataAbsentReason of the standard code system."""
    return None if reason is None else {"coding": [{"system": f"{_CODE_SYSTEM}data-absent-reason", "code": reason}]}


def specimen(resource_id: str, patient_id: str, *, collected: When) -> Resource:
    """A blood Specimen with its collection time."""
    return {
        "resourceType": "Specimen",
        "id": resource_id,
        "type": {"text": "Venous blood"},
        "subject": {"reference": f"Patient/{patient_id}"},
        "collection": {"collectedDateTime": _fhir_time(collected)},
    }


def condition(  # noqa: PLR0913 -- one keyword per FHIR element the fixtures vary
    resource_id: str,
    patient_id: str,
    *codes: Code,
    text: str | None = None,
    onset: When | tuple[When, When] | None = None,
    recorded: When | None = None,
    abated: When | None = None,
    clinical_status: str = "active",
    verification: str = "confirmed",
) -> Resource:
    """A Condition; `onset` is an instant or the (earliest, latest) of an onsetPeriod.

    One entered in error has no clinical status: R4 forbids it.
    """
    period = onset if isinstance(onset, tuple) else None
    instant = None if onset is None or isinstance(onset, tuple) else _fhir_time(onset)
    clinical = None if verification == "entered-in-error" else _status("condition-clinical", clinical_status)
    return _given(
        {
            "resourceType": "Condition",
            "id": resource_id,
            "clinicalStatus": clinical,
            "verificationStatus": _status("condition-ver-status", verification),
            "category": [_status("condition-category", "problem-list-item")],
            "code": concept(*codes, text=text),
            "subject": {"reference": f"Patient/{patient_id}"},
            "onsetDateTime": instant,
            "onsetPeriod": None if period is None else {"start": _fhir_time(period[0]), "end": _fhir_time(period[1])},
            "abatementDateTime": None if abated is None else _fhir_time(abated),
            "recordedDate": None if recorded is None else _fhir_time(recorded),
        }
    )


def _status(system: str, code: str) -> Resource:
    """A CodeableConcept from one of HL7's status code systems."""
    return {"coding": [{"system": f"{_CODE_SYSTEM}{system}", "code": code}]}


def group(resource_id: str, *, name: str) -> Resource:
    """A Group of actual people: a subject that is nobody in particular."""
    return {"resourceType": "Group", "id": resource_id, "type": "person", "actual": True, "name": name}


def family_history(resource_id: str, patient_id: str, code: Code) -> Resource:
    """A FamilyMemberHistory: what the mother had, never the patient."""
    return {
        "resourceType": "FamilyMemberHistory",
        "id": resource_id,
        "status": "completed",
        "patient": {"reference": f"Patient/{patient_id}"},
        "relationship": {"coding": [{"system": f"{_CODE_SYSTEM}v3-RoleCode", "code": "MTH", "display": "mother"}]},
        "condition": [{"code": concept(code)}],
    }


def medication_statement(  # noqa: PLR0913 -- one keyword per FHIR element the fixtures vary
    resource_id: str,
    patient_id: str,
    drug: Code,
    *,
    at: When | tuple[When, When],
    dose: Amount | None = None,
    times_a_day: int | None = None,
    status: str = "completed",
    route: Code = ORAL,
) -> Resource:
    """A MedicationStatement: what was taken, once (`at` an instant) or over a course (`at` a period)."""
    effective: Resource = (
        {"effectivePeriod": {"start": _fhir_time(at[0]), "end": _fhir_time(at[1])}}
        if isinstance(at, tuple)
        else {"effectiveDateTime": _fhir_time(at)}
    )
    repeat = None if times_a_day is None else {"repeat": {"frequency": times_a_day, "period": 1, "periodUnit": "d"}}
    rate = None if dose is None else [{"doseQuantity": quantity(dose)}]
    return {
        "resourceType": "MedicationStatement",
        "id": resource_id,
        "status": status,
        "medicationCodeableConcept": concept(drug),
        "subject": {"reference": f"Patient/{patient_id}"},
        **effective,
        "dosage": [_given({"timing": repeat, "route": concept(route), "doseAndRate": rate})],
    }


def medication_administration(  # noqa: PLR0913 -- one keyword per FHIR element the fixtures vary
    resource_id: str,
    patient_id: str,
    drug: Code,
    *,
    at: When,
    dose: Amount,
    route: Code = INTRAVENOUS,
    status: str = "in-progress",
    until: When | None = None,
) -> Resource:
    """A MedicationAdministration given from `at`; a running infusion has a period, without an end unless `until`."""
    in_period = status == "in-progress" or until is not None
    period = {"start": _fhir_time(at)} | ({} if until is None else {"end": _fhir_time(until)})
    return _given(
        {
            "resourceType": "MedicationAdministration",
            "id": resource_id,
            "status": status,
            "medicationCodeableConcept": concept(drug),
            "subject": {"reference": f"Patient/{patient_id}"},
            "effectivePeriod": period if in_period else None,
            "effectiveDateTime": None if in_period else _fhir_time(at),
            "dosage": {"route": concept(route), "dose": quantity(dose)},
        }
    )


def medication_request(  # noqa: PLR0913 -- one keyword per FHIR element the fixtures vary
    resource_id: str,
    patient_id: str,
    drug: Code | None,
    *,
    status: str = "active",
    authored: When | None = None,
    route: Code | None = None,
    dose_text: str | None = None,
    reason: str | None = None,
) -> Resource:
    """A MedicationRequest. `drug` None: it points to a Medication that exists nowhere."""
    dosage = _given({"text": dose_text, "route": None if route is None else concept(route)})
    return _given(
        {
            "resourceType": "MedicationRequest",
            "id": resource_id,
            "status": status,
            "intent": "order",
            "medicationCodeableConcept": None if drug is None else concept(drug),
            "medicationReference": {"reference": "Medication/is-nowhere-to-be-found"} if drug is None else None,
            "subject": {"reference": f"Patient/{patient_id}"},
            "authoredOn": None if authored is None else _fhir_time(authored),
            "reasonCode": None if reason is None else [{"text": reason}],
            "dosageInstruction": [dosage] if dosage else None,
        }
    )


_DRAFTS: dict[str, tuple[Code | None, Code | None, str | None]] = {
    "iv-nac": (
        NAC_INJECTION,
        INTRAVENOUS,
        "150 mg/kg over 1 hour, then 50 mg/kg over 4 hours, then 100 mg/kg over 16 hours",
    ),
    "oral-nac": (NAC_CAPSULE, ORAL, "600 mg by mouth twice daily"),
    "nebulised-nac": (NAC_INHALATION, INHALED, "3 mL nebulised three times daily"),
    "acetaminophen": (APAP_500_TABLET, ORAL, "1 g by mouth every 6 hours as needed"),
    "unidentifiable": (None, None, None),
    "amoxicillin": (AMOXICILLIN, ORAL, "500 mg by mouth three times daily"),
}

ORDER_NAMES: tuple[str, ...] = tuple(_DRAFTS)
"""The names `draft_order` knows."""


def draft_order(name: str, patient_id: str, *, reason: str | None = None) -> Resource:
    """A draft MedicationRequest by name (`ORDER_NAMES`), as an EHR puts it in `draftOrders`.

    Raises `KeyError` for a name it does not know. `reason` is charted as reasonCode text.
    """
    drug, route, text = _DRAFTS[name]
    return medication_request(
        f"draft-{name}", patient_id, drug, status="draft", route=route, dose_text=text, reason=reason
    )


def transaction(resources: list[Resource]) -> Resource:
    """A transaction Bundle that PUTs each resource at its own `Type/id`, so that loading twice changes nothing."""
    entries = [{"resource": each, "request": {"method": "PUT", "url": _place(each)}} for each in resources]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _place(resource: Resource) -> str:
    """`Type/id` of a resource."""
    return f"{resource['resourceType']}/{resource['id']}"
