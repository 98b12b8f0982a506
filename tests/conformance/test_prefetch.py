"""The states a prefetch key can be in, for required and for optional keys, with and without a server to ask."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cds_service.fhir.queries import QUERIES, QUERY_BY_KEY
from tests.conformance.requirement import BALLOT, Level, shows
from tests.hooks.service import PATIENT, VIEW, Json, bundle, issues, prefetch, service, topics, view

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.asyncio(loop_scope="module")

FHIR = "https://fhir.test/r4"
TOKEN = "opaque-token"  # noqa: S105 - not a secret
OUTCOME: Json = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden"}]}

REQUIRED = [query.key for query in QUERIES if query.required]
SEARCHED = [query.key for query in QUERIES if query.required and not query.is_read]
OPTIONAL = [query.key for query in QUERIES if not query.required and not query.is_quiet]

UNRELATED = prefetch(levels=None, transaminases=None, exposures=None, problems=None)

FAILED = [pytest.param(..., id="absent"), pytest.param(OUTCOME, id="OperationOutcome")]
NO_DATA = [pytest.param(None, id="null"), pytest.param(bundle(), id="empty Bundle")]


def with_next(value: Json | None, address: str = f"{FHIR}?page=2") -> Json:
    page = copy.deepcopy(value or bundle())
    return page | {"link": [{"relation": "next", "url": address}]}


def chart(key: str, value: Any, **changes: Any) -> Json:
    """A complete prefetch but for one key, of a patient whom no lack of data makes one to treat.

    The level is so low that it calls for nothing at any hour. Without it, the overdose 9 h ago alone calls for
    treatment, so the overdose is left out then.
    """
    otherwise = {"problems": None} if key == "levels" else {}
    return prefetch(level=5, **(otherwise | changes | {key: value}))


def gaps(answer: httpx.Response) -> list[Json]:
    found: list[Json] = answer.json()["cards"][0]["extension"]["org.nac-cds.assessment"]["data_gaps"]
    return found


def recorded(asked: list[httpx.Request], status: int = 200) -> Callable[[httpx.Request], httpx.Response]:
    """A FHIR server that holds the patient alone, or fails at everything."""

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if status != httpx.codes.OK:
            return httpx.Response(status)
        is_read = request.url.path.startswith("/r4/Patient/")
        return httpx.Response(200, json=prefetch()["patient"] if is_read else bundle())

    return handle


@shows("P1", "Prefetch Template", Level.MUST, "Prefetched data are used as given; nothing is asked for again.")
async def test_a_complete_prefetch_needs_no_server() -> None:
    asked: list[httpx.Request] = []
    async with service(recorded(asked), allowed_fhir_servers=(FHIR,)) as client:
        answer = await client.post(VIEW, json=view(fhirServer=FHIR))
    assert topics(answer) == ["not-indicated"]
    assert asked == []


@shows("P2", "Prefetch Template", Level.MUST, "412 when required data are neither prefetched nor to be had elsewhere.")
@shows("P3", "Prefetch Template", Level.SHOULD, "An OperationOutcome among the prefetched data is noticed.")
@shows("P4", "Returning OperationOutcome", Level.SHOULD, "The 412 says which key is missing.", source=BALLOT)
@pytest.mark.parametrize("value", FAILED)
@pytest.mark.parametrize("key", REQUIRED)
async def test_a_required_key_that_cannot_be_had_is_412(client: httpx.AsyncClient, key: str, value: Any) -> None:
    answer = await client.post(VIEW, json=view(prefetch=chart(key, value)))
    assert answer.status_code == 412
    assert [issue["expression"] for issue in issues(answer)] == [[f"prefetch.{key}"]]


@shows("P5", "Prefetch Template", Level.HOUSE, "An optional key that cannot be had is a gap named on the card.")
@pytest.mark.parametrize("value", FAILED)
@pytest.mark.parametrize("key", OPTIONAL)
async def test_an_optional_key_that_cannot_be_had_is_named(client: httpx.AsyncClient, key: str, value: Any) -> None:
    answer = await client.post(VIEW, json=view(prefetch=chart(key, value, levels=prefetch(120)["levels"])))
    assert topics(answer) == ["indicated"]
    assert any(gap["kind"] == "not-fetched" and gap["about"] == QUERY_BY_KEY[key].about for gap in gaps(answer))


@shows("P6", "Prefetch Template", Level.MUST, "null, and a Bundle without entries, mean that there are no such data.")
@pytest.mark.parametrize("value", NO_DATA)
async def test_no_data_is_an_answer(value: Any) -> None:
    asked: list[httpx.Request] = []
    async with service(recorded(asked), allowed_fhir_servers=(FHIR,)) as client:
        for key in (*SEARCHED, *OPTIONAL):
            answer = await client.post(VIEW, json=view(fhirServer=FHIR, prefetch=chart(key, value)))
            assert answer.status_code == 200, key
            assert asked == [], key


@shows("P7", "Prefetch Template", Level.MUST, "A null patient is no patient: it is read from the server, or is 412.")
async def test_a_null_patient_is_read_again() -> None:
    asked: list[httpx.Request] = []
    async with service(recorded(asked), allowed_fhir_servers=(FHIR,)) as client:
        with_server = await client.post(VIEW, json=view(fhirServer=FHIR, prefetch=prefetch(patient=None)))
        without = await client.post(VIEW, json=view(prefetch=prefetch(patient=None)))
    assert [request.url.path for request in asked] == [f"/r4/Patient/{PATIENT}"]
    assert topics(with_server) == ["not-indicated"]
    assert without.status_code == 412


@shows("P8", "Prefetch Template", Level.MUST, "What the prefetch lacks is retrieved by the service, key by key.")
@pytest.mark.parametrize("value", FAILED)
async def test_what_is_missing_is_asked_for(value: Any) -> None:
    asked: list[httpx.Request] = []
    async with service(recorded(asked), allowed_fhir_servers=(FHIR,)) as client:
        for key in (*REQUIRED, *OPTIONAL):
            asked.clear()
            answer = await client.post(VIEW, json=view(fhirServer=FHIR, prefetch=chart(key, value)))
            assert answer.status_code == 200, key
            assert {request.url.path.split("/")[2] for request in asked} == {QUERY_BY_KEY[key].resource_type}


@shows(
    "P9", "FHIR Resource Access", Level.MUST, "The access token goes with each request to the server it was given for."
)
async def test_the_token_is_presented() -> None:
    asked: list[httpx.Request] = []
    authorization = {
        "access_token": TOKEN,
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "user/Observation.read",
        "subject": "cds-service",
    }
    async with service(recorded(asked), allowed_fhir_servers=(FHIR,)) as client:
        body = view(fhirServer=FHIR, fhirAuthorization=authorization, prefetch=...)
        await client.post(VIEW, json=body)
    assert {request.headers["authorization"] for request in asked} == {f"Bearer {TOKEN}"}
    assert {request.url.host for request in asked} == {"fhir.test"}


@shows("P10", "HTTP Status Codes", Level.MUST, "412 when a server had to be asked and failed; never an empty list.")
@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 500])
async def test_a_required_key_whose_request_fails_is_412(status: int) -> None:
    asked: list[httpx.Request] = []
    async with service(recorded(asked, status), allowed_fhir_servers=(FHIR,)) as client:
        for key in REQUIRED:
            asked.clear()
            answer = await client.post(VIEW, json=view(fhirServer=FHIR, prefetch=chart(key, ...)))
            assert asked
            assert answer.status_code == 412, key
            assert issues(answer)[0]["expression"] == [f"prefetch.{key}"]


@shows("P11", "Prefetch Template", Level.MUST, "Prefetched results may be paged: the next pages are followed.")
@pytest.mark.parametrize("key", SEARCHED)
async def test_the_next_page_of_a_prefetch_is_followed(key: str) -> None:
    asked: list[httpx.Request] = []
    async with service(recorded(asked), allowed_fhir_servers=(FHIR,)) as client:
        body = view(fhirServer=FHIR, prefetch=prefetch() | {key: with_next(prefetch()[key])})
        answer = await client.post(VIEW, json=body)
    assert [str(request.url) for request in asked] == [f"{FHIR}?page=2"]
    assert topics(answer) == ["not-indicated"]


@shows("P12", "Prefetch Template", Level.HOUSE, "A page that cannot be followed is never taken for the whole.")
@pytest.mark.parametrize("address", [f"{FHIR}?page=2", "https://elsewhere.test/r4?page=2", ""])
@pytest.mark.parametrize("key", SEARCHED)
@pytest.mark.parametrize("base", [prefetch(), UNRELATED], ids=["below the line", "unrelated"])
async def test_a_page_that_cannot_be_followed_is_never_calm(
    client: httpx.AsyncClient, base: Json, key: str, address: str
) -> None:
    answer = await client.post(VIEW, json=view(prefetch=base | {key: with_next(base[key], address)}))
    if answer.status_code == 200:
        assert topics(answer) not in ([], ["not-indicated"])
        assert any(gap["kind"] == "truncated" and gap["about"] == QUERY_BY_KEY[key].about for gap in gaps(answer))
    else:
        assert answer.status_code == 412
        assert [issue["expression"] for issue in issues(answer)] == [[f"prefetch.{key}"]]
        assert "first page" in issues(answer)[0]["diagnostics"]


@shows("P13", "Prefetch Template", Level.MUST, "Keys that were not asked for, and their contents, are left alone.")
@pytest.mark.parametrize("value", [None, "text", 7, [], OUTCOME, {"resourceType": "Bundle", "entry": "x"}])
async def test_keys_nobody_asked_for_change_nothing(client: httpx.AsyncClient, value: Any) -> None:
    answer = await client.post(VIEW, json=view(prefetch=prefetch(unasked=value, Levels=value, LEVELS=value)))
    assert topics(answer) == ["not-indicated"]


@shows("P14", "Calling a CDS Service", Level.MUST, "`prefetch`, `fhirServer` and `fhirAuthorization` may be left out.")
@pytest.mark.parametrize("unset", [..., None], ids=["absent", "null"])
async def test_a_call_without_optional_members(unset: Any) -> None:
    asked: list[httpx.Request] = []
    async with service(recorded(asked), default_fhir_server=FHIR) as client:
        answer = await client.post(VIEW, json=view(prefetch=unset, fhirServer=unset, fhirAuthorization=unset))
    assert answer.json() == {"cards": []}
    assert len(asked) == len(QUERIES)


@shows("P15", "HTTP Status Codes", Level.HOUSE, "An error never hides a treatment: what is at hand may suffice.")
@pytest.mark.parametrize("key", ["transaminases", "exposures"])
async def test_a_treatment_is_not_hidden_behind_a_412(client: httpx.AsyncClient, key: str) -> None:
    answer = await client.post(VIEW, json=view(prefetch=prefetch(level=120, **{key: ...})))
    assert topics(answer) == ["indicated"]
    assert any(gap["about"] == QUERY_BY_KEY[key].about for gap in gaps(answer))
