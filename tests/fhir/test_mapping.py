"""The door as a whole: whose resources, which version, in what order, and what else to fetch."""

from __future__ import annotations

from datetime import date
from itertools import permutations
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cds_service.clinical.facts import DataGap, GapKind
from cds_service.fhir.mapping import facts_from_resources, unresolved_references
from tests.fhir.mapped import EIGHT, RXNORM, Json, at, coded, gap_kinds, mapped, observation, resource, worded

PATIENT = {"resourceType": "Patient", "id": "p", "birthDate": "1990-02-03", "gender": "female"}


def level(value: float, **members: Any) -> Json:
    return observation(valueQuantity={"value": value, "unit": "mg/L"}, **members)


# The patient


@pytest.mark.parametrize("patient_id", ["p", "Patient/p", " p "])
def test_the_patient(patient_id: str) -> None:
    facts = facts_from_resources([PATIENT], patient_id)
    assert (facts.patient.reference, facts.patient.birth_date, facts.patient.sex) == (
        "Patient/p",
        date(1990, 2, 3),
        "female",
    )
    assert facts.gaps == ()


@pytest.mark.parametrize(
    ("members", "gaps"),
    [
        ({"birthDate": "soon"}, [("unreadable", "patient")]),
        ({"birthDate": 1990}, [("unreadable", "patient")]),
        ({"birthDate": None, "gender": 5}, []),
    ],
)
def test_an_unreadable_birth_date_is_a_gap(members: Json, gaps: list[tuple[str, str]]) -> None:
    facts = facts_from_resources([PATIENT | members], "p")
    assert facts.patient.birth_date is None
    assert gap_kinds(facts) == gaps


def test_a_missing_patient_record_is_a_gap() -> None:
    gap = DataGap(GapKind.MISSING, "patient", "the patient record is not at hand", "Patient/p")
    assert facts_from_resources([], "p").gaps == (gap,)


def test_what_is_said_of_an_unreadable_birth_date() -> None:
    gap = DataGap(GapKind.UNREADABLE, "patient", "the birth date cannot be read", "Patient/p")
    assert facts_from_resources([PATIENT | {"birthDate": "soon"}], "p").gaps == (gap,)


def test_the_callers_gaps_are_kept() -> None:
    gap = DataGap(GapKind.NOT_FETCHED, "allergies", "allergies could not be read")
    assert facts_from_resources([PATIENT], "p", gaps=[gap, gap]).gaps == (gap,)


# Whose


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Patient/p"},
        {"reference": "Patient/p/_history/2"},
        {"reference": "https://ehr.example.org/fhir/Patient/p"},
        "Patient/p",
        "p",
        {"display": "Somebody"},
        {},
        None,
        {"reference": "#p"},
        {"reference": "urn:uuid:1"},
        {"reference": 5},
        {"reference": ""},
        7,
        ["Patient/p"],
    ],
)
def test_own_resources_and_those_whose_subject_names_nobody_are_read(subject: Any) -> None:
    assert len(mapped(observation(subject=subject)).results) == 1


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Patient/q"},
        {"reference": "Patient/P"},
        {"reference": "Patient/pp"},
        {"reference": "https://ehr.example.org/fhir/Patient/q"},
        {"reference": "Group/p"},
        "Patient/q",
        "q",
    ],
)
def test_another_patients_resource_is_dropped_and_reported(subject: Any) -> None:
    facts = mapped(observation(subject=subject))
    assert facts.results == ()
    (gap,) = facts.gaps
    told = "a resource that does not belong to this patient was left out"
    assert gap == DataGap(GapKind.FOREIGN_PATIENT, "patient", told, "Observation/o")


def test_another_patients_record_is_dropped_and_reported() -> None:
    facts = mapped({"resourceType": "Patient", "id": "q", "birthDate": "2020-01-01"})
    assert facts.patient.birth_date is None
    assert gap_kinds(facts) == [("foreign-patient", "patient")]


def test_a_patient_member_is_read_where_there_is_no_subject() -> None:
    assert gap_kinds(mapped({"resourceType": "AllergyIntolerance", "patient": {"reference": "Patient/q"}})) == [
        ("foreign-patient", "patient")
    ]


# Which version


def version(value: float, updated: str | None, version_id: Any = None) -> Json:
    return level(value, meta={"lastUpdated": updated, "versionId": version_id})


@pytest.mark.parametrize(
    ("one", "other", "newest"),
    [
        (version(1, "2026-01-15T08:00:00Z"), version(2, "2026-01-15T09:00:00Z"), 2),
        (version(1, "2026-01-15T12:00:00+05:00"), version(2, "2026-01-15T08:00:00Z"), 2),
        (version(1, EIGHT, "9"), version(2, EIGHT, "10"), 2),
        (version(1, None, "1"), version(2, None, "2"), 2),
        (version(1, None), version(2, EIGHT), 2),
        (version(1, EIGHT, None), version(2, EIGHT, "0"), 2),
        (level(2, meta=5), level(2, meta=5), 2),
    ],
)
def test_only_the_newest_version_counts_in_either_order(one: Json, other: Json, newest: float) -> None:
    forward, backward = mapped(one, other), mapped(other, one)
    assert forward == backward
    (result,) = forward.results
    assert result.reported is not None
    assert result.reported.value == newest


def test_a_newer_version_that_was_entered_in_error_takes_the_result_away() -> None:
    older = level(200, meta={"lastUpdated": "2026-01-15T08:00:00Z"})
    newer = level(200, meta={"lastUpdated": "2026-01-15T09:00:00Z"}, status="entered-in-error")
    assert mapped(newer, older).results == ()


def test_resources_without_an_id_are_all_kept() -> None:
    assert len(mapped(level(1, id=None), level(2, id=None), level(3, id=7)).results) == 3


@pytest.mark.parametrize(
    "garbage", [{}, {"resourceType": 5}, {"resourceType": "Practitioner", "id": "x"}, {"resourceType": "Observation"}]
)
def test_resources_that_are_none_of_ours_are_passed_over(garbage: Json) -> None:
    assert mapped(garbage) == mapped()
    assert mapped(garbage, level(1)) == mapped(level(1))


# In what order


def test_the_order_of_resources_never_matters() -> None:
    resources = [
        PATIENT,
        level(1, id="a"),
        level(2, id="b", effectiveDateTime="2026-01-15T04:00:00Z"),
        level(3, id="c", effectiveDateTime=None),
        level(4, id=None),
        level(5, id=None),
    ]
    all_facts = {facts_from_resources(order, "p") for order in permutations(resources)}
    (facts,) = all_facts
    assert [result.reference for result in facts.results] == [
        "Observation/c",
        "Observation/b",
        "Observation",
        "Observation",
        "Observation/a",
    ]


def test_gaps_without_a_reference_come_first() -> None:
    ours = DataGap(GapKind.NOT_FETCHED, "allergies", "allergies could not be read")
    found = facts_from_resources([PATIENT, observation(subject={"reference": "Patient/q"})], "p", gaps=[ours])
    assert [gap.reference for gap in found.gaps] == [None, "Observation/o"]


def test_dates_lie_in_the_zone_that_is_asked_for() -> None:
    facts = facts_from_resources(
        [PATIENT, level(1, effectiveDateTime="2026-01-15")], "p", zone=ZoneInfo("Australia/Brisbane")
    )
    (result,) = facts.results
    assert result.sampled is not None
    assert (result.sampled.earliest, result.sampled.latest) == (at(14, day=14), at(14))


# What else to fetch

NAC = coded(RXNORM, "465377")


@pytest.mark.parametrize(
    ("resources", "wanted"),
    [
        ([observation(specimen={"reference": "Specimen/s"})], {"Specimen/s"}),
        ([observation(specimen={"reference": "Specimen/s/_history/1"})], {"Specimen/s"}),
        ([observation("1742-6", specimen={"reference": "Specimen/s"})], set()),
        ([observation(specimen={"reference": "Specimen/s"}), {"resourceType": "Specimen", "id": "s"}], set()),
        ([observation(specimen={"reference": "#s"})], set()),
        ([observation(specimen={"reference": "Device/s"})], set()),
        ([observation(specimen="garbage")], set()),
        ([observation(specimen={})], set()),
        ([resource("MedicationRequest", medicationReference={"reference": "Medication/m"})], {"Medication/m"}),
        ([resource("MedicationStatement", medicationReference={"reference": "Medication/m"})], {"Medication/m"}),
        (
            [resource("MedicationAdministration", medication={"reference": {"reference": "Medication/m"}})],
            {"Medication/m"},
        ),
        (
            [
                resource(
                    "MedicationRequest", medicationReference={"reference": "https://other.example.org/Medication/m"}
                )
            ],
            set(),
        ),
        ([resource("MedicationRequest", medicationCodeableConcept=NAC)], set()),
        ([resource("Condition", medicationReference={"reference": "Medication/m"})], set()),
        ([{"resourceType": 5}, {}], set()),
    ],
)
def test_what_is_referred_to_and_not_at_hand(resources: list[Json], wanted: set[str]) -> None:
    assert unresolved_references(resources) == wanted


def test_a_worded_test_is_shown_in_the_gap() -> None:
    facts = mapped(observation(code=worded("Acetaminophen (local)")))
    assert "Acetaminophen (local)" in facts.gaps[0].text


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_contents_under_one_version_are_both_kept(order: tuple[int, ...]) -> None:
    copies = [level(40, meta={"versionId": "2"}), level(200, meta={"versionId": "2"})]
    facts = mapped(*[copies[at] for at in order])
    assert sorted(found.reported.value for found in facts.results if found.reported) == [40, 200]


def test_contents_of_any_depth_are_told_apart() -> None:
    deep: list[Any] = []
    for _ in range(300):
        deep = [deep]
    copies = [level(40, note=deep), level(40, note=deep), level(200, note=deep)]
    found = [result.reported.value for result in mapped(*copies).results if result.reported]
    assert sorted(found) == [40, 200]


def test_versions_that_cannot_be_read_are_all_kept() -> None:
    assert len(mapped(version(1, "naive", {}), version(2, "naive", "x")).results) == 2


def test_the_same_copy_twice_counts_once() -> None:
    assert len(mapped(level(40), level(40)).results) == 1
