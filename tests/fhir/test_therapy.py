"""What a chart says of acetylcysteine that runs, of charcoal, and of the mental status."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cds_service.clinical.facts import CharcoalDose, NacTherapy, PatientFacts, Problem
from cds_service.clinical.quantity import Span
from cds_service.fhir.mapping import facts_from_resources

PATIENT = {"resourceType": "Patient", "id": "p", "birthDate": "1990-05-14"}
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
NAC = {"coding": [{"system": RXNORM, "code": "465377"}], "text": "acetylcysteine injection"}
START, END = "2026-01-15T08:00:00Z", "2026-01-15T12:00:00Z"
PERIOD = Span(datetime(2026, 1, 15, 8, tzinfo=UTC), datetime(2026, 1, 15, 12, tzinfo=UTC))


def facts_of(*resources: dict[str, Any]) -> PatientFacts:
    return facts_from_resources([PATIENT, *resources], "p")


def drug(kind: str, drug_words: Any, **elements: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "resourceType": kind,
        "id": "d",
        "status": "completed",
        "subject": {"reference": "Patient/p"},
    }
    return made | {"medicationCodeableConcept": drug_words} | elements


def administration(**elements: Any) -> NacTherapy:
    return facts_of(drug("MedicationAdministration", NAC, **elements)).nac[0]


@pytest.mark.parametrize(
    ("dose", "mg", "mg_kg"),
    [
        ({"value": 10500, "unit": "mg", "code": "mg"}, 10_500, None),
        ({"value": 10.5, "unit": "g"}, 10_500, None),
        ({"value": 150, "unit": "mg/kg"}, None, 150),
        ({"value": 150, "unit": "mg/kg", "code": "mg/kg"}, None, 150),
        ({"value": 0.15, "unit": "g/kg"}, None, 150),
        ({"value": 150, "unit": "mg per kg body weight"}, None, 150),
        ({"value": 150, "unit": "mg/kg", "code": "g/kg"}, None, None),
        ({"value": 12.5, "unit": "mg/kg/h"}, None, None),
        ({"value": 150, "unit": "mg/kg", "comparator": "<"}, None, None),
        ({"value": -150, "unit": "mg/kg"}, None, None),
        ({"value": "150", "unit": "mg/kg"}, None, None),
        ({"value": 52.5, "unit": "mL"}, None, None),
        ({"value": 150}, None, None),
        (None, None, None),
    ],
)
def test_the_dose_of_an_infusion(dose: object, mg: float | None, mg_kg: float | None) -> None:
    found = administration(effectiveDateTime=START, dosage={"dose": dose})
    assert (found.dose_mg, found.dose_mg_kg) == (mg, pytest.approx(mg_kg) if mg_kg else None)


MG_KG_H = {"value": 12.5, "unit": "mg/kg/h"}
PER_HOUR = {"numerator": {"value": 10500, "unit": "mg"}, "denominator": {"value": 1, "unit": "h"}}


def millilitres(value: float) -> dict[str, Any]:
    return {"value": value, "unit": "mL", "code": "mL"}


@pytest.mark.parametrize(
    ("dosage", "told"),
    [
        pytest.param({"rateQuantity": MG_KG_H}, {"rate_mg_kg_h": 12.5}, id="mg-kg-h"),
        pytest.param({"rateQuantity": {"value": 875, "unit": "mg/h"}}, {"rate_mg_h": 875}, id="mg-h"),
        pytest.param({"rateQuantity": {"value": 0.875, "unit": "g/h"}}, {"rate_mg_h": 875}, id="g-h"),
        pytest.param({"rateRatio": PER_HOUR}, {"rate_mg_h": 10_500}, id="a-ratio"),
        pytest.param({"dose": MG_KG_H}, {"rate_mg_kg_h": 12.5}, id="a-rate-in-the-place-of-the-dose"),
        pytest.param(
            {"dose": {"value": 10.5, "unit": "g"}, "rateQuantity": MG_KG_H}, {"dose_mg": 10_500}, id="a-dose-wins"
        ),
        pytest.param(
            {"rateQuantity": MG_KG_H, "dose": {"value": 875, "unit": "mg/h"}},
            {"unread": "an infusion is charted with more than one rate"},
            id="two-rates",
        ),
        pytest.param({"dose": millilitres(52.5)}, {"concentrate_ml": 52.5}, id="mL-of-the-concentrate"),
        pytest.param(
            {"rateQuantity": {"value": 252.5, "unit": "mL/h"}},
            {"unread": "how much drug 252 mL/h give is not charted"},
            id="a-pump-rate",
        ),
        pytest.param(
            {"dose": {"value": 150, "unit": "mg/kg", "code": "g/kg"}},
            {"unread": "a dose or rate has the unit 'mg/kg' but the unit code 'g/kg'"},
            id="units-that-disagree",
        ),
        pytest.param(
            [{"rateQuantity": MG_KG_H}, {"dose": millilitres(10)}],
            {"unread": "several doses are charted in one infusion"},
            id="two-dosages",
        ),
        pytest.param({"text": "as ordered"}, {}, id="words-only"),
        pytest.param(
            {"doseRange": {"low": {"value": 10, "unit": "g"}, "high": {"value": 11, "unit": "g"}}},
            {"unread": "the dose of an infusion is charted as a range, or not at all"},
            id="a-range",
        ),
    ],
)
def test_a_rate_or_a_volume_instead_of_a_dose(dosage: Any, told: dict[str, Any]) -> None:
    found = administration(effectivePeriod={"start": START, "end": END}, dosage=dosage)
    names = ("dose_mg", "dose_mg_kg", "rate_mg_h", "rate_mg_kg_h", "concentrate_ml", "unread")
    assert {name: value for name in names if (value := getattr(found, name))} == told


def bag(*ingredients: tuple[str, dict[str, Any], dict[str, Any] | None]) -> dict[str, Any]:
    """A contained Medication of these ingredients: name, amount, and the volume it is in."""
    one = {"value": 1, "unit": "bag"}
    return {
        "resourceType": "Medication",
        "id": "m",
        "code": {"text": "acetylcysteine infusion"},
        "ingredient": [
            {"itemCodeableConcept": {"text": name}, "strength": {"numerator": top, "denominator": bottom or one}}
            for name, top, bottom in ingredients
        ],
    }


IN_D5W = bag(("acetylcysteine", {"value": 10_500, "unit": "mg"}, None), ("dextrose 5 %", millilitres(200), None))
IN_MIXED = bag(("acetylcysteine", {"value": 10_500, "unit": "mg"}, millilitres(252.5)))
DRAWN_UP = bag(("acetylcysteine", millilitres(52.5), None), ("dextrose 5 %", millilitres(200), None))
NO_VOLUME = bag(("acetylcysteine", {"value": 10_500, "unit": "mg"}, None))
NO_DRUG = bag(("dextrose 5 %", millilitres(200), None))


@pytest.mark.parametrize(
    ("mixture", "dosage", "told"),
    [
        pytest.param(IN_D5W, {"dose": millilitres(252.5)}, {"dose_mg": 10_500}, id="the-whole-bag"),
        pytest.param(IN_D5W, {"dose": millilitres(126.25)}, {"dose_mg": 5250}, id="half-the-bag"),
        pytest.param(IN_MIXED, {"dose": millilitres(252.5)}, {"dose_mg": 10_500}, id="mg-in-a-total"),
        pytest.param(DRAWN_UP, {"dose": millilitres(252.5)}, {"dose_mg": 10_500}, id="mL-of-drug-and-diluent"),
        pytest.param(
            IN_D5W, {"rateQuantity": {"value": 252.5, "unit": "mL/h"}}, {"rate_mg_h": 10_500}, id="a-pump-rate"
        ),
        pytest.param(
            IN_D5W,
            {"dose": millilitres(300)},
            {"unread": "how much drug 300 mL hold is not charted"},
            id="more-than-the-bag",
        ),
        pytest.param(
            NO_VOLUME,
            {"dose": millilitres(252.5)},
            {"unread": "how much drug 252 mL hold is not charted"},
            id="no-volume-of-the-bag",
        ),
        pytest.param(
            NO_DRUG,
            {"dose": millilitres(252.5)},
            {"unread": "how much drug 252 mL hold is not charted"},
            id="no-drug-in-the-bag",
        ),
    ],
)
def test_a_volume_of_a_bag_whose_content_is_charted(
    mixture: dict[str, Any], dosage: dict[str, Any], told: dict[str, Any]
) -> None:
    made: dict[str, Any] = {
        "resourceType": "MedicationAdministration",
        "id": "d",
        "status": "completed",
        "subject": {"reference": "Patient/p"},
        "contained": [mixture],
        "medicationReference": {"reference": "#m"},
        "effectivePeriod": {"start": START, "end": END},
        "dosage": dosage,
    }
    found = facts_of(made).nac[0]
    names = ("dose_mg", "rate_mg_h", "concentrate_ml", "unread")
    assert {name: value for name in names if (value := getattr(found, name))} == {
        name: pytest.approx(value) if not isinstance(value, str) else value for name, value in told.items()
    }


@pytest.mark.parametrize(
    ("effective", "infused"),
    [
        ({"effectivePeriod": {"start": START, "end": END}}, PERIOD),
        ({"occurencePeriod": {"start": START, "end": END}}, PERIOD),
        ({"effectivePeriod": {"start": START}}, None),
        ({"effectivePeriod": {"start": "2026-01-15", "end": "2026-01-16"}}, None),
        ({"effectivePeriod": {"start": END, "end": START}}, None),
        ({"effectivePeriod": {"start": START, "end": "soon"}}, None),
        ({"effectivePeriod": [START]}, None),
        ({"effectiveDateTime": START}, None),
        ({}, None),
    ],
)
def test_the_period_of_an_infusion(effective: dict[str, Any], infused: Span | None) -> None:
    assert administration(**effective).infused == infused


def bounded_by(end: str) -> dict[str, Any]:
    return {"timing": {"repeat": {"boundsPeriod": {"start": START, "end": end}}}}


@pytest.mark.parametrize(
    ("elements", "hour"),
    [
        ({}, None),
        ({"dosageInstruction": [bounded_by(END)]}, 12),
        ({"dosageInstruction": [bounded_by("2026-01-15T09:00:00Z"), bounded_by(END)]}, 12),
        ({"dosageInstruction": [bounded_by("soon")]}, None),
        ({"dispenseRequest": {"validityPeriod": {"start": START, "end": END}}}, 12),
        ({"dispenseRequest": {"validityPeriod": {"start": START}}}, None),
        ({"dispenseRequest": "none", "dosageInstruction": [{"timing": []}]}, None),
    ],
)
def test_until_when_an_order_holds(elements: dict[str, Any], hour: int | None) -> None:
    (found,) = facts_of(drug("MedicationRequest", NAC, **{"status": "active", "intent": "order"} | elements)).nac
    assert found.valid_until == (None if hour is None else datetime(2026, 1, 15, hour, tzinfo=UTC))


@pytest.mark.parametrize("kind", ["MedicationAdministration", "MedicationRequest", "MedicationStatement"])
def test_why_it_was_given_or_ordered(kind: str) -> None:
    reason = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "J44.9"}]}
    status = "completed" if kind != "MedicationRequest" else "active"
    found = facts_of(drug(kind, NAC, status=status, intent="order", reasonCode=[reason])).nac
    assert [therapy.reasons for therapy in found] == [{Problem.COPD}]


@pytest.mark.parametrize(
    "words",
    [
        {"coding": [{"system": "http://www.whocc.no/atc", "code": "A07BA01"}]},
        {"coding": [{"system": RXNORM, "code": "272"}]},
        {"text": "Activated charcoal 50 g PO"},
        {"text": "CHARCOAL, ACTIVATED"},
        {"text": "Actidose-Aqua"},
    ],
)
@pytest.mark.parametrize("kind", ["MedicationAdministration", "MedicationRequest", "MedicationStatement"])
def test_charcoal(kind: str, words: dict[str, Any]) -> None:
    when = {"authoredOn": START, "status": "active"} if kind == "MedicationRequest" else {"effectiveDateTime": START}
    found = facts_of(drug(kind, words, intent="order", **when)).charcoal
    assert found == (CharcoalDose(f"{kind}/d", found[0].name, Span.at(PERIOD.earliest)),)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ({"text": "amoxicillin"}, "completed"),
        ({"text": "activated charcoal"}, "not-done"),
        ({"text": "activated charcoal"}, "entered-in-error"),
    ],
)
def test_what_is_no_charcoal(words: dict[str, Any], status: str) -> None:
    assert facts_of(drug("MedicationAdministration", words, status=status)).charcoal == ()


def coma_score(value: object) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": "g",
        "status": "final",
        "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "9269-2"}]},
        "effectiveDateTime": START,
        "valueQuantity": value,
    }


@pytest.mark.parametrize(
    ("value", "altered", "clear"),
    [
        ({"value": 15}, 0, 1),
        ({"value": 14}, 1, 0),
        ({"value": 3}, 1, 0),
        ({"value": 2}, 0, 0),
        ({"value": 16}, 0, 0),
        ({"value": 14, "comparator": ">"}, 0, 0),
        ({"value": "14"}, 0, 0),
        (None, 0, 0),
    ],
)
def test_the_coma_score(value: object, altered: int, clear: int) -> None:
    found = facts_of(coma_score(value))
    assert len(found.having(Problem.ALTERED_MENTAL_STATUS)) == altered
    assert len(found.mental_status) == clear


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ({"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I50.9"}]}, Problem.FLUID_RESTRICTION),
        ({"coding": [{"system": "http://snomed.info/sct", "code": "42343007"}]}, Problem.FLUID_RESTRICTION),
        ({"text": "On fluid restriction 1.5 L/day"}, Problem.FLUID_RESTRICTION),
        (
            {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "R41.82"}]},
            Problem.ALTERED_MENTAL_STATUS,
        ),
        ({"text": "Drowsy and confused"}, Problem.ALTERED_MENTAL_STATUS),
    ],
)
def test_problems_that_matter_beside_a_course(code: dict[str, Any], problem: Problem) -> None:
    condition = {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p"}, "code": code}
    assert facts_of(condition).having(problem)


def test_confusion_that_is_denied_is_none() -> None:
    condition = {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p"}}
    assert not facts_of({**condition, "code": {"text": "No confusion"}}).having(Problem.ALTERED_MENTAL_STATUS)
