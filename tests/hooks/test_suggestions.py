"""Draft orders the cards offer: valid R4B resources, the right numbers, nothing offered twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fhir.resources.R4B import get_fhir_model_class

from cds_service.clinical.findings import Ask, Category, Test
from cds_service.clinical.regimens import DosingRefusal, dosing_plan
from cds_service.fhir.codes import Code, System, term_of
from cds_service.hooks.cards import cards_for
from cds_service.hooks.orders import Draft, OrderContext
from tests.hooks.assessments import (
    ACETAMINOPHEN,
    IV_NAC,
    NOW,
    ORAL_NAC,
    assessment,
    caution,
    of_rule,
    outside,
)

EASTERN = ZoneInfo("America/New_York")
ASKS = (
    Ask(Test.ACETAMINOPHEN, NOW + timedelta(hours=2), NOW + timedelta(hours=4)),
    Ask(Test.TRANSAMINASES),
    Ask(Test.INR),
    Ask(Test.MENTAL_STATUS),
)
REPEAT = of_rule("B5-x", "below", Category.REPEAT_LEVEL, asks=ASKS, dosing=None)


def suggestions(an_assessment: Any, orders: OrderContext | None = None, **more: Any) -> list[dict[str, Any]]:
    made = cards_for(an_assessment, order_context=orders, base_url="https://nac.example.org", zone=EASTERN, **more)
    cards = [each.card for each in made]
    return [suggestion for card in cards for suggestion in card.get("suggestions", [])]


def created(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [action["resource"] for each in found for action in each["actions"] if action["type"] == "create"]


def lab_order(**code: Any) -> Draft:
    resource = {"resourceType": "ServiceRequest", "id": "t", "code": code}
    return Draft("ServiceRequest/t", resource, None, is_selected=False, drug=None)


def orders(*drafts: Draft) -> OrderContext:
    return OrderContext("order-select", drafts)


def drug(order: Any, *, is_selected: bool = True) -> Draft:
    return Draft(order.reference, {"resourceType": "MedicationRequest"}, None, is_selected=is_selected, drug=order)


def test_all_bags_are_one_recommended_suggestion() -> None:
    (found,) = suggestions(assessment())
    assert found["isRecommended"] is True
    assert found["label"] == "Draft IV NAC, three-bag for 70 kg"
    assert [action["type"] for action in found["actions"]] == ["create"] * 3


@pytest.mark.parametrize(
    ("weight_kg", "doses_mg", "rates_ml_h"),
    [
        (70.0, [10500, 3500, 7000], [252.5, 129.38, 64.69]),
        (105.0, [15000, 5000, 10000], [275, 131.25, 65.62]),
        (12.0, [1800, 600, 1200], [45, 21.75, 10.88]),
    ],
)
def test_each_bag_holds_its_dose_and_rate(weight_kg: float, doses_mg: list[float], rates_ml_h: list[float]) -> None:
    plan = dosing_plan(assessment().profile.regimen, weight_kg, max_weight_kg=100.0)
    drafts = created(suggestions(assessment(dosing=plan)))
    amounts = [draft["dosageInstruction"][0]["doseAndRate"][0] for draft in drafts]
    assert [each["doseQuantity"]["value"] for each in amounts] == doses_mg
    assert [each["rateQuantity"]["value"] for each in amounts] == pytest.approx(rates_ml_h, abs=0.006)


def test_a_bag_is_a_complete_stat_draft() -> None:
    bag = created(suggestions(assessment(), encounter_id="e7"))[0]
    assert bag["status"] == "draft"
    assert bag["intent"] == "order"
    assert bag["priority"] == "stat"
    assert bag["subject"] == {"reference": "Patient/p1"}
    assert bag["encounter"] == {"reference": "Encounter/e7"}
    assert bag["authoredOn"] == "2026-01-15T12:00:00-05:00"
    assert bag["medicationCodeableConcept"]["coding"][0]["code"] == "465377"
    assert bag["medicationCodeableConcept"]["text"]
    assert bag["reasonCode"][0]["coding"][0]["code"] == "295124009"
    dosage = bag["dosageInstruction"][0]
    assert dosage["sequence"] == 1
    assert dosage["route"]["coding"][0]["code"] == "47625008"
    assert dosage["timing"]["repeat"] == {"count": 1, "duration": 1, "durationUnit": "h"}
    assert dosage["text"].startswith("Bag 1 (three-bag): acetylcysteine 10,500 mg (52.5 mL of 200 mg/mL) in 200 mL")


def test_no_encounter_is_made_up() -> None:
    assert "encounter" not in created(suggestions(assessment()))[0]


def test_without_acetaminophen_the_order_does_not_claim_an_overdose() -> None:
    other_cause = of_rule("D1-liver-failure-of-another-cause", "acute liver failure", Category.CONSIDER)
    found = suggestions(other_cause)
    assert created(found)[0]["reasonCode"][0]["coding"][0]["code"] == "197270009"
    assert "isRecommended" not in found[0]


def test_without_a_weight_one_draft_says_weigh_first_and_has_no_numbers() -> None:
    (draft,) = created(suggestions(assessment(dosing=DosingRefusal("no dated body weight is charted"))))
    dosage = draft["dosageInstruction"][0]
    assert "Weigh the patient first: no dated body weight is charted" in dosage["text"]
    assert "doseAndRate" not in dosage
    assert "mg" not in dosage["text"]


def test_tests_are_offered_with_their_time() -> None:
    found = suggestions(REPEAT)
    assert [each["label"] for each in found] == [
        "Order acetaminophen level between 14:00 and 16:00 EST",
        "Order AST and ALT now",
        "Order INR now",
    ]
    drafts = created(found)
    assert [draft["code"]["coding"][0]["code"] for draft in drafts] == ["3298-7", "1742-6", "1920-8", "6301-6"]
    assert drafts[0]["occurrenceDateTime"] == "2026-01-15T14:00:00-05:00"
    assert drafts[0]["note"] == [{"text": "Draw no later than 16:00 EST"}]
    assert "occurrenceDateTime" not in drafts[1]
    assert {draft["priority"] for draft in drafts} == {"stat"}


def test_dose_and_tests_may_both_be_taken() -> None:
    (made,) = cards_for(assessment(asks=ASKS[1:2]), order_context=None, base_url="https://x.example", zone=EASTERN)
    assert made.card["selectionBehavior"] == "any"
    (made,) = cards_for(assessment(), order_context=None, base_url="https://x.example", zone=EASTERN)
    assert made.card["selectionBehavior"] == "at-most-one"


@pytest.mark.parametrize(
    ("code", "left"),
    [
        ({"coding": [{"system": "http://loinc.org", "code": "3298-7"}]}, ["1742-6", "1920-8", "6301-6"]),
        ({"coding": [{"system": "http://loinc.org", "code": "1742-6"}]}, ["3298-7", "1920-8", "6301-6"]),
        ({"coding": [{"system": "http://loinc.org", "code": "24323-8"}]}, ["3298-7", "6301-6"]),
        ({"text": "Paracetamol level"}, ["1742-6", "1920-8", "6301-6"]),
        ({"text": "LFTs"}, ["3298-7", "6301-6"]),
        ({"coding": [{"display": "PT/INR"}]}, ["3298-7", "1742-6", "1920-8"]),
        ({"text": "Acetaminophen in urine"}, ["3298-7", "1742-6", "1920-8", "6301-6"]),
        ({"text": "salt"}, ["3298-7", "1742-6", "1920-8", "6301-6"]),
        ({"coding": [{"system": "urn:x", "code": "3298-7"}]}, ["3298-7", "1742-6", "1920-8", "6301-6"]),
        ({"coding": "3298-7", "text": 5}, ["3298-7", "1742-6", "1920-8", "6301-6"]),
    ],
)
def test_what_is_drafted_is_not_suggested_again(code: dict[str, Any], left: list[str]) -> None:
    in_session = orders(lab_order(**code), drug(IV_NAC))
    found = created(suggestions(REPEAT, in_session))
    assert [draft["code"]["coding"][0]["code"] for draft in found] == left


INJURY = of_rule("G2-x", "ALT 900", Category.CONTINUE, asks=(Ask(Test.INJURY),), dosing=None)
CREATININE, LACTATE, PHOSPHATE, GLUCOSE = "2160-0", "2524-7", "2777-1", "2345-7"


@pytest.mark.parametrize(
    ("code", "left"),
    [
        ({"coding": [{"system": "http://loinc.org", "code": "38483-4"}]}, [LACTATE, PHOSPHATE, GLUCOSE]),
        ({"coding": [{"system": "http://loinc.org", "code": "32693-4"}]}, [CREATININE, PHOSPHATE, GLUCOSE]),
        ({"coding": [{"system": "http://loinc.org", "code": "14749-6"}]}, [CREATININE, LACTATE, PHOSPHATE]),
        ({"coding": [{"system": "http://loinc.org", "code": "24323-8"}]}, [LACTATE, PHOSPHATE]),
        ({"coding": [{"system": "http://loinc.org", "code": "24362-6"}]}, [LACTATE]),
        ({"text": "BMP"}, [LACTATE, PHOSPHATE]),
        ({"text": "Lactic acid, venous"}, [CREATININE, PHOSPHATE, GLUCOSE]),
        ({"text": "Phosphorus"}, [CREATININE, LACTATE, GLUCOSE]),
        ({"text": "Urine creatinine"}, [CREATININE, LACTATE, PHOSPHATE, GLUCOSE]),
        ({"text": "Lactate dehydrogenase"}, [CREATININE, LACTATE, PHOSPHATE, GLUCOSE]),
        ({"text": "Alkaline phosphatase"}, [CREATININE, LACTATE, PHOSPHATE, GLUCOSE]),
        ({"text": "Creatinine, lactate, phosphate, glucose"}, []),
    ],
)
def test_the_tests_for_an_injured_liver_without_what_is_drafted(code: dict[str, Any], left: list[str]) -> None:
    found = created(suggestions(INJURY, orders(lab_order(**code), drug(IV_NAC))))
    assert [draft["code"]["coding"][0]["code"] for draft in found] == left


@pytest.mark.parametrize("test", [Test.ACETAMINOPHEN, Test.TRANSAMINASES, Test.INR, Test.INJURY])
def test_a_suggested_code_has_the_display_of_the_terminology(test: Test) -> None:
    asked = of_rule("G2-x", "ALT 900", Category.CONTINUE, asks=(Ask(test),), dosing=None)
    codings = [draft["code"]["coding"][0] for draft in created(suggestions(asked))]
    known = {code["code"]: term_of(Code(System.LOINC, code["code"])) for code in codings}
    assert {code["code"]: code["display"] for code in codings} == {
        loinc: term.display if term else None for loinc, term in known.items()
    }


@pytest.mark.parametrize(
    ("draft", "offers_nac"),
    [
        (drug(IV_NAC), False),
        (drug(IV_NAC, is_selected=False), False),
        (drug(ORAL_NAC), True),
        (drug(ACETAMINOPHEN), True),
    ],
)
def test_iv_nac_is_offered_only_while_none_is_drafted(draft: Draft, offers_nac: bool) -> None:  # noqa: FBT001
    assert bool(suggestions(assessment(), orders(draft))) is offers_nac


def test_an_eligible_copd_patient_is_offered_oral_nac_in_the_place_of_the_infusion() -> None:
    (found,) = suggestions(outside(cautions=(caution("E1-airway", IV_NAC, oral=True),)), orders(drug(IV_NAC)))
    delete, create = found["actions"]
    assert delete["type"] == "delete"
    assert delete["resourceId"] == "MedicationRequest/nac"
    assert "resource" not in delete
    draft = create["resource"]
    assert draft["medicationCodeableConcept"]["coding"][0]["code"] == "606971"
    assert draft["priority"] == "routine"
    dosage = draft["dosageInstruction"][0]
    assert dosage["timing"]["repeat"] == {"frequency": 2, "period": 1, "periodUnit": "d"}
    assert dosage["doseAndRate"][0]["doseQuantity"]["value"] == 600
    assert dosage["route"]["coding"][0]["code"] == "26643006"


@pytest.mark.parametrize("rule", ["E1-x", "E2-x", "E4-x", "E5-x"])
def test_other_cautions_only_delete(rule: str) -> None:
    (found,) = suggestions(outside(cautions=(caution(rule, IV_NAC),)), orders(drug(IV_NAC)))
    assert [action["type"] for action in found["actions"]] == ["delete"]


def test_the_acetaminophen_draft_is_the_one_deleted() -> None:
    found = suggestions(outside(cautions=(caution("E6-x", ACETAMINOPHEN),)), orders(drug(ACETAMINOPHEN)))
    assert found[0]["label"] == "Remove the draft order of acetaminophen"
    assert found[0]["actions"][0]["resourceId"] == "MedicationRequest/apap"


def test_a_draft_without_an_id_cannot_be_deleted() -> None:
    nameless = replace(IV_NAC, reference="urn:uuid:1c5f0f1e-0000-4000-8000-000000000000")
    assert suggestions(outside(cautions=(caution("E1-x", nameless, oral=True),)), orders(drug(nameless))) == []


def test_iv_nac_that_nothing_explains_is_met_with_tests() -> None:
    found = created(suggestions(outside(), orders(drug(IV_NAC))))
    assert [draft["code"]["coding"][0]["code"] for draft in found] == ["3298-7", "1742-6", "1920-8"]


@pytest.mark.parametrize("an_assessment", [assessment(), REPEAT, assessment(dosing=DosingRefusal("x"), asks=ASKS)])
def test_every_outbound_resource_is_valid_r4b(an_assessment: Any) -> None:
    drafts = created(suggestions(an_assessment, encounter_id="Encounter/e1"))
    assert drafts
    for draft in drafts:
        model = get_fhir_model_class(draft["resourceType"]).model_validate(draft)
        assert model.model_dump(mode="json", exclude_none=True) == draft
