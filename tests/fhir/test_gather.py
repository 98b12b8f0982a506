"""Prefetch first, search for the rest, one deadline: and every failure is a named gap, never an empty chart."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import respx

from cds_service.clinical.facts import DataGap, GapKind
from cds_service.fhir.client import FhirClient
from cds_service.fhir.exchange import FetchLimits
from cds_service.fhir.fetched import FaultKind
from cds_service.fhir.gather import ForeignPatientError, Gathered, gather
from cds_service.fhir.outbound import open_http
from cds_service.fhir.queries import QUERIES, QUERY_BY_KEY, Query
from cds_service.fhir.servers import FhirServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

BASE = "https://fhir.example.org/r4"
SERVER = FhirServer(BASE)
PATIENT = {"resourceType": "Patient", "id": "p1"}
EMPTY = {"resourceType": "Bundle", "type": "searchset"}
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
TOLD = [query for query in QUERIES if not query.is_quiet]


def resource(query: Query, logical_id: str = "x1") -> dict[str, Any]:
    return {"resourceType": query.resource_type, "id": logical_id, "code": {"text": query.name}}


def level(logical_id: str = "o1", **more: Any) -> dict[str, Any]:
    code = {"coding": [{"system": "http://loinc.org", "code": "3298-7"}]}
    return {
        "resourceType": "Observation",
        "id": logical_id,
        "code": code,
        "subject": {"reference": "Patient/p1"},
    } | more


def bundle(*resources: Any, following: str | None = None) -> dict[str, Any]:
    link = {"link": [{"relation": "next", "url": following}]} if following else {}
    return EMPTY | {"entry": [{"resource": each} for each in resources]} | link


def full(**changes: Any) -> dict[str, Any]:
    """A prefetch that answers every key, except as changed."""
    return {query.key: PATIENT if query.is_read else EMPTY for query in QUERIES} | changes


def without(*keys: str) -> dict[str, Any]:
    return {key: value for key, value in full().items() if key not in keys}


@pytest.fixture
async def client() -> AsyncIterator[FhirClient]:
    async with open_http(2) as http:
        yield FhirClient(http, FetchLimits(request_seconds=2, backoff_seconds=0.01, pages=3))


async def from_prefetch(prefetch: Mapping[str, Any] | None, patient_id: str = "p1") -> Gathered:
    return await gather(prefetch, patient_id, client=None, server=None, deadline_seconds=1)


async def from_both(client: FhirClient, prefetch: Mapping[str, Any] | None, *, seconds: float = 2) -> Gathered:
    return await gather(prefetch, "p1", client=client, server=SERVER, deadline_seconds=seconds)


def answer_all(**by_type: Any) -> respx.Route:
    """A server that has the patient, and else only what is given by type (a body, a status or a coroutine function)."""
    respx.get(f"{BASE}/Patient/p1").mock(return_value=httpx.Response(200, json=PATIENT))

    async def answer(request: httpx.Request) -> httpx.Response:
        given = by_type.get(request.url.path.rsplit("/", 1)[-1], EMPTY)
        if callable(given):
            given = await given(request)
        return httpx.Response(given) if isinstance(given, int) else httpx.Response(200, json=given)

    return respx.get(url__startswith=BASE).mock(side_effect=answer)


def gap_texts(gathered: Gathered) -> dict[str, str]:
    return {gap.about: gap.text for gap in gathered.gaps}


async def test_a_full_prefetch_needs_no_server() -> None:
    gathered = await from_prefetch(full(levels=bundle(level())), "Patient/p1")
    assert gathered.resources == (PATIENT, level())
    assert (gathered.gaps, gathered.missing_required, gathered.timings) == ((), (), {})
    assert gathered.from_prefetch == {query.key for query in QUERIES}


@respx.mock
async def test_a_full_prefetch_asks_no_server(client: FhirClient) -> None:
    assert (await from_both(client, full())).missing_required == ()
    assert not respx.calls


@pytest.mark.parametrize("prefetch", [None, {}])
async def test_without_prefetch_and_server_all_required_is_missing(prefetch: dict[str, Any] | None) -> None:
    gathered = await from_prefetch(prefetch)
    assert gathered.resources == ()
    assert gathered.missing_required == ("patient", "levels", "transaminases", "exposures", "problems")
    assert len(gathered.gaps) == len(TOLD)
    assert {gap.kind for gap in gathered.gaps} == {GapKind.NOT_FETCHED}
    assert (
        DataGap(
            GapKind.NOT_FETCHED,
            "acetaminophen",
            "Acetaminophen levels could not be read: not in the prefetch, and there is no FHIR server to ask",
        )
        in gathered.gaps
    )


@pytest.mark.parametrize("query", [each for each in QUERIES if not each.is_read], ids=lambda query: query.key)
@pytest.mark.parametrize("no_data", [None, EMPTY, EMPTY | {"entry": []}])
async def test_null_and_empty_mean_no_data(query: Query, no_data: Any) -> None:
    gathered = await from_prefetch(full(**{query.key: no_data}))
    assert (gathered.resources, gathered.gaps, gathered.missing_required) == ((PATIENT,), (), ())
    assert query.key in gathered.from_prefetch


FAILED_PREFETCHES = [
    OUTCOME,
    "text",
    7,
    True,
    EMPTY | {"entry": [{"resource": None}]},
    EMPTY | {"entry": [{"fullUrl": "urn:x"}]},
    [],
    [level()],
    {},
    {"resourceType": "Basic"},
    bundle("garbage"),
    bundle(5),
]


@pytest.mark.parametrize("value", FAILED_PREFETCHES, ids=str)
@pytest.mark.parametrize("query", TOLD, ids=lambda query: query.key)
async def test_a_failed_prefetch_is_no_data_at_all(query: Query, value: Any) -> None:
    gathered = await from_prefetch(full(**{query.key: value}))
    assert gathered.missing_required == ((query.key,) if query.required else ())
    (gap,) = gathered.gaps
    assert (gap.kind, gap.about) == (GapKind.NOT_FETCHED, query.about)
    assert query.key not in gathered.from_prefetch


@pytest.mark.parametrize("value", FAILED_PREFETCHES, ids=str)
@respx.mock
async def test_a_failed_prefetch_is_fetched(client: FhirClient, value: Any) -> None:
    route = answer_all(Condition=bundle(resource(QUERY_BY_KEY["problems"])))
    gathered = await from_both(client, full(problems=value))
    assert (gathered.gaps, gathered.missing_required) == ((), ())
    assert resource(QUERY_BY_KEY["problems"]) in gathered.resources
    assert (route.call_count, list(gathered.timings)) == (1, ["problems"])
    assert "problems" not in gathered.from_prefetch


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.key)
@respx.mock
async def test_an_absent_key_is_fetched_alone(client: FhirClient, query: Query) -> None:
    answer_all(**{query.resource_type: bundle(resource(query))})
    gathered = await from_both(client, without(query.key))
    assert (gathered.gaps, gathered.missing_required) == ((), ())
    assert len(respx.calls) == 1
    assert (PATIENT if query.is_read else resource(query)) in gathered.resources


@respx.mock
async def test_everything_is_asked_at_the_same_time(client: FhirClient) -> None:
    asked = 0
    all_asked = asyncio.Event()

    async def wait_for_the_others(_: httpx.Request) -> dict[str, Any]:
        nonlocal asked
        asked += 1
        if asked == len(QUERIES) - 1:
            all_asked.set()
        await all_asked.wait()
        return EMPTY

    answer_all(**{query.resource_type: wait_for_the_others for query in QUERIES})
    gathered = await from_both(client, None)
    assert (gathered.gaps, set(gathered.timings)) == ((), {query.key for query in QUERIES})


@pytest.mark.parametrize("query", [each for each in TOLD if not each.is_read], ids=lambda query: query.key)
@respx.mock
async def test_a_server_that_refuses_makes_a_gap_or_a_missing_key(client: FhirClient, query: Query) -> None:
    answer_all(**{query.resource_type: 403})
    gathered = await from_both(client, without(query.key))
    assert gathered.missing_required == ((query.key,) if query.required else ())
    name = query.name[0].upper() + query.name[1:]
    text = f"{name} could not be read: the server answered 403"
    assert gathered.gaps == (DataGap(GapKind.NOT_FETCHED, query.about, text),)


@respx.mock
async def test_failing_to_look_for_local_codes_is_not_worth_a_gap(client: FhirClient) -> None:
    answer_all(Observation=500)
    assert (await from_both(client, without("otherLabs"))).gaps == ()
    assert (await from_prefetch(without("otherLabs"))).gaps == ()


@respx.mock
async def test_an_unreadable_patient_is_missing(client: FhirClient) -> None:
    respx.get(f"{BASE}/Patient/p1").mock(return_value=httpx.Response(404))
    gathered = await from_both(client, without("patient"))
    assert gathered.missing_required == ("patient",)
    assert gap_texts(gathered) == {"patient": "The patient record could not be read: the server answered 404"}


@respx.mock
async def test_what_could_be_read_of_a_failed_prefetch_is_kept_but_settles_nothing(client: FhirClient) -> None:
    answer_all(Observation=500)
    prefetch = full(levels=bundle(level(), "garbage"))
    for gathered in (await from_both(client, prefetch), await from_prefetch(prefetch)):
        assert level() in gathered.resources
        assert gathered.missing_required == ("levels",)


@respx.mock
async def test_the_rest_of_a_prefetched_search_is_read(client: FhirClient) -> None:
    respx.get(f"{BASE}/", params={"page": "2"}).mock(return_value=httpx.Response(200, json=bundle(level("o2"))))
    gathered = await from_both(client, full(levels=bundle(level("o1"), following="?page=2")))
    assert gathered.resources == (PATIENT, level("o1"), level("o2"))
    assert gathered.gaps == ()


@pytest.mark.parametrize(
    ("key", "about"),
    [("levels", "acetaminophen"), ("transaminases", "ALT"), ("exposures", "exposure"), ("problems", "problems")],
)
@pytest.mark.parametrize("following", ["https://evil.example/r4?page=2", f"{BASE}?page=2"])
@respx.mock
async def test_a_search_cut_short_is_unsettled_but_not_missing(
    client: FhirClient, key: str, about: str, following: str
) -> None:
    respx.get(BASE, params={"page": "2"}).mock(return_value=httpx.Response(500))
    first = resource(QUERY_BY_KEY[key])
    prefetch = full(**{key: bundle(first, following=following)})
    for gathered in (await from_both(client, prefetch), await from_prefetch(prefetch)):
        assert gathered.resources == (PATIENT, first)
        assert gathered.missing_required == ()
        (gap,) = gathered.gaps
        assert (gap.kind, gap.about) == (GapKind.TRUNCATED, about)
        assert gap.text.startswith(f"Not all {QUERY_BY_KEY[key].name} were read: ")


@respx.mock
async def test_older_encounters_are_not_read_on(client: FhirClient) -> None:
    first = bundle(resource(QUERY_BY_KEY["encounter"]), following=f"{BASE}?page=2")
    gathered = await from_both(client, full(encounter=first))
    assert (gathered.gaps, len(respx.calls)) == ((), 0)


@pytest.mark.parametrize(
    "patient",
    [PATIENT | {"id": "p2"}, bundle(PATIENT | {"id": "p2"}), bundle(PATIENT, PATIENT | {"id": "p2"})],
)
async def test_another_patient_stops_everything(patient: dict[str, Any]) -> None:
    with pytest.raises(ForeignPatientError) as raised:
        await from_prefetch(full(patient=patient))
    assert "p2" not in str(raised.value)


@pytest.mark.parametrize(
    "patient", [None, EMPTY, OUTCOME, {"resourceType": "Patient"}, {"resourceType": "Patient", "id": 5}]
)
async def test_a_patient_that_is_not_there_is_missing(patient: Any) -> None:
    assert (await from_prefetch(full(patient=patient))).missing_required == ("patient",)


async def test_the_patient_may_come_in_a_bundle() -> None:
    assert (await from_prefetch(full(patient=bundle(PATIENT)))).missing_required == ()


@respx.mock
async def test_one_deadline_for_all_and_what_came_in_time_stays(client: FhirClient) -> None:
    async def hang(_: httpx.Request) -> int:
        await asyncio.sleep(30)
        return 500

    answer_all(Observation=hang, AllergyIntolerance=hang, Condition=bundle(resource(QUERY_BY_KEY["problems"])))
    started = asyncio.get_running_loop().time()
    gathered = await from_both(client, None, seconds=0.3)
    assert asyncio.get_running_loop().time() - started < 1
    assert resource(QUERY_BY_KEY["problems"]) in gathered.resources
    assert gathered.missing_required == ("levels", "transaminases", "exposures")
    assert gap_texts(gathered)["allergies"] == "Allergies could not be read: the server did not answer in time"


SPECIMEN = {"resourceType": "Specimen", "id": "s1", "collection": {"collectedDateTime": "2026-01-15T12:00:00Z"}}


def drawn(number: int) -> dict[str, Any]:
    return level(f"o{number}", specimen={"reference": f"Specimen/s{number}"})


@respx.mock
async def test_specimens_of_levels_are_read(client: FhirClient) -> None:
    respx.get(f"{BASE}/Specimen/s1").mock(return_value=httpx.Response(200, json=SPECIMEN))
    gathered = await from_both(client, full(levels=bundle(drawn(1))))
    assert gathered.resources[-1] == SPECIMEN
    assert gathered.gaps == ()


@respx.mock
async def test_specimens_that_cannot_be_read_are_one_gap(client: FhirClient) -> None:
    respx.get(url__startswith=f"{BASE}/Specimen/").mock(return_value=httpx.Response(403))
    gathered = await from_both(client, full(levels=bundle(drawn(1), drawn(2))))
    assert [gap.text for gap in gathered.gaps] == [
        "2 specimens (collection times) could not be read: the server answered 403"
    ]
    assert gathered.missing_required == ()


@respx.mock
@pytest.mark.parametrize(
    ("status", "cut_short", "faults"),
    [
        (500, ("levels",), {"levels": FaultKind.SERVER_ERROR}),
        (429, ("levels",), {"levels": FaultKind.RATE_LIMITED}),
        (403, (), {}),
        (404, (), {}),
    ],
)
async def test_levels_whose_specimens_cannot_be_read_just_now_are_read_in_part(
    client: FhirClient, status: int, cut_short: tuple[str, ...], faults: dict[str, FaultKind]
) -> None:
    respx.get(url__startswith=f"{BASE}/Specimen/").mock(return_value=httpx.Response(status))
    gathered = await from_both(client, full(levels=bundle(drawn(1))))
    assert (gathered.cut_short, gathered.faults, gathered.missing_required) == (cut_short, faults, ())


@respx.mock
async def test_references_are_read_up_to_a_limit_and_that_is_said(client: FhirClient) -> None:
    route = respx.get(url__startswith=f"{BASE}/Specimen/").mock(return_value=httpx.Response(404))
    gathered = await from_both(client, full(levels=bundle(*map(drawn, range(25)))))
    assert route.call_count == 20
    assert sorted(gap.text.split()[0] for gap in gathered.gaps) == ["20", "5"]


async def test_references_without_a_server_are_a_gap() -> None:
    gathered = await from_prefetch(full(levels=bundle(drawn(1))))
    assert [(gap.kind, gap.about) for gap in gathered.gaps] == [(GapKind.UNUSABLE_TIME, "acetaminophen")]
    assert gathered.missing_required == ()


@pytest.mark.parametrize("key", ["levels", "transaminases", "exposures"])
@pytest.mark.parametrize("code", [None, [], {}, {"coding": []}, {"coding": [7]}, "x" * 0])
async def test_a_result_that_does_not_say_what_it_is_is_told(key: str, code: Any) -> None:
    nameless = {"resourceType": "Observation", "id": "o9", "code": code}
    gathered = await from_prefetch(full(**{key: bundle(nameless)}))
    (gap,) = gathered.gaps
    assert (gap.kind, gap.about) == (GapKind.UNREADABLE, QUERY_BY_KEY[key].about)


async def test_a_medication_without_a_name_is_not_a_result() -> None:
    gathered = await from_prefetch(full(allergies=bundle({"resourceType": "AllergyIntolerance", "id": "a9"})))
    assert gathered.gaps == ()
