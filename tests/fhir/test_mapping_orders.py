"""Draft drug orders: what is ordered, how it goes in, and why."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.clinical.facts import OrderedSubstance, Problem, Route
from cds_service.fhir.mapping import drug_order_from_resource
from tests.fhir.mapped import ICD10CM, RXNORM, SNOMED, Json, coded, worded

NAC = {"resourceType": "Medication", "id": "m", "code": coded(RXNORM, "465377")}


def order(**members: Any) -> Json:
    return {"resourceType": "MedicationRequest", "id": "d", "status": "draft"} | members


@pytest.mark.parametrize(
    ("members", "substance", "route"),
    [
        ({"medicationCodeableConcept": coded(RXNORM, "465377")}, OrderedSubstance.ACETYLCYSTEINE, Route.INTRAVENOUS),
        ({"medicationCodeableConcept": coded(RXNORM, "606971")}, OrderedSubstance.ACETYLCYSTEINE, Route.ORAL),
        ({"medicationCodeableConcept": coded(RXNORM, "197")}, OrderedSubstance.ACETYLCYSTEINE, Route.UNKNOWN),
        ({"medicationCodeableConcept": worded("NAC infusion")}, OrderedSubstance.ACETYLCYSTEINE, Route.INTRAVENOUS),
        ({"medicationCodeableConcept": coded(RXNORM, "198440")}, OrderedSubstance.ACETAMINOPHEN, Route.ORAL),
        ({"medicationCodeableConcept": worded("Amoxicillin 500 mg capsule")}, OrderedSubstance.OTHER, Route.ORAL),
        (
            {"medicationCodeableConcept": coded("urn:local", "9", display="Amoxicillin")},
            OrderedSubstance.OTHER,
            Route.UNKNOWN,
        ),
        ({"medicationCodeableConcept": coded(RXNORM, "7052")}, OrderedSubstance.OTHER, Route.UNKNOWN),
        ({"medicationCodeableConcept": coded(RXNORM, "1145027")}, OrderedSubstance.OTHER, Route.UNKNOWN),
        ({"medicationCodeableConcept": coded(RXNORM, "723")}, OrderedSubstance.UNIDENTIFIED, Route.UNKNOWN),
        ({"medicationCodeableConcept": coded("urn:local", "9")}, OrderedSubstance.UNIDENTIFIED, Route.UNKNOWN),
        (
            {
                "medicationCodeableConcept": {
                    "coding": [{"system": RXNORM, "code": "197"}, {"system": RXNORM, "code": "161"}]
                }
            },
            OrderedSubstance.UNIDENTIFIED,
            Route.UNKNOWN,
        ),
        ({"medicationReference": {"reference": "Medication/m"}}, OrderedSubstance.ACETYLCYSTEINE, Route.INTRAVENOUS),
        ({"medicationReference": {"reference": "urn:uuid:1"}}, OrderedSubstance.ACETYLCYSTEINE, Route.INTRAVENOUS),
        (
            {"medicationReference": {"reference": "#m"}, "contained": [NAC]},
            OrderedSubstance.ACETYLCYSTEINE,
            Route.INTRAVENOUS,
        ),
        ({"medicationReference": {"reference": "Medication/gone"}}, OrderedSubstance.UNIDENTIFIED, Route.UNKNOWN),
        ({"medicationReference": {"reference": "Condition/c"}}, OrderedSubstance.UNIDENTIFIED, Route.UNKNOWN),
        ({"medicationReference": {"display": "acetylcysteine"}}, OrderedSubstance.ACETYLCYSTEINE, Route.UNKNOWN),
        ({"medicationReference": 5}, OrderedSubstance.UNIDENTIFIED, Route.UNKNOWN),
        (
            {"resourceType": "MedicationOrder", "medicationCodeableConcept": coded(RXNORM, "465377")},
            OrderedSubstance.ACETYLCYSTEINE,
            Route.INTRAVENOUS,
        ),
        ({}, OrderedSubstance.UNIDENTIFIED, Route.UNKNOWN),
    ],
)
def test_what_is_ordered(members: Json, substance: OrderedSubstance, route: Route) -> None:
    others = {
        "Medication/m": NAC,
        "urn:uuid:1": NAC,
        "Condition/c": {"resourceType": "Condition", "code": worded("NAC")},
    }
    found = drug_order_from_resource(order(**members), others, "MedicationRequest/d")
    assert (found.substance, found.route, found.reference) == (substance, route, "MedicationRequest/d")


def test_the_orders_route_outranks_the_products() -> None:
    dosage = [{"route": coded(SNOMED, "26643006")}]
    found = drug_order_from_resource(
        order(medicationCodeableConcept=coded(RXNORM, "465377"), dosageInstruction=dosage), {}, "r"
    )
    assert found.route is Route.ORAL


@pytest.mark.parametrize(
    ("members", "name"),
    [
        (
            {"medicationCodeableConcept": coded(RXNORM, "465377", "Acetylcysteine 10.5 g IV")},
            "Acetylcysteine 10.5 g IV",
        ),
        ({"medicationCodeableConcept": coded(RXNORM, "465377")}, "465377"),
        ({"medicationCodeableConcept": coded("urn:local", "9")}, "9"),
        ({}, "unidentified drug"),
    ],
)
def test_what_the_order_is_called(members: Json, name: str) -> None:
    assert drug_order_from_resource(order(**members), {}, "r").name == name


COPD = {"resourceType": "Condition", "id": "c", "code": coded(ICD10CM, "J44.9")}


@pytest.mark.parametrize(
    ("members", "reasons"),
    [
        ({"reasonCode": [coded(ICD10CM, "J44.9")]}, {Problem.COPD}),
        ({"reasonCode": coded(ICD10CM, "J44.9")}, {Problem.COPD}),
        ({"reasonCode": [worded("COPD")]}, {Problem.COPD}),
        ({"reasonCode": [worded("Chronic bronchitis")]}, {Problem.CHRONIC_BRONCHITIS}),
        ({"reasonCode": [worded("mucolytic")]}, {Problem.MUCOLYTIC_USE}),
        ({"reasonCode": [worded("to thin secretions")]}, {Problem.MUCOLYTIC_USE}),
        ({"reasonCode": [coded(ICD10CM, "J47.9")]}, {Problem.MUCOLYTIC_USE}),
        ({"reasonCode": [worded("Cystic fibrosis")]}, {Problem.CYSTIC_FIBROSIS}),
        ({"reasonCode": [worded("contrast prophylaxis")]}, {Problem.CONTRAST_PROPHYLAXIS}),
        ({"reasonCode": [worded("Prevention of contrast-induced nephropathy")]}, {Problem.CONTRAST_PROPHYLAXIS}),
        ({"reasonCode": [coded(ICD10CM, "T39.1X2A")]}, {Problem.ACETAMINOPHEN_TOXICITY}),
        ({"reasonCode": [worded("acetaminophen overdose")]}, {Problem.ACETAMINOPHEN_TOXICITY}),
        ({"reasonCode": [worded("Drug overdose")]}, {Problem.ACETAMINOPHEN_TOXICITY}),
        (
            {"reasonCode": [worded("COPD"), worded("acetaminophen overdose")]},
            {Problem.COPD, Problem.ACETAMINOPHEN_TOXICITY},
        ),
        ({"reasonReference": [{"reference": "Condition/c"}]}, {Problem.COPD}),
        ({"reasonReference": [{"reference": "#c"}], "contained": [COPD]}, {Problem.COPD}),
        ({"reasonReference": [{"reference": "Condition/gone", "display": "COPD"}]}, {Problem.COPD}),
        ({"reasonReference": [{"reference": "Condition/gone"}]}, set()),
        ({"reasonCodeableConcept": worded("COPD")}, {Problem.COPD}),
        ({"reasonCode": [worded("Cough")]}, set()),
        ({"reasonCode": 5, "reasonReference": "x"}, set()),
        ({}, set()),
    ],
)
def test_why_it_is_ordered(members: Json, reasons: set[Problem]) -> None:
    found = drug_order_from_resource(order(**members), {"Condition/c": COPD}, "r")
    assert found.reasons == reasons
