"""The FHIR R4 resources of a synthetic chart, as hospitals write them: units, local codes and time zones differ.

Pure. Knows resources only; which story they tell is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from cds_service.fhir.codes import loinc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cds_service.fhir.reading import JsonObject

_LOINC = "http://loinc.org"
_SNOMED = "http://snomed.info/sct"
_RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
_ICD = "http://hl7.org/fhir/sid/icd-10-cm"
_UCUM = "http://unitsofmeasure.org"
_LOCAL = "https://lab.synthetic.example.org/tests"
_HL7 = "http://terminology.hl7.org/CodeSystem/"

Coding = tuple[str, str, str]

LEVEL: Coding = loinc("3298-7")
LEVEL_MOLES: Coding = loinc("14581-3")
LEVEL_LOCAL: Coding = (_LOCAL, "PARA", "Paracetamol level")
ALT: Coding = loinc("1742-6")
AST: Coding = loinc("1920-8")
INR: Coding = loinc("6301-6")
WEIGHT: Coding = loinc("29463-7")
HEMOGLOBIN: Coding = (_LOINC, "718-7", "Hemoglobin [Mass/volume] in Blood")
SODIUM: Coding = (_LOINC, "2951-2", "Sodium [Moles/volume] in Serum or Plasma")

SELF_POISONING: Coding = (
    _ICD,
    "T39.1X2A",
    "Poisoning by 4-Aminophenol derivatives, intentional self-harm, initial encounter",
)
ACCIDENTAL_POISONING: Coding = (
    _ICD,
    "T39.1X1A",
    "Poisoning by 4-Aminophenol derivatives, accidental (unintentional), initial encounter",
)
LIVER_FAILURE: Coding = (_ICD, "K72.00", "Acute and subacute hepatic failure without coma")
COPD: Coding = (_ICD, "J44.9", "Chronic obstructive pulmonary disease, unspecified")
CYSTIC_FIBROSIS: Coding = (_ICD, "E84.0", "Cystic fibrosis with pulmonary manifestations")
HYPERTENSION: Coding = (_ICD, "I10", "Essential (primary) hypertension")

APAP_TABLET: Coding = (_RXNORM, "198440", "acetaminophen 500 MG Oral Tablet")
APAP_EXTENDED: Coding = (_RXNORM, "1148399", "8 HR acetaminophen 650 MG Extended Release Oral Tablet")
NAC_INJECTION: Coding = (_RXNORM, "465377", "acetylcysteine 200 MG/ML Injectable Solution")
_INTRAVENOUS: Coding = (_SNOMED, "47625008", "Intravenous route (qualifier value)")
_ORAL: Coding = (_SNOMED, "26643006", "Oral route (qualifier value)")


def concept(*codings: Coding) -> JsonObject:
    """A CodeableConcept whose text is the first display."""
    return {
        "coding": [{"system": system, "code": code, "display": display} for system, code, display in codings],
        "text": codings[0][2],
    }


def quantity(value: float, unit: str, ucum: str | None = None) -> JsonObject:
    """A Quantity; without a UCUM code where the laboratory sends only words."""
    coded = {} if ucum is None else {"system": _UCUM, "code": ucum}
    return {"value": value, "unit": unit, **coded}


@dataclass(slots=True)
class ChartWriter:
    """Collects one patient's resources, with ids of their own and times written in the hospital's zone."""

    patient_id: str
    offset_hours: int = 0
    resources: list[JsonObject] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)

    def time(self, at: datetime) -> str:
        """An instant as this hospital writes it, to the minute."""
        zone = UTC if self.offset_hours == 0 else timezone(timedelta(hours=self.offset_hours))
        return at.astimezone(zone).replace(second=0, microsecond=0).isoformat().replace("+00:00", "Z")

    def add(self, kind: str, members: JsonObject, *, owner: str = "subject") -> JsonObject:
        """Keep one resource about the patient and give it its id."""
        number = self._numbers[kind] = self._numbers.get(kind, 0) + 1
        resource = {
            "resourceType": kind,
            "id": f"{self.patient_id}-{kind.lower()}-{number}",
            owner: {"reference": f"Patient/{self.patient_id}"},
            **members,
        }
        self.resources.append(resource)
        return resource

    def patient(self, birth_date: str, gender: str) -> None:
        """The person."""
        self.resources.append(
            {
                "resourceType": "Patient",
                "id": self.patient_id,
                "name": [{"family": "Synthetic", "given": [self.patient_id]}],
                "gender": gender,
                "birthDate": birth_date,
            }
        )

    def encounter(self, start: datetime, end: datetime) -> None:
        """A stay that is over."""
        period = {"start": self.time(start), "end": self.time(end)}
        members = {
            "status": "finished",
            "class": {"system": f"{_HL7}v3-ActCode", "code": "EMER"},
            "period": period,
        }
        self.add("Encounter", members)

    def condition(self, code: Coding, recorded: datetime, onset: str | None = None) -> None:
        """An active problem; `onset` as charted."""
        members: JsonObject = {
            "clinicalStatus": {"coding": [{"system": f"{_HL7}condition-clinical", "code": "active"}]},
            "verificationStatus": {"coding": [{"system": f"{_HL7}condition-ver-status", "code": "confirmed"}]},
            "code": concept(code),
            "recordedDate": self.time(recorded),
        }
        self.add("Condition", members if onset is None else members | {"onsetDateTime": onset})

    def result(
        self,
        code: Coding,
        value: JsonObject,
        drawn: datetime,
        *,
        hours_to_issue: float = 0.7,
        upper: float | None = None,
    ) -> JsonObject:
        """A laboratory result; `upper`: the laboratory's own upper limit, in the unit of the value."""
        members: JsonObject = {
            "status": "final",
            "category": [{"coding": [{"system": f"{_HL7}observation-category", "code": "laboratory"}]}],
            "code": concept(code),
            "effectiveDateTime": self.time(drawn),
            "issued": self.time(drawn + timedelta(hours=hours_to_issue)),
            "valueQuantity": value,
        }
        if upper is not None:
            members["referenceRange"] = [{"high": value | {"value": upper}}]
        return self.add("Observation", members)

    def weight(self, kg: float, at: datetime) -> None:
        """A measured body weight."""
        members = {
            "status": "final",
            "category": [{"coding": [{"system": f"{_HL7}observation-category", "code": "vital-signs"}]}],
            "code": concept(WEIGHT),
            "effectiveDateTime": self.time(at),
            "valueQuantity": quantity(kg, "kg", "kg"),
        }
        self.add("Observation", members)

    def statement(self, drug: Coding, effective: JsonObject, mg: float, told: datetime) -> None:
        """What the patient says was taken: once, or as a course of `mg` three times a day."""
        dosage: JsonObject = {"route": concept(_ORAL), "doseAndRate": [{"doseQuantity": quantity(mg, "mg", "mg")}]}
        if "effectivePeriod" in effective:
            dosage["timing"] = {"repeat": {"frequency": 3, "period": 1, "periodUnit": "d"}}
        members = {
            "status": "completed",
            "medicationCodeableConcept": concept(drug),
            "dateAsserted": self.time(told),
            "dosage": [dosage],
            **effective,
        }
        self.add("MedicationStatement", members)

    def nac(
        self, start: datetime, hours: float, mg: float, reason: str | None = None, *, bags: Sequence[str] = ()
    ) -> None:
        """An order of intravenous acetylcysteine, with each bag in words, and the infusion that was given."""
        route: JsonObject = {"route": concept(_INTRAVENOUS)}
        order = {
            "status": "completed",
            "intent": "order",
            "medicationCodeableConcept": concept(NAC_INJECTION),
            "authoredOn": self.time(start - timedelta(minutes=20)),
            "dosageInstruction": [route | {"text": bag} for bag in bags] or [route],
        }
        self.add("MedicationRequest", order if reason is None else order | {"reasonCode": [{"text": reason}]})
        given = {
            "status": "completed",
            "medicationCodeableConcept": concept(NAC_INJECTION),
            "effectivePeriod": {"start": self.time(start), "end": self.time(start + timedelta(hours=hours))},
            "dosage": route | {"dose": quantity(mg, "mg", "mg")},
        }
        self.add("MedicationAdministration", given)
