"""The embedded FHIR server, asked as any FHIR server is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.operationoutcome import OperationOutcome
from starlette.applications import Starlette

from cds_service.fhir.client import FhirClient
from cds_service.fhir.exchange import FetchLimits
from cds_service.fhir.queries import QUERIES, Query
from cds_service.fhir.servers import FhirServer
from cds_service.sandbox.server import fhir_app, sandbox_routes
from cds_service.sandbox.store import RESOURCE_TYPES, ResourceStore, UnstorableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LOINC = "http://loinc.org"
BASE = "http://127.0.0.1:8000/fhir"


def level(
    logical_id: str, *, patient: str = "p1", at: str = "2026-01-15T12:00:00Z", code: str = "3298-7"
) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": logical_id,
        "status": "final",
        "category": [{"coding": [{"system": "urn:category", "code": "laboratory"}]}],
        "code": {"coding": [{"system": LOINC, "code": code}, {"system": "urn:local", "code": "APAP"}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": at,
    }


def condition(logical_id: str, status: str) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": logical_id,
        "clinicalStatus": {"coding": [{"code": status}]},
        "subject": {"reference": "http://elsewhere.example/fhir/Patient/p1"},
    }


def put(resource: dict[str, Any], method: str = "PUT", url: str | None = None) -> dict[str, Any]:
    url = url or f"{resource['resourceType']}/{resource['id']}"
    return {"resource": resource, "request": {"method": method, "url": url}}


@pytest.fixture
def store() -> ResourceStore:
    levels = [level(f"o{number:02}", at=f"2026-01-15T{number:02}:00:00Z") for number in range(12)]
    allergy = {"resourceType": "AllergyIntolerance", "id": "a1", "patient": {"reference": "Patient/p1"}}
    others = [
        {"resourceType": "Patient", "id": "p1"},
        level("alt", code="1742-6"),
        level("foreign", patient="p10"),
        condition("c1", "active"),
        condition("c2", "resolved"),
        allergy,
    ]
    return ResourceStore([*levels, *others])


@pytest.fixture
async def fhir(store: ResourceStore) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=sandbox_routes("/fhir", store))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000/fhir/") as client:
        yield client


def ids(bundle: dict[str, Any]) -> list[str]:
    return [entry["resource"]["id"] for entry in bundle.get("entry", ()) if entry["search"]["mode"] == "match"]


async def found(fhir: httpx.AsyncClient, query: str) -> list[str]:
    response = await fhir.get(query)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/fhir+json"
    Bundle.model_validate(response.json())
    return ids(response.json())


async def test_read(fhir: httpx.AsyncClient) -> None:
    response = await fhir.get("Patient/p1")
    assert response.json() == {"resourceType": "Patient", "id": "p1", "meta": {"versionId": "1"}}
    assert response.headers["content-type"] == "application/fhir+json"
    assert response.headers["etag"] == 'W/"1"'


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"Observation?patient=p1&code={LOINC}|1742-6", {"alt"}),
        ("Observation?patient=p1&code=1742-6", {"alt"}),
        ("Observation?patient=Patient/p10", {"foreign"}),
        ("Observation?subject=http://x/fhir/Patient/p10", {"foreign"}),
        ("Observation?patient=p10,p1&code=1742-6,9999-9&patient=p1", {"alt"}),
        (f"Observation?patient=p10&code={LOINC}|1742-6,{LOINC}|3298-7", {"foreign"}),
        ("Observation?patient=p10&code=urn:local|APAP", {"foreign"}),
        ("Observation?patient=p10&code=urn:other|APAP", set()),
        ("Observation?patient=p10&code=|APAP", set()),
        ("Observation?patient=p10&code=urn:local|", {"foreign"}),
        ("Observation?patient=p10&category=laboratory&status=final", {"foreign"}),
        ("Observation?patient=p10&category=vital-signs", set()),
        ("Observation?patient=p10&status=preliminary", set()),
        ("Observation?patient=p", set()),
        ("Observation?_id=alt,foreign", {"alt", "foreign"}),
        ("Condition?patient=p1", {"c1", "c2"}),
        ("Condition?patient=p1&clinical-status=active", {"c1"}),
        ("AllergyIntolerance?patient=p1", {"a1"}),
        ("MedicationRequest?patient=p1", set()),
        ("Patient?_id=p1&_format=json", {"p1"}),
    ],
)
async def test_search(fhir: httpx.AsyncClient, query: str, expected: set[str]) -> None:
    assert set(await found(fhir, query)) == expected


async def test_search_by_post_is_the_same_search(fhir: httpx.AsyncClient) -> None:
    asked = {"patient": "p1", "code": f"{LOINC}|1742-6"}
    response = await fhir.post("Observation/_search", data=asked)
    assert ids(response.json()) == ["alt"]


async def test_newest_first(fhir: httpx.AsyncClient) -> None:
    newest = await found(fhir, "Observation?patient=p1&code=3298-7&_sort=-date&_count=2")
    oldest = await found(fhir, "Observation?patient=p1&code=3298-7&_sort=date&_count=2")
    assert (newest, oldest) == (["o11", "o10"], ["o00", "o01"])


async def test_undated_resources_come_last(fhir: httpx.AsyncClient, store: ResourceStore) -> None:
    visit = {"resourceType": "Encounter", "status": "planned", "class": {"code": "EMER"}}
    store.put(visit | {"id": "undated", "subject": {"reference": "Patient/p1"}})
    store.put(visit | {"id": "dated", "subject": {"reference": "Patient/p1"}, "period": {"start": "2026-01-01"}})
    assert await found(fhir, "Encounter?patient=p1&_sort=date") == ["dated", "undated"]
    assert await found(fhir, "Encounter?patient=p1&_sort=-date") == ["dated", "undated"]


async def test_every_resource_is_on_exactly_one_page(fhir: httpx.AsyncClient) -> None:
    url: str | None = "Observation?patient=p1&code=3298-7&_count=5"
    pages: list[list[str]] = []
    while url is not None:
        bundle = (await fhir.get(url)).json()
        assert bundle["total"] == 12
        pages.append(ids(bundle))
        url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)
        assert url is None or url.startswith(f"{BASE}/?_page=")
    assert [len(page) for page in pages] == [5, 5, 2]
    assert len({each for page in pages for each in page}) == 12


async def test_count_zero_gives_the_total_only(fhir: httpx.AsyncClient) -> None:
    bundle = (await fhir.get("Observation?patient=p1&_count=0")).json()
    assert bundle["total"] == 13
    assert "entry" not in bundle
    assert [link["relation"] for link in bundle["link"]] == ["self"]


async def test_unknown_parameters_are_ignored_and_named(fhir: httpx.AsyncClient) -> None:
    bundle = (await fhir.get("Observation?patient=p10&colour=red")).json()
    note = next(entry for entry in bundle["entry"] if entry["search"]["mode"] == "outcome")
    assert ids(bundle) == ["foreign"]
    assert "colour" in note["resource"]["issue"][0]["diagnostics"]
    assert "colour" not in bundle["link"][0]["url"]


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("GET", "Nonsense/1", 404),
        ("GET", "Nonsense?patient=p1", 404),
        ("GET", "Patient/none", 404),
        ("GET", "Observation?_count=many", 400),
        ("GET", "Observation?_count=-1", 400),
        ("GET", "Observation?_sort=colour", 400),
        ("GET", "Observation?code:in=x", 400),
        ("GET", "Observation?patient.identifier=x", 400),
        ("GET", "Observation?patient=", 400),
        ("GET", "?_page=nonsense", 400),
        ("GET", "?_page=WzEsMl0=", 400),
        ("GET", "", 400),
        ("DELETE", "Patient/p1", 405),
        ("GET", "Patient/p1/_history/1", 404),
    ],
)
async def test_errors_are_operation_outcomes(fhir: httpx.AsyncClient, method: str, url: str, status: int) -> None:
    response = await fhir.request(method, url)
    assert response.status_code == status
    OperationOutcome.model_validate(response.json())


async def test_strict_handling_refuses_unknown_parameters(fhir: httpx.AsyncClient) -> None:
    response = await fhir.get("Observation?colour=red", headers={"Prefer": "handling=strict"})
    assert response.status_code == 400


@pytest.mark.parametrize(
    ("url", "body", "status"),
    [
        ("Patient/p2", {"resourceType": "Patient", "id": "p2"}, 201),
        ("Patient/p1", {"resourceType": "Patient", "id": "p1"}, 200),
        ("Patient/p1", {"resourceType": "Patient", "id": "p2"}, 400),
        ("Patient/p1", {"resourceType": "Condition", "id": "p1"}, 400),
        ("Patient/p1", {"resourceType": "Patient"}, 400),
        ("Patient/p1", [], 400),
        ("Nonsense/p1", {"resourceType": "Nonsense", "id": "p1"}, 404),
    ],
)
async def test_update(fhir: httpx.AsyncClient, url: str, body: Any, status: int) -> None:
    response = await fhir.put(url, json=body)
    assert response.status_code == status, response.text
    assert (response.json()["resourceType"] == "OperationOutcome") is (status >= 400)


async def test_update_makes_a_new_version(fhir: httpx.AsyncClient) -> None:
    await fhir.put("Patient/p1", json={"resourceType": "Patient", "id": "p1", "gender": "female", "meta": {"tag": []}})
    resource = (await fhir.get("Patient/p1")).json()
    assert resource == {
        "resourceType": "Patient",
        "id": "p1",
        "gender": "female",
        "meta": {"tag": [], "versionId": "2"},
    }


async def test_a_conditional_create_stores_once_and_refuses_what_it_cannot_judge(fhir: httpx.AsyncClient) -> None:
    def named(logical_id: str, value: str) -> dict[str, Any]:
        return level(logical_id) | {"identifier": [{"system": "urn:x", "value": value}]}

    async def answer(condition: str) -> httpx.Response:
        return await fhir.post("/Observation", json=named("", "one"), headers={"If-None-Exist": condition})

    first, second = await answer("identifier=urn:x|one"), await answer("identifier=urn:x|one")
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.headers["location"] == second.headers["location"]
    assert first.json()["id"] == second.json()["id"]
    await fhir.post("/Observation", json=named("", "one"))
    assert (await answer("identifier=urn:x|one")).status_code == 412
    for condition in ("favourite=urn:x|one", "identifier=", "&"):
        assert (await answer(condition)).status_code == 400


async def test_create_gives_an_id(fhir: httpx.AsyncClient) -> None:
    response = await fhir.post("Condition", json={"resourceType": "Condition", "subject": {"reference": "Patient/p1"}})
    assert response.status_code == 201
    assert (await fhir.get(response.headers["location"])).json() == response.json()


async def test_a_body_that_is_not_json(fhir: httpx.AsyncClient) -> None:
    response = await fhir.put("Patient/p1", content=b"{")
    assert response.status_code == 400
    OperationOutcome.model_validate(response.json())


@pytest.mark.parametrize("url", ["", BASE, f"{BASE}/"])
async def test_transaction(fhir: httpx.AsyncClient, url: str) -> None:
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [put(level("n1")), put(level("alt"))]}
    response = await fhir.post(url, json=bundle)
    assert response.status_code == 200
    Bundle.model_validate(response.json())
    assert [entry["response"]["status"] for entry in response.json()["entry"]] == ["201", "200"]


@pytest.mark.parametrize(
    "bad",
    [
        put(level("n2"), method="DELETE"),
        put(level("n2"), url="Observation/other"),
        put({"resourceType": "Nonsense", "id": "1"}),
        {"resource": level("n2")},
        "garbage",
    ],
)
async def test_a_transaction_is_all_or_nothing_and_a_batch_is_not(fhir: httpx.AsyncClient, bad: Any) -> None:
    entries = [put(level("n1")), bad]
    refused = await fhir.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert refused.status_code in {400, 404}
    assert (await fhir.get("Observation/n1")).status_code == 404
    batch = await fhir.post("", json={"resourceType": "Bundle", "type": "batch", "entry": entries})
    assert batch.status_code == 200
    assert [entry["response"]["status"][0] for entry in batch.json()["entry"]] == ["2", "4"]
    assert (await fhir.get("Observation/n1")).status_code == 200


@pytest.mark.parametrize("body", [{"resourceType": "Bundle", "type": "collection"}, {"resourceType": "Patient"}])
async def test_other_bundles_are_refused(fhir: httpx.AsyncClient, body: Any) -> None:
    assert (await fhir.post("", json=body)).status_code == 400


async def test_capability_statement(fhir: httpx.AsyncClient) -> None:
    statement = (await fhir.get("metadata")).json()
    CapabilityStatement.model_validate(statement)
    assert statement["fhirVersion"] == "4.0.1"
    assert statement["implementation"]["url"] == BASE
    assert [resource["type"] for resource in statement["rest"][0]["resource"]] == list(RESOURCE_TYPES)


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.key)
async def test_answers_every_query_of_the_service_page_by_page(store: ResourceStore, query: Query) -> None:
    app = fhir_app(store)
    server = FhirServer("http://127.0.0.1:8000")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as http:
        client = FhirClient(http, FetchLimits())
        if query.is_read:
            fetched = await client.read(server, "Patient/p1", float("inf"))
        else:
            fetched = await client.search(server, query, "p1", float("inf"))
    assert fetched.is_complete
    expected = {"levels": 12, "otherLabs": 13, "transaminases": 1, "problems": 2, "allergies": 1, "patient": 1}
    assert len(fetched.resources) == expected.get(query.key, 0)


@pytest.mark.parametrize(
    "resource", [{}, {"resourceType": "Nonsense", "id": "1"}, {"resourceType": "Patient"}, {"id": "1"}]
)
def test_what_cannot_be_stored(resource: dict[str, Any]) -> None:
    with pytest.raises(UnstorableError):
        ResourceStore([resource])
