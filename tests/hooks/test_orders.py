"""Draft orders read leniently: what is selected, what a drug is, whose order it is, what has to be fetched."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.clinical.facts import GapKind, OrderedSubstance, Problem, Route
from cds_service.hooks.order_cases import OrderKind, kind_of, leading_kind
from cds_service.hooks.orders import (
    ForeignOrderError,
    OrderContext,
    OrderContextError,
    UnknownSelectionError,
    UnreadableOrdersError,
    drafts_from_context,
)

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
IV_ROUTE = {"coding": [{"system": "http://snomed.info/sct", "code": "47625008"}]}
IV_NAC = {"coding": [{"system": RXNORM, "code": "465377"}]}
AMOXICILLIN = {"text": "amoxicillin 500 mg capsule"}
URN = "urn:uuid:6f1c3c55-2f3c-4c6e-9b7a-1f6d7f0f1a11"


def request(identity: str | None = "103", **members: Any) -> dict[str, Any]:
    order = {"resourceType": "MedicationRequest", "medicationCodeableConcept": IV_NAC} | members
    return order | ({"id": identity} if identity else {})


def bundle(*resources: Any, **full_urls: str) -> dict[str, Any]:
    entries = [{"resource": resource} for resource in resources]
    for at, full_url in full_urls.items():
        entries[int(at.removeprefix("at"))]["fullUrl"] = full_url
    return {"resourceType": "Bundle", "entry": entries}


def selecting(selections: Any, drafts: Any, **more: Any) -> OrderContext:
    context = {"draftOrders": drafts, "selections": selections}
    return drafts_from_context(context, "p1", hook="order-select", **more)


def signing(*resources: Any) -> OrderContext:
    return drafts_from_context({"draftOrders": bundle(*resources)}, "p1", hook="order-sign")


NUTRITION = {"resourceType": "NutritionOrder", "id": "103", "status": "draft"}
OTHER = request("104", medicationCodeableConcept=AMOXICILLIN)


@pytest.mark.parametrize(
    ("selection", "selected"),
    [
        ("MedicationRequest/103", ["MedicationRequest/103"]),
        ("MedicationRequest/104", ["MedicationRequest/104"]),
        ("103", ["MedicationRequest/103", "NutritionOrder/103"]),
        ("NutritionOrder/103", ["NutritionOrder/103"]),
        ("https://ehr.example/fhir/MedicationRequest/103", ["MedicationRequest/103"]),
        ("MedicationRequest/103/_history/2", ["MedicationRequest/103"]),
        (" MedicationRequest/103 ", ["MedicationRequest/103"]),
        ({"reference": "MedicationRequest/103"}, ["MedicationRequest/103"]),
    ],
)
def test_a_selection_may_be_written_in_several_ways(selection: Any, selected: list[str]) -> None:
    orders = selecting([selection], bundle(request(), OTHER, NUTRITION))
    assert [draft.reference for draft in orders.selected] == selected


@pytest.mark.parametrize("selection", [URN, f"MedicationRequest/{URN}"])
def test_a_draft_without_an_id_is_selected_by_its_full_url(selection: str) -> None:
    orders = selecting([selection], bundle(request(None), OTHER, at0=URN))
    (draft,) = orders.selected
    assert draft.reference == URN
    assert not orders.can_delete(URN)


def test_a_draft_whose_full_url_ends_in_its_id_can_be_deleted() -> None:
    orders = selecting(["7"], bundle(request(None), at0="https://ehr.example/fhir/MedicationRequest/7"))
    assert orders.can_delete("MedicationRequest/7")


def test_unknown_selections_are_ignored_beside_a_known_one() -> None:
    orders = selecting(["MedicationRequest/nowhere", "MedicationRequest/104"], bundle(request(), OTHER))
    assert [draft.reference for draft in orders.selected] == ["MedicationRequest/104"]


def test_an_empty_selection_selects_nothing() -> None:
    orders = selecting([], bundle(request()))
    assert orders.selected == ()
    assert leading_kind(orders) is OrderKind.OTHER


def test_signing_is_about_every_draft() -> None:
    assert len(signing(request(), OTHER, NUTRITION).selected) == 3


@pytest.mark.parametrize(
    ("drafts", "selections", "error"),
    [
        (bundle(request()), ["MedicationRequest/9"], UnknownSelectionError),
        (bundle(request()), [5], UnknownSelectionError),
        (bundle(request()), "MedicationRequest/103", UnreadableOrdersError),
        (bundle(request()), None, UnreadableOrdersError),
        (None, [], UnreadableOrdersError),
        ([], [], UnreadableOrdersError),
        ("x", [], UnreadableOrdersError),
        ({"resourceType": "MedicationRequest"}, [], UnreadableOrdersError),
        ({"entry": "x"}, [], UnreadableOrdersError),
        ({"entry": [None, {"resource": 5}]}, [], UnreadableOrdersError),
        (bundle(request(subject={"reference": "Patient/p2"})), ["103"], ForeignOrderError),
        (bundle(request(), request("2", subject={"reference": "Patient/p2"})), ["103"], ForeignOrderError),
        (bundle(request(subject={"reference": "https://e.example/fhir/Patient/p2"})), ["103"], ForeignOrderError),
        (bundle(request(subject={"reference": "Group/p1"})), ["103"], ForeignOrderError),
        (bundle(request(subject={"reference": "p2"})), ["103"], ForeignOrderError),
        (bundle(request(patient={"reference": "Patient/p2"})), ["103"], ForeignOrderError),
        (bundle({"resourceType": "ServiceRequest", "subject": "Patient/p2"}), [], ForeignOrderError),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(drafts: Any, selections: Any, error: type[OrderContextError]) -> None:
    with pytest.raises(error) as refused:
        selecting(selections, drafts)
    assert refused.value.expression.startswith("context.")
    assert str(refused.value)


@pytest.mark.parametrize(
    "subject",
    [
        None,
        {},
        {"reference": "Patient/p1"},
        {"reference": "https://e.example/fhir/Patient/p1/_history/3"},
        {"reference": "p1"},
        {"reference": URN},
        {"identifier": {"value": "mrn"}},
    ],
)
def test_an_order_that_may_be_this_patients_is_read(subject: Any) -> None:
    assert len(selecting(["103"], bundle(request(subject=subject))).selected) == 1


def test_the_patient_id_may_carry_its_type() -> None:
    drafts = {"draftOrders": bundle(request(subject={"reference": "Patient/p1"}))}
    assert drafts_from_context(drafts, "Patient/p1", hook="order-sign").selected


@pytest.mark.parametrize("drafts", [{"entry": []}, {}, {"resourceType": "Bundle", "type": "collection"}])
def test_a_bundle_without_entries_is_no_order(drafts: Any) -> None:
    assert drafts_from_context({"draftOrders": drafts}, "p1", hook="order-sign").drafts == ()


def test_an_unreadable_entry_beside_a_readable_one_is_a_gap() -> None:
    drafts = {"entry": [{"resource": request()}, {"resource": None}, "x"]}
    (gap,) = selecting(["103"], drafts).gaps
    assert (gap.kind, gap.about) == (GapKind.UNREADABLE, "drug order")
    assert gap.text == "2 of 3 draft orders could not be read"


def test_people_and_products_in_the_bundle_are_not_orders() -> None:
    patient = {"resourceType": "Patient", "id": "p1"}
    assert len(signing(request(), patient, {"resourceType": "Medication", "id": "m"}).drafts) == 1


@pytest.mark.parametrize(
    ("order", "substance"),
    [
        (request(), OrderedSubstance.ACETYLCYSTEINE),
        (request(category={"coding": [{"code": "outpatient"}]}), OrderedSubstance.ACETYLCYSTEINE),
        ({"resourceType": "MedicationOrder", "id": "1", "medicationCodeableConcept": IV_NAC,
          "patient": {"reference": "Patient/p1"}}, OrderedSubstance.ACETYLCYSTEINE),
        (OTHER, OrderedSubstance.OTHER),
        (request(medicationCodeableConcept=None, medicationReference={"reference": "#m"},
                 contained=[{"resourceType": "Medication", "id": "m", "code": IV_NAC}]),
         OrderedSubstance.ACETYLCYSTEINE),
        (request(medicationCodeableConcept=None), OrderedSubstance.UNIDENTIFIED),
        (request(medicationCodeableConcept=None, medicationReference={"reference": "Medication/nowhere"}),
         OrderedSubstance.UNIDENTIFIED),
        (request(medicationCodeableConcept=None, medicationReference={"reference": "#nowhere"}),
         OrderedSubstance.UNIDENTIFIED),
    ],
)  # fmt: skip
def test_what_is_ordered(order: Any, substance: OrderedSubstance) -> None:
    (drug,) = signing(order).selected_drugs
    assert drug.substance is substance


BY_REFERENCE = request(medicationCodeableConcept=None, medicationReference={"reference": "Medication/m1"})
MEDICATION = {"resourceType": "Medication", "id": "m1", "code": IV_NAC}


def test_a_medication_that_has_to_be_read_is_named_and_then_used() -> None:
    before = selecting(["103"], bundle(BY_REFERENCE))
    assert before.unresolved == {"Medication/m1"}
    assert before.selected_drugs[0].substance is OrderedSubstance.UNIDENTIFIED
    after = selecting(["103"], bundle(BY_REFERENCE), resources=[MEDICATION])
    assert after.unresolved == frozenset()
    assert after.selected_drugs[0].substance is OrderedSubstance.ACETYLCYSTEINE


@pytest.mark.parametrize("reference", [URN, "Medication/m1"])
def test_a_medication_in_the_bundle_resolves(reference: str) -> None:
    order = request(medicationCodeableConcept=None, medicationReference={"reference": reference})
    orders = selecting(["103"], bundle(order, MEDICATION, at1=URN))
    assert orders.selected_drugs[0].substance is OrderedSubstance.ACETYLCYSTEINE
    assert orders.unresolved == frozenset()


def test_only_selected_orders_ask_for_a_read() -> None:
    assert selecting(["104"], bundle(BY_REFERENCE, OTHER)).unresolved == frozenset()


def test_a_medication_on_another_server_is_not_looked_up_here() -> None:
    elsewhere = request(
        medicationCodeableConcept=None, medicationReference={"reference": "https://other.example/fhir/Medication/m1"}
    )
    orders = selecting(["103"], bundle(elsewhere))
    assert orders.unresolved == frozenset()
    assert orders.selected_drugs[0].substance is OrderedSubstance.UNIDENTIFIED


def test_the_reason_of_an_order_may_stand_on_the_chart() -> None:
    copd = {"resourceType": "Condition", "id": "c", "code": {"coding": [
        {"system": "http://snomed.info/sct", "code": "13645005"}]}}  # fmt: skip
    order = request(reasonReference=[{"reference": "Condition/c"}])
    (drug,) = selecting(["103"], bundle(order), resources=[copd]).selected_drugs
    assert drug.reasons == {Problem.COPD}


@pytest.mark.parametrize(
    ("order", "kind"),
    [
        (request(dosageInstruction=[{"route": IV_ROUTE}]), OrderKind.IV_NAC),
        (request(medicationCodeableConcept={"text": "acetylcysteine"}), OrderKind.NAC_WITHOUT_ROUTE),
        (request(medicationCodeableConcept={"coding": [{"system": RXNORM, "code": "606971"}]}), OrderKind.OTHER_NAC),
        (request(medicationCodeableConcept={"text": "Tylenol 500 mg tablet"}), OrderKind.ACETAMINOPHEN),
        (request(medicationCodeableConcept=None), OrderKind.UNIDENTIFIED),
        (OTHER, OrderKind.OTHER),
        (NUTRITION, OrderKind.OTHER),
    ],
)
def test_the_kind_of_an_order(order: Any, kind: OrderKind) -> None:
    (draft,) = signing(order).drafts
    assert kind_of(draft.drug) is kind


def test_the_most_telling_selected_order_leads() -> None:
    assert leading_kind(signing(OTHER, NUTRITION, request())) is OrderKind.IV_NAC


def test_a_drafted_infusion_is_known_even_when_another_order_is_selected() -> None:
    orders = selecting(["104"], bundle(request(), OTHER))
    assert orders.is_iv_nac_drafted
    assert not selecting(["104"], bundle(OTHER)).is_iv_nac_drafted


def test_an_infusion_without_a_route_is_read_by_its_product() -> None:
    assert signing(request()).selected_drugs[0].route is Route.INTRAVENOUS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.dictionaries(
    st.sampled_from(["id", "subject", "patient", "medicationReference", "medicationCodeableConcept", "contained",
                     "dosageInstruction", "reasonCode", "reasonReference", "category"]),
    JSON,
)  # fmt: skip


@given(st.lists(MEMBERS, max_size=3), JSON, st.sampled_from(["order-select", "order-sign"]))
def test_garbage_is_read_or_refused_but_never_breaks(members: list[Any], selections: Any, hook: str) -> None:
    entries = [{"resource": {"resourceType": "MedicationRequest"} | each} for each in members]
    context = {"draftOrders": {"entry": entries}, "selections": selections}
    with suppress(OrderContextError):
        assert len(drafts_from_context(context, "p1", hook=hook).drafts) == len(entries)
