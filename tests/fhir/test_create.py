"""Storing one resource: sent once, never doubled, and every way it can fail told apart from success."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import respx

from cds_service.fhir.circuit import Circuits
from cds_service.fhir.client import FhirClient
from cds_service.fhir.exchange import FetchLimits
from cds_service.fhir.fetched import Created, FaultKind
from cds_service.fhir.outbound import open_http
from cds_service.fhir.queries import QUERY_BY_KEY
from cds_service.fhir.servers import FhirServer
from cds_service.sandbox.server import fhir_app
from cds_service.sandbox.store import ResourceStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

BASE = "https://fhir.example.org/r4"
SERVER = FhirServer(BASE, token="token-1")  # noqa: S106 - not a real token
LIMITS = FetchLimits(request_seconds=0.2, backoff_seconds=0.01)
RESOURCE = {
    "resourceType": "MedicationStatement",
    "identifier": [{"system": "https://app.test/smart/app", "value": "key-1"}],
    "subject": {"reference": "Patient/p1"},
}


def soon() -> float:
    return asyncio.get_running_loop().time() + 5


async def created(handler: Callable[[httpx.Request], Any], server: FhirServer = SERVER) -> Created:
    async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as pool:
        return await FhirClient(pool, LIMITS).create(server, RESOURCE, soon())


LOCATIONS = [
    (f"{BASE}/MedicationStatement/7/_history/1", "MedicationStatement/7"),
    (f"{BASE}/MedicationStatement/7", "MedicationStatement/7"),
    ("MedicationStatement/7", "MedicationStatement/7"),
    ("https://elsewhere.test/MedicationStatement/7", ""),
    ("javascript:alert(1)", ""),
    ("", ""),
]


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize(("location", "reference"), LOCATIONS)
async def test_a_stored_resource_is_named_as_the_server_names_it(status: int, location: str, reference: str) -> None:
    answer = await created(lambda _: httpx.Response(status, headers={"Location": location}))
    assert answer == Created(reference)


async def test_it_is_sent_to_its_type_with_the_token_and_the_condition() -> None:
    sent: list[httpx.Request] = []

    def store(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(201)

    await created(store)
    (request,) = sent
    assert (request.method, str(request.url)) == ("POST", f"{BASE}/MedicationStatement")
    assert request.headers["authorization"] == "Bearer token-1"
    assert request.headers["content-type"] == "application/fhir+json"
    assert request.headers["if-none-exist"] == "identifier=https%3A%2F%2Fapp.test%2Fsmart%2Fapp%7Ckey-1"


def outcome(status: int) -> httpx.Response:
    issue = [{"severity": "error", "code": "business-rule", "diagnostics": "patient Jane Doe"}]
    return httpx.Response(status, json={"resourceType": "OperationOutcome", "issue": issue})


async def silent(_: httpx.Request) -> httpx.Response:
    await asyncio.sleep(30)
    return httpx.Response(201)


def breaking(_: httpx.Request) -> httpx.Response:
    raise httpx.ReadError(message="")


def answering(response: httpx.Response) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: response


FAULTS: list[Any] = [
    pytest.param(answering(httpx.Response(401)), FaultKind.UNAUTHORIZED, "answered 401", id="401"),
    pytest.param(answering(httpx.Response(403)), FaultKind.FORBIDDEN, "answered 403", id="403"),
    pytest.param(answering(outcome(422)), FaultKind.UNSUPPORTED, "error report (business-rule)", id="422"),
    pytest.param(answering(httpx.Response(422, json=[])), FaultKind.UNSUPPORTED, "answered 422", id="a list"),
    pytest.param(answering(httpx.Response(422, text="<b>")), FaultKind.UNSUPPORTED, "answered 422", id="HTML"),
    pytest.param(answering(httpx.Response(422, json={"resourceType": "Bundle"})), FaultKind.UNSUPPORTED, "422", id="b"),
    pytest.param(answering(httpx.Response(429)), FaultKind.RATE_LIMITED, "answered 429", id="429"),
    pytest.param(answering(httpx.Response(503)), FaultKind.SERVER_ERROR, "answered 503", id="503"),
    pytest.param(answering(httpx.Response(202)), FaultKind.UNSUPPORTED, "answered 202", id="202"),
    pytest.param(answering(httpx.Response(302, headers={"Location": "/x"})), FaultKind.REDIRECTED, "302", id="302"),
    pytest.param(breaking, FaultKind.UNREACHABLE, "could not be reached", id="broken"),
    pytest.param(silent, FaultKind.TIMEOUT, "in time", id="silent"),
]


@pytest.mark.parametrize(("handler", "kind", "words"), FAULTS)
async def test_what_was_not_stored_is_told_and_sent_once(
    handler: Callable[[httpx.Request], Any], kind: FaultKind, words: str
) -> None:
    count = 0

    async def counted(request: httpx.Request) -> httpx.Response:
        nonlocal count
        count += 1
        answer: httpx.Response | Awaitable[httpx.Response] = handler(request)
        return answer if isinstance(answer, httpx.Response) else await answer

    answer = await created(counted)
    assert answer.fault is not None
    assert answer.fault.kind is kind
    assert words in answer.fault.words
    assert "Jane" not in answer.fault.words
    assert count == 1


async def test_nothing_is_sent_in_the_clear() -> None:
    answer = await created(answering(httpx.Response(201)), FhirServer("http://fhir.example.org/r4", "token-1"))
    assert answer.fault is not None
    assert answer.fault.kind is FaultKind.NOT_ALLOWED


@respx.mock(assert_all_called=False)
async def test_a_slow_store_does_not_stop_the_reading(respx_mock: respx.MockRouter) -> None:
    respx_mock.post(f"{BASE}/MedicationStatement").mock(side_effect=silent)
    respx_mock.get(url__startswith=f"{BASE}/Condition").respond(json={"resourceType": "Bundle"})
    async with open_http(LIMITS.request_seconds) as pool:
        client = FhirClient(pool, LIMITS, Circuits())
        lost = await client.create(SERVER, RESOURCE, soon())
        assert lost.fault is not None
        assert (await client.search(SERVER, QUERY_BY_KEY["problems"], "p1", soon())).is_complete


async def test_the_embedded_server_stores_it_once() -> None:
    store = ResourceStore()
    transport = httpx.ASGITransport(fhir_app(store))
    async with httpx.AsyncClient(transport=transport) as pool:
        client, server = FhirClient(pool), FhirServer("http://127.0.0.1:8000")
        first = await client.create(server, RESOURCE, soon())
        assert first == await client.create(server, RESOURCE, soon())
        other = RESOURCE | {"identifier": [{"system": "https://app.test/smart/app", "value": "key-2"}]}
        assert first != await client.create(server, other, soon())
    assert len(store.all("MedicationStatement")) == 2
