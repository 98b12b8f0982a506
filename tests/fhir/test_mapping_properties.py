"""Whatever a chart holds, reading it never fails, and neither order nor time zone changes what is read."""

from __future__ import annotations

import copy
import random
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds_service.fhir.mapping import drug_order_from_resource, facts_from_resources, unresolved_references
from tests.fhir.mapped import EIGHT, ICD10CM, LOINC, RXNORM, SNOMED, Json, coded, observation, resource, worded

CHART: list[Json] = [
    {
        "resourceType": "Patient",
        "id": "p",
        "birthDate": "1990-02-03",
        "gender": "female",
        "meta": {"versionId": "1", "lastUpdated": EIGHT},
    },
    observation(referenceRange=[{"type": worded("normal"), "high": {"value": 20, "unit": "mg/L"}, "text": "0-20"}]),
    observation(
        "1742-6",
        id="o2",
        specimen={"reference": "Specimen/s"},
        component=[{"code": coded(LOINC, "1920-8"), "valueString": "<10 U/L"}],
    ),
    observation("45285-4", id="o3", valueDateTime=EIGHT),
    observation("45359-7", id="o4", valueQuantity={"value": 8, "unit": "h", "comparator": "<"}),
    observation("4105-3", id="o5", valueQuantity={"value": 12, "unit": "g"}),
    observation("29463-7", id="o6", valueQuantity={"value": 70, "unit": "kg"}),
    observation("82810-3", id="o7", valueCodeableConcept=coded(SNOMED, "77386006")),
    observation("9269-2", id="o8", valueInteger=15),
    observation(
        id="o9", code=worded("Acetaminophen"), effectiveDateTime=None, effectivePeriod={"start": EIGHT, "end": EIGHT}
    ),
    resource("Specimen", id="s", collection={"collectedDateTime": EIGHT}),
    resource(
        "Condition",
        id="c1",
        code=coded(ICD10CM, "T39.1X2A"),
        onsetPeriod={"start": EIGHT},
        recordedDate=EIGHT,
        clinicalStatus=worded("active"),
    ),
    resource(
        "Condition",
        id="c2",
        code=coded(ICD10CM, "J44.1"),
        severity=coded(SNOMED, "24484000"),
        stage=[{"summary": worded("GOLD 3")}],
    ),
    resource(
        "Encounter",
        status="in-progress",
        period={"start": EIGHT},
        reasonCode=[worded("Overdose")],
        diagnosis=[{"condition": {"display": "COPD"}}],
    ),
    resource("AllergyIntolerance", code=coded(RXNORM, "197"), reaction=[{"substance": worded("NAC")}]),
    resource(
        "MedicationStatement",
        medicationReference={"reference": "#m"},
        contained=[
            {
                "resourceType": "Medication",
                "id": "m",
                "code": coded(RXNORM, "198440"),
                "ingredient": [{"itemCodeableConcept": worded("x")}],
            }
        ],
        effectivePeriod={"start": EIGHT, "end": EIGHT},
        dosage=[
            {
                "doseAndRate": [{"doseQuantity": {"value": 2, "unit": "tablet"}}],
                "timing": {"repeat": {"frequency": 4, "period": 1, "periodUnit": "d"}},
            }
        ],
        reasonCode=[worded("overdose")],
    ),
    resource(
        "MedicationAdministration",
        status="in-progress",
        medicationCodeableConcept=coded(RXNORM, "465377"),
        effectiveDateTime=EIGHT,
    ),
    resource(
        "MedicationRequest",
        status="active",
        medicationReference={"reference": "Medication/m"},
        dosageInstruction=[{"route": coded(SNOMED, "47625008"), "text": "IV"}],
        reasonReference=[{"reference": "Condition/c2"}],
    ),
    {"resourceType": "Medication", "id": "m", "code": worded("acetylcysteine"), "form": worded("injection")},
]

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
fhir_words = st.sampled_from(
    [
        EIGHT,
        "2026-01-15",
        "Patient/p",
        "Patient/q",
        "#m",
        "final",
        "active",
        "resolved",
        "mg/L",
        "acetaminophen overdose",
    ]
)
anything = st.recursive(
    scalars | fhir_words,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["coding", "code", "text", "value", "reference", "start"]), inner, max_size=3)
    ),
    max_leaves=6,
)


NOTHINGS: tuple[Any, ...] = (None, [], {}, "", 0, "x", [None], [[]], {"coding": 5}, 10**400)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value, as a path."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return found + [place for key, inner in items for place in places(inner, (*path, key))]


PLACES = [(index, place) for index, one in enumerate(CHART) for place in places(one)]


def replaced(index: int, place: tuple[Any, ...], value: Any) -> list[Json]:
    chart = copy.deepcopy(CHART)
    holder: Any = chart[index]
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    return chart


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(place=st.sampled_from(PLACES), value=anything)
def test_anything_anywhere_is_read_without_an_error(place: tuple[int, tuple[Any, ...]], value: Any) -> None:
    chart = replaced(*place, value)
    facts = facts_from_resources(chart, "p")
    assert facts.patient.reference == "Patient/p"
    assert all(isinstance(target, str) for target in unresolved_references(chart))
    order = drug_order_from_resource(chart[place[0]], {"Medication/m": chart[-1]}, "r")
    assert order.reference == "r"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.dictionaries(st.text(max_size=6) | st.just("resourceType"), anything, max_size=5), max_size=4))
def test_arbitrary_objects_are_read_without_an_error(resources: list[Json]) -> None:
    assert facts_from_resources(resources, "p").patient.reference == "Patient/p"


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), place=st.sampled_from(PLACES), value=anything)
def test_shuffling_changes_nothing(seed: int, place: tuple[int, tuple[Any, ...]], value: Any) -> None:
    chart = replaced(*place, value)
    shuffled = random.Random(seed).sample([*chart, *chart[:3]], len(chart) + 3)  # noqa: S311 -- not a secret
    assert facts_from_resources(shuffled, "p") == facts_from_resources(chart, "p")


@settings(max_examples=60, deadline=None)
@given(minutes=st.integers(-14 * 60, 14 * 60), at=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)))  # noqa: DTZ001 -- hypothesis wants naive bounds
def test_the_offset_a_time_is_written_in_changes_nothing(minutes: int, at: datetime) -> None:
    instant = at.replace(microsecond=0, tzinfo=UTC)
    elsewhere = instant.astimezone(timezone(timedelta(minutes=minutes)))
    one, other = (
        facts_from_resources([observation(effectiveDateTime=when.isoformat())], "p") for when in (instant, elsewhere)
    )
    assert one == other
    assert one.results[0].sampled is not None


def test_every_place_of_the_chart_taken_away_is_read_without_an_error() -> None:
    for index, place in PLACES:
        for value in NOTHINGS:
            chart = replaced(index, place, value)
            assert facts_from_resources(chart, "p").patient.reference == "Patient/p"
