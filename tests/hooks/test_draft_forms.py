"""The FHIR models accept every draft in full, although they are asked about each form of draft only once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from fhir.resources.R4B.patient import Patient
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cds_service.clinical.profiles import PROFILES, RegimenName
from cds_service.clinical.regimens import dosing_for_site
from cds_service.hooks.cards import cards_for
from cds_service.hooks.draft_forms import fitting
from cds_service.sandbox.fixtures import load_cases
from tests.golden_cards import cards_off_the_wire
from tests.hooks.assessments import NOW, assessment
from tests.hooks.test_suggestions import ASKS, EASTERN

if TYPE_CHECKING:
    from collections.abc import Iterable

IDS = st.from_regex(r"[A-Za-z0-9\-.]{1,64}", fullmatch=True)


def drafts_of(cards: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    actions = [action for card in cards for each in card.get("suggestions", ()) for action in each["actions"]]
    return [action["resource"] for action in actions if action["type"] == "create"]


def is_changed(draft: dict[str, Any]) -> bool:
    """Whether the model would send something else; raises where it refuses the draft."""
    model = get_fhir_model_class(draft["resourceType"]).model_validate(draft)
    told = json.loads(json.dumps(draft).replace("+00:00", "Z"))
    return bool(model.model_dump(mode="json", exclude_none=True) != told)


def test_every_draft_of_every_fixture_case_is_valid_in_full() -> None:
    cards = [
        card for case in load_cases() for call in case.expected["calls"] for card in cards_off_the_wire(case, call)
    ]
    drafts = drafts_of(cards)
    assert {draft["resourceType"] for draft in drafts} == {"MedicationRequest", "ServiceRequest"}
    assert [draft for draft in drafts if is_changed(draft)] == []


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.floats(5, 300), st.sampled_from(RegimenName), IDS, st.none() | IDS)
def test_every_dose_for_everyone_is_valid_in_full(
    weight_kg: float, regimen: RegimenName, patient: str, encounter: str | None
) -> None:
    facts = assessment().facts
    facts = replace(facts, patient=replace(facts.patient, reference=f"Patient/{patient}"))
    dosing = dosing_for_site(regimen, weight_kg, max_weight_kg=PROFILES["us-2023"].max_weight_kg)
    made = cards_for(
        assessment(dosing=dosing, facts=facts, asks=ASKS),
        order_context=None,
        base_url="https://nac.example.org",
        zone=EASTERN,
        encounter_id=encounter,
    )
    drafts = drafts_of(each.card for each in made)
    assert drafts
    assert not any(map(is_changed, drafts))
    assert {draft["subject"]["reference"] for draft in drafts} == {f"Patient/{patient}"}


def patient_named(**values: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **values}


@pytest.mark.parametrize(
    ("wrong", "values"),
    [
        ({"language": ""}, {"texts": [""]}),
        ({"language": "\u00a0"}, {"texts": ["\u00a0"]}),
        ({"deceasedDateTime": "yesterday"}, {"stamps": ["yesterday"]}),
        ({"multipleBirthInteger": float("nan")}, {"numbers": [float("nan")]}),
    ],
)
def test_a_value_that_is_not_plain_is_refused_even_in_an_accepted_form(
    wrong: dict[str, Any], values: dict[str, Any]
) -> None:
    fitting(Patient.model_validate, patient_named(), form="a patient")
    with pytest.raises(ValidationError):
        fitting(Patient.model_validate, patient_named(**wrong), form="a patient", **values)


def test_an_accepted_form_is_not_asked_about_again() -> None:
    fitting(Patient.model_validate, patient_named(), form="asked once")
    told = patient_named(birthDate="not a date, and not among the values")
    assert fitting(Patient.model_validate, told, form="asked once") is told


def test_what_the_model_refused_is_not_an_accepted_form() -> None:
    for _ in range(2):
        with pytest.raises(ValidationError):
            fitting(Patient.model_validate, patient_named(birthDate="not a date"), form="refused")


def test_a_form_of_one_model_is_none_of_another() -> None:
    fitting(Patient.model_validate, patient_named(), form="shared")
    with pytest.raises(ValidationError):
        fitting(get_fhir_model_class("Encounter").model_validate, {"resourceType": "Encounter"}, form="shared")


def test_a_stamp_holds_the_second_and_the_offset() -> None:
    made = cards_for(assessment(), order_context=None, base_url="https://nac.example.org", zone=EASTERN)
    (stamp,) = {draft["authoredOn"] for draft in drafts_of(each.card for each in made)}
    assert stamp == NOW.astimezone(EASTERN).isoformat()
