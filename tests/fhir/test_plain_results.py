"""Results read from their bytes tell exactly what the readers of whole Observations tell."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.clinical.facts import LabResult
from cds_service.clinical.quantity import Analyte, Span
from cds_service.fhir.gather import Gathered, gather
from cds_service.fhir.mapping import facts_from_resources
from cds_service.fhir.observations import STATUSES
from cds_service.fhir.plain_results import plain_result
from cds_service.fhir.prefetched import Prefetch, pages_of
from tests.fhir.mapped import EIGHT, LOINC, SNOMED, Json, coded, observation, resource, worded

if TYPE_CHECKING:
    from cds_service.clinical.facts import PatientFacts

PATIENT: Json = {"resourceType": "Patient", "id": "p"}
ALT = "1742-6"
INR = "6301-6"
HEMOGLOBIN = "718-7"
LIMIT = [{"high": {"value": 40, "unit": "U/L"}}]


def alt(**members: Any) -> Json:
    return observation(ALT, **({"valueQuantity": {"value": 31.5, "unit": "U/L"}, "referenceRange": LIMIT} | members))


def is_plain(result: Json) -> bool:
    return plain_result(msgspec.Raw(orjson.dumps(result))) is not None


def members_of(prefetch: Json) -> dict[str, Any]:
    written = orjson.dumps({"patient": PATIENT} | prefetch)
    return pages_of(msgspec.json.decode(written, type=Prefetch), orjson.loads)


def gathered(prefetch: Json) -> Gathered:
    return asyncio.run(gather(members_of(prefetch), "p", client=None, server=None, deadline_seconds=1))


def gathered_from_json(prefetch: Json) -> Gathered:
    whole = {"patient": PATIENT} | prefetch
    return asyncio.run(gather(whole, "p", client=None, server=None, deadline_seconds=1))


def bundle(*resources: Json, **members: Any) -> Json:
    return {"resourceType": "Bundle", "entry": [{"resource": each} for each in resources], **members}


def both_ways(*resources: Json, others: tuple[Json, ...] = ()) -> tuple[PatientFacts, PatientFacts]:
    """The facts from the bytes of a page of these resources beside `others`, and from all of them as parsed JSON."""
    level = observation(id="level")  # a page of Observations holds one at least
    read = gathered({"chemistry": bundle(level, *resources)})
    assert len(read.plain) + len(read.resources) == len(resources) + 2
    from_bytes = facts_from_resources([*read.resources, *others], "p", plain=read.plain)
    return from_bytes, facts_from_resources([PATIENT, level, *resources, *others], "p")


PLAIN: dict[str, Json] = {
    "an acetaminophen level": observation(),
    "the greatest level there can be": observation(valueQuantity={"value": 10_000, "unit": "mg/L"}),
    "such a level in another unit": observation(valueQuantity={"value": 1000, "unit": "mg/dL"}),
    "AST or ALT": alt(),
    "without a limit": alt(referenceRange=None),
    "a limit in words": alt(referenceRange=[{"text": "< 45 U/L"}]),
    "a limit for others": alt(referenceRange=[{"type": worded("critical"), "high": {"value": 90}}]),
    "an integer": alt(valueQuantity={"value": 31, "unit": "U/L"}),
    "nothing": alt(valueQuantity={"value": 0, "unit": "U/L"}),
    "another unit": alt(valueQuantity={"value": 0.5, "code": "ukat/L", "system": "http://unitsofmeasure.org"}),
    "no unit where none is needed": observation(INR, valueQuantity={"value": 2.1}),
    "just under what cannot be": alt(valueQuantity={"value": 999_999_999_999_999.0, "unit": "U/L"}),
    "the longest id": alt(id="o" * 64),
    "not ours": observation(HEMOGLOBIN, valueQuantity={"value": 13.9, "unit": "g/dL"}),
    "not ours, in any unit": observation(HEMOGLOBIN, valueQuantity={"value": 13.9, "unit": "stone"}),
    "preliminary": alt(status="preliminary"),
    "with an offset": alt(effectiveDateTime="2026-01-15T08:00:00+02:00"),
    "with a fraction": alt(effectiveDateTime="2026-01-15T08:00:00.123456Z"),
    "with much that is not read": alt(
        text={"div": "<p>\u00b5</p>"}, performer=[{}], note=[{"text": "lipaemic"}], valuedAt=1, comment="?", focus=None
    ),
    "with null for what is absent": alt(valueString=None, component=None, effectivePeriod=None) | {"valueString": None},
    "with a specimen": alt(specimen={"reference": "Specimen/s"}),
    "nobody's": alt(subject=None),
    "a group's by name only": alt(subject={"display": "somebody"}),
    "another patient's": alt(subject={"reference": "Patient/q"}),
}
IN_FULL: dict[str, Json] = {
    "a level that refers to its specimen": observation(specimen={"reference": "Specimen/s"}),
    "a level that nobody survives": observation(valueQuantity={"value": 10_000.1, "unit": "mg/L"}),
    "such a level in another unit": observation(valueQuantity={"value": 1000.1, "unit": "mg/dL"}),
    "a level of no unit": observation(valueQuantity={"value": 182}),
    "whether there is any": observation("3297-9"),
    "a bound": alt(valueQuantity={"value": 5, "unit": "U/L", "comparator": "<"}),
    "a text": alt(valueQuantity=None, valueString="31 U/L"),
    "two values": alt(valueString="31 U/L"),
    "a value in an older form": alt(valueAttachment={"title": "31"}),
    "no value, and why": alt(dataAbsentReason=worded("hemolysed")),
    "no value": alt(valueQuantity=None),
    "a Quantity without a value": alt(valueQuantity={"unit": "U/L"}),
    "a number as a text": alt(valueQuantity={"value": "31", "unit": "U/L"}),
    "true": alt(valueQuantity={"value": True, "unit": "U/L"}),
    "below nothing": alt(valueQuantity={"value": -1, "unit": "U/L"}),
    "beyond what can be": alt(valueQuantity={"value": 1e15, "unit": "U/L"}),
    "no unit": alt(valueQuantity={"value": 31}),
    "an unknown unit": alt(valueQuantity={"value": 31, "unit": "stone"}),
    "a very long unit": alt(valueQuantity={"value": 31, "unit": "U/L" + " " * 300}),
    "units at odds": alt(valueQuantity={"value": 31, "unit": "U/L", "code": "ukat/L"}),
    "a very long range": alt(referenceRange=[{"text": "x" * 3000}]),
    "parts": alt(component=[{"code": coded(LOINC, INR), "valueQuantity": {"value": 4}}]),
    "its own specimen": alt(
        contained=[
            {"resourceType": "Specimen", "id": "s", "collection": {"collectedDateTime": "2026-01-15T06:00:00Z"}}
        ],
        specimen={"reference": "#s"},
    ),
    "a patient in the older form": alt(subject=None, patient={"reference": "Patient/q"}),
    "a day": alt(effectiveDateTime="2026-01-15"),
    "a time without a zone": alt(effectiveDateTime="2026-01-15T08:00:00"),
    "an impossible time": alt(effectiveDateTime="2026-02-30T08:00:00Z"),
    "no time": alt(effectiveDateTime=None),
    "an interval": alt(effectiveDateTime=None, effectivePeriod={"start": EIGHT, "end": EIGHT}),
    "an instant": alt(effectiveDateTime=None, effectiveInstant=EIGHT),
    "entered in error": alt(status="entered-in-error"),
    "an unknown status": alt(status="appended"),
    "a status in capitals": alt(status="FINAL"),
    "no status": alt(status=None),
    "no id": alt(id=None),
    "a blank id": alt(id="  "),
    "an id with blanks": alt(id=" o "),
    "an id that is too long": alt(id="o" * 65),
    "no code": alt(code=None),
    "an empty code": alt(code={}),
    "a code that is none": alt(code=[1]),
    "two tests at once": alt(code={"coding": [{"system": LOINC, "code": ALT}, {"system": LOINC, "code": INR}]}),
    "ours by its name only": observation("99999-9", code=worded("ALT"), valueQuantity={"value": 31, "unit": "U/L"}),
    "a weight": observation("29463-7", valueQuantity={"value": 70, "unit": "kg"}),
    "a coma score": observation("9269-2", valueQuantity={"value": 15}),
    "pregnancy": observation("82810-3", valueCodeableConcept=coded(SNOMED, "77386006")),
    "another resource": resource("Condition", id="o", code=worded("Acetaminophen overdose")),
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_result_tells_what_the_whole_observation_tells(name: str) -> None:
    assert is_plain(PLAIN[name])
    from_bytes, from_json = both_ways(PLAIN[name])
    assert from_bytes == from_json


@pytest.mark.parametrize("status", sorted(STATUSES))
def test_a_result_of_any_status_that_counts_is_plain(status: str) -> None:
    assert is_plain(alt(status=status))


@pytest.mark.parametrize("name", IN_FULL)
def test_what_is_not_plain_is_read_in_full(name: str) -> None:
    assert not is_plain(IN_FULL[name])
    from_bytes, from_json = both_ways(IN_FULL[name])
    assert from_bytes == from_json


def test_a_plain_result_is_converted_and_placed() -> None:
    told, _ = both_ways(PLAIN["another unit"])
    result = next(each for each in told.results if each.analyte is Analyte.ALT)
    assert result.reported is not None
    assert result.reported.value == pytest.approx(30)  # half a micromole a second, times sixty
    at = Span.at(datetime(2026, 1, 15, 8, tzinfo=UTC))
    assert result == LabResult(Analyte.ALT, result.reported, at, "final", "Observation/o", "", 40.0)


EARLIER = {"collectedDateTime": "2026-01-15T06:30:00Z"}
DRAWN = resource("Specimen", id="s", subject={"reference": "Patient/p"}, collection=EARLIER)
SEVERAL: dict[str, tuple[tuple[Json, ...], tuple[Json, ...]]] = {
    "the specimen is at hand": ((alt(specimen={"reference": "Specimen/s"}),), (DRAWN,)),
    "another specimen is at hand": ((alt(specimen={"reference": "Specimen/t"}),), (DRAWN,)),
    "a specimen that is not referred to": ((alt(),), (DRAWN,)),
    "the same twice": ((alt(), alt()), ()),
    "twice, with another number": ((alt(), alt(valueQuantity={"value": 900, "unit": "U/L"})), ()),
    "an older version": (
        (
            alt(meta={"versionId": "2"}, valueQuantity={"value": 900, "unit": "U/L"}),
            alt(meta={"versionId": "1"}),
        ),
        (),
    ),
    "corrected to a bound": (
        (
            alt(meta={"versionId": "1"}),
            alt(meta={"versionId": "2"}, valueQuantity={"value": 900, "unit": "U/L", "comparator": ">"}),
        ),
        (),
    ),
    "three of one id": (
        (alt(), alt(status="corrected"), alt(), alt(id="o2"), alt(status="amended")),
        (),
    ),
    "the same among the rest": ((alt(),), (alt(),)),
    "another version among the rest": ((alt(),), (alt(valueQuantity={"value": 900, "unit": "U/L"}),)),
    "an id that is another resource's": ((alt(),), (resource("Condition", id="o", code=worded("Cirrhosis")),)),
    "another's": ((alt(), alt(id="o2", subject={"reference": "Patient/q"})), ()),
    "several at one time": ((alt(id="o2"), alt(), observation(INR, id="o3", valueQuantity={"value": 1.1})), ()),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_what_stands_beside_a_plain_result_counts_as_ever(name: str) -> None:
    resources, others = SEVERAL[name]
    from_bytes, from_json = both_ways(*resources, others=others)
    assert from_bytes == from_json


@given(
    st.lists(
        st.sampled_from([*PLAIN.values(), *IN_FULL.values()]).flatmap(
            lambda base: st.fixed_dictionaries(
                {},
                optional={
                    "id": st.sampled_from(["o", "o2", "o3", "", 5]),
                    "status": st.sampled_from(["final", "corrected", "cancelled", "unknown"]),
                    "valueQuantity": st.sampled_from([{"value": 7, "unit": "U/L"}, {"value": 7}, None, "7"]),
                    "effectiveDateTime": st.sampled_from([EIGHT, "2026-01-15T08:00:00-05:00", "2026", "later", 7]),
                    "subject": st.sampled_from(
                        [{"reference": "Patient/p"}, {"reference": "Patient/q"}, "p", {"reference": "urn:uuid:1"}, 3]
                    ),
                    "specimen": st.sampled_from([{"reference": "Specimen/s"}, {"display": "blood"}, None]),
                    "meta": st.sampled_from([{"versionId": "1"}, {"versionId": "2"}, {"lastUpdated": EIGHT}]),
                    "code": st.sampled_from(
                        [coded(LOINC, ALT), coded(LOINC, INR), coded(LOINC, "3298-7"), worded("Paracetamol"), None]
                    ),
                },
            ).map(lambda changes: base | changes)
        ),
        max_size=5,
    ),
    st.booleans(),
)
def test_both_ways_of_reading_agree(resources: list[Json], is_drawn: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    entries = [each for each in resources if isinstance(each.get("resourceType"), str)]
    if entries:
        from_bytes, from_json = both_ways(*entries, others=(DRAWN,) if is_drawn else ())
        assert from_bytes == from_json


def test_a_number_beyond_all_bounds_in_what_is_not_used_loses_nothing() -> None:
    strange = orjson.dumps(alt(note="@")).replace(b'"@"', b"1e999")
    read = plain_result(msgspec.Raw(strange))
    assert read is not None
    assert read.resource["note"] == float("inf")
    assert read.resource["valueQuantity"]["value"] == 31.5


NEXT = [{"relation": "self", "url": "x"}, {"relation": "next", "url": "y"}]


@pytest.mark.parametrize(
    ("page", "plain"),
    [
        (bundle(alt(), alt(id="o2"), observation(id="o3", status=None), total=70, link={"relation": "self"}), 2),
        (bundle(alt(), link=NEXT), 0),
        (bundle(alt(), {"no": "resource"}), 0),
        (bundle(alt(), {"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}), 0),
        (bundle(alt(), {"resourceType": "OperationOutcome", "issue": [{"severity": "warning"}]}), 1),
        (bundle(resource("Condition", id="c", code=worded("Cirrhosis"))), 0),
        (bundle() | {"entry": [{"resource": alt()}, {}]}, 0),
        (bundle(total=3), 0),
        ({"resourceType": "Bundle", "type": "searchset", "total": 0, "link": NEXT[:1]}, 0),
        ({"resourceType": "Bundle"}, 0),
    ],
)
def test_a_page_tells_as_much_as_its_json(page: Json, plain: int) -> None:
    found, known = gathered({"chemistry": page}), gathered_from_json({"chemistry": page})
    assert len(found.plain) == plain
    told = [*found.resources, *(each.resource for each in found.plain)]
    assert sorted(told, key=repr) == sorted(known.resources, key=repr)
    assert replace(found, resources=known.resources, plain=()) == known


def test_of_what_is_read_as_one_page_a_next_one_is_no_matter() -> None:
    read = gathered({"otherLabs": bundle(alt(), link=NEXT), "chemistry": bundle(alt(id="o2"), link=NEXT)})
    assert [each.logical_id for each in read.plain] == ["o"]
    assert [each["id"] for each in read.resources] == ["p", "o2"]


@pytest.mark.parametrize("page", [[], "none", alt(), {"resourceType": "Bundle", "entry": None}])
def test_a_page_of_another_shape_is_no_prefetch_of_results(page: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        gathered({"chemistry": page})


def test_keys_are_kept_apart_from_what_nobody_asked_for() -> None:
    read = gathered({"chemistry": bundle(alt()), "levels": None, "problems": bundle(), "weather": {"any": "thing"}})
    assert read.from_prefetch == {"patient", "chemistry", "levels", "problems"}
    assert [each.logical_id for each in read.plain] == ["o"]
