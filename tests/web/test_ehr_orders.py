"""Every order of the catalogue, edited in every way, is a valid FHIR R4 resource that says what was typed."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from fhir.resources.R4B.medicationrequest import MedicationRequest
from fhir.resources.R4B.servicerequest import ServiceRequest

from cds_service.web.ehr_orders import (
    CHOICES,
    DOSE_UNITS,
    LABS,
    ROUTES,
    SINGLE,
    OrderEntry,
    draft_words,
    drafts_from,
    order_entry,
)
from tests.clinical.facts_builders import NOW, chart, weighs

WEIGHED = chart(weighs(70))
VALIDATORS: dict[str, Any] = {"MedicationRequest": MedicationRequest, "ServiceRequest": ServiceRequest}
Json = dict[str, Any]


def drafts(entry: OrderEntry, facts: Any = WEIGHED) -> list[Json]:
    return drafts_from(entry, "p1", facts, NOW)[0]


@pytest.mark.parametrize("order", CHOICES)
@pytest.mark.parametrize("dose_unit", DOSE_UNITS)
def test_every_order_with_every_edit_is_valid(order: str, dose_unit: str) -> None:
    edits = product(("", "10500", "0,5", "abc"), ("", "1"), ("", "252.5"), ("", *ROUTES, "by owl"), ("", "as typed"))
    for dose, duration, rate, route, text in edits:
        made = drafts(OrderEntry(order, dose, dose_unit, duration, rate, route, text))
        assert made
        for draft in made:
            VALIDATORS[draft["resourceType"]].model_validate(draft | {"id": "draft-1"})
            assert draft["subject"] == {"reference": "Patient/p1"}
            assert (draft["status"], draft["intent"]) == ("draft", "order")


def instruction(**edits: str) -> Json:
    (draft,) = drafts(OrderEntry("iv-nac", **edits))
    (only,) = draft["dosageInstruction"]
    return dict(only)


def test_what_is_typed_stands_in_the_draft_right_or_wrong() -> None:
    typed = instruction(dose="105000", duration_h="1", rate_ml_h="252,5")
    assert typed["text"] == "105000 mg over 1 h at 252,5 mL/h"
    (dose_and_rate,) = typed["doseAndRate"]
    assert (dose_and_rate["doseQuantity"]["value"], dose_and_rate["doseQuantity"]["code"]) == (105_000.0, "mg")
    assert (dose_and_rate["rateQuantity"]["value"], dose_and_rate["rateQuantity"]["code"]) == (252.5, "mL/h")
    assert typed["timing"]["repeat"] == {"count": 1, "duration": 1.0, "durationUnit": "h"}


@pytest.mark.parametrize(
    ("edits", "quantities"),
    [
        ({"dose": "150", "dose_unit": "mg/kg/h"}, {"rateQuantity": (150.0, "mg/kg/h")}),
        ({"dose": "150", "dose_unit": "mg/kg/h", "rate_ml_h": "9"}, {"rateQuantity": (150.0, "mg/kg/h")}),
        ({"dose": "150", "dose_unit": "mg/kg"}, {"doseQuantity": (150.0, "mg/kg")}),
        ({"rate_ml_h": "9"}, {"rateQuantity": (9.0, "mL/h")}),
        ({"dose": "150", "dose_unit": "grains"}, {}),
        ({"dose": "-1"}, {}),
        ({"dose": "inf"}, {}),
        ({"dose": ""}, {}),
    ],
)
def test_dose_and_rate(edits: dict[str, str], quantities: dict[str, tuple[float, str]]) -> None:
    (found,) = instruction(**edits).get("doseAndRate", [{}])
    assert {name: (value["value"], value["code"]) for name, value in found.items()} == quantities


@pytest.mark.parametrize(("route", "code"), [(key, code) for key, (code, _) in ROUTES.items()])
def test_the_route_is_the_chosen_one(route: str, code: str) -> None:
    found = instruction(route=route).get("route", {}).get("coding", [{}])[0].get("code", "")
    assert found == code


def test_blank_fields_keep_the_instruction_of_the_catalogue() -> None:
    for order in SINGLE:
        (draft,) = drafts(OrderEntry(order))
        assert draft["dosageInstruction"][0]["text"]
        assert "doseAndRate" not in draft["dosageInstruction"][0]


# 70 kg: 150, 50 and 100 mg/kg; the two-bag regimen gives 200 and 100 mg/kg.
@pytest.mark.parametrize(
    ("order", "doses_mg"), [("three-bag", [10_500.0, 3_500.0, 7_000.0]), ("two-bag", [14_000.0, 7_000.0])]
)
def test_the_bags_are_for_the_charted_weight(order: str, doses_mg: list[float]) -> None:
    bags = drafts(OrderEntry(order))
    assert [bag["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"] for bag in bags] == doses_mg
    assert all("mg" in bag["dosageInstruction"][0]["text"] for bag in bags)


def test_without_a_weight_there_are_no_numbers_and_it_is_said() -> None:
    made, told = drafts_from(OrderEntry("three-bag"), "p1", chart(), NOW)
    assert told == "Drafted without numbers: no dated body weight is charted: weigh the patient"
    assert [draft["dosageInstruction"][0].get("doseAndRate") for draft in made] == [None]


def test_an_order_that_is_not_in_the_catalogue_is_refused_in_words() -> None:
    assert drafts_from(OrderEntry("leeches"), "p1", WEIGHED, NOW) == ([], "There is no such order in the catalogue.")


@pytest.mark.parametrize(("order", "tests"), [(key, len(codes)) for key, (_, codes) in LABS.items()])
def test_labs_are_service_requests(order: str, tests: int) -> None:
    made = drafts(OrderEntry(order))
    assert [draft["resourceType"] for draft in made] == ["ServiceRequest"] * tests


def test_a_form_becomes_an_order_of_bounded_texts() -> None:
    entry = order_entry({"order": " iv-nac ", "text": "x" * 999, "action": "order", "visit": "{}"})
    assert entry == OrderEntry("iv-nac", text="x" * 200)


@pytest.mark.parametrize(
    ("draft", "words"),
    [
        ({"medicationCodeableConcept": {"text": "NAC"}, "dosageInstruction": [{"text": "10 g"}]}, "NAC: 10 g"),
        ({"medicationCodeableConcept": {"text": "NAC"}}, "NAC"),
        ({"code": {"text": "INR"}}, "INR"),
        ({}, "Order"),
        ({"medicationCodeableConcept": "x", "dosageInstruction": "y"}, "Order"),
        ({"medicationCodeableConcept": {"text": "NAC"}, "dosageInstruction": [5]}, "NAC"),
        ({"code": {"coding": []}, "dosageInstruction": []}, "Order"),
    ],
)
def test_a_draft_in_one_line(draft: Json, words: str) -> None:
    assert draft_words(draft) == words
