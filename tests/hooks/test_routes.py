"""Calls through HTTP: which data are used, what is missing, what failure looks like, what is logged."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests import builders
from tests.hooks.service import (
    HOOK_INSTANCE,
    NOW,
    PATIENT,
    SELECT,
    VIEW,
    Json,
    bundle,
    issues,
    order,
    prefetch,
    service,
    topics,
    view,
)

if TYPE_CHECKING:
    from datetime import datetime

FHIR = "https://fhir.test/r4"
TOKEN = "secret-token-1"  # noqa: S105 - not a secret


def fhir_server(requests: list[httpx.Request], **answers: Any) -> Any:
    """A FHIR server that records what it is asked and answers a type with a Bundle, a status or an exception."""

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        resource_type = request.url.path.removeprefix("/r4/").partition("/")[0]
        answer = answers.get(resource_type, bundle())
        if isinstance(answer, int):
            return httpx.Response(answer)
        if resource_type == "Patient":
            answer = builders.patient(PATIENT, name="Routes", birth_date="1990-05-14")
        return httpx.Response(200, json=answer)

    return handle


async def test_on_prefetch_alone_nothing_is_fetched() -> None:
    async with service() as client:
        answer = await client.post(VIEW, json=view(prefetch=prefetch(level=120)))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert topics(answer) == ["indicated"]


async def test_an_unrelated_patient_gets_an_empty_list() -> None:
    nothing = prefetch(levels=None, transaminases=None, exposures=None, problems=None)
    async with service() as client:
        answer = await client.post(VIEW, json=view(prefetch=nothing))
    assert answer.json() == {"cards": []}


async def test_what_prefetch_lacks_is_searched() -> None:
    asked: list[httpx.Request] = []
    async with service(fhir_server(asked), allowed_fhir_servers=(FHIR,)) as client:
        answer = await client.post(VIEW, json=view(fhirServer=FHIR, prefetch=prefetch(transaminases=...)))
    assert [request.url.path for request in asked] == ["/r4/Observation"]
    assert topics(answer) == ["data-needed"]


async def test_without_prefetch_everything_is_searched() -> None:
    asked: list[httpx.Request] = []
    async with service(fhir_server(asked), allowed_fhir_servers=(FHIR,)) as client:
        answer = await client.post(VIEW, json=view(fhirServer=f"{FHIR}/", prefetch=...))
    assert answer.json() == {"cards": []}
    assert {request.url.path for request in asked} >= {"/r4/Patient/p1", "/r4/Condition", "/r4/Observation"}


SERVERS = [
    pytest.param({"fhirServer": FHIR, "fhirAuthorization": {"access_token": TOKEN}}, "fhir.test", TOKEN, id="named"),
    pytest.param({"fhirServer": FHIR}, "fhir.test", None, id="named without a token"),
    pytest.param({}, "default.test", None, id="none named"),
    pytest.param({"fhirAuthorization": {"access_token": TOKEN}}, "default.test", None, id="a token for nobody"),
]


@pytest.mark.parametrize(("members", "host", "token"), SERVERS)
async def test_the_token_goes_to_the_server_it_came_with(members: Json, host: str, token: str | None) -> None:
    asked: list[httpx.Request] = []
    both: Json = {"allowed_fhir_servers": (FHIR,), "default_fhir_server": "https://default.test/r4"}
    async with service(fhir_server(asked), **both) as client:
        await client.post(VIEW, json=view(prefetch=..., **members))
    assert {request.url.host for request in asked} == {host}
    wanted = None if token is None else f"Bearer {token}"
    assert {request.headers.get("authorization") for request in asked} == {wanted}


@pytest.mark.parametrize(
    "server", ["https://evil.test/r4", "https://fhir.test/r4x", "https://fhir.test.evil.test/r4", "ftp://x", "nonsense"]
)
async def test_a_server_that_is_not_allowed_is_never_asked(server: str) -> None:
    both: Json = {"allowed_fhir_servers": (FHIR,), "default_fhir_server": "https://default.test/r4"}
    async with service(**both) as client:
        answer = await client.post(VIEW, json=view(fhirServer=server, prefetch=prefetch(problems=None, levels=...)))
        complete = await client.post(VIEW, json=view(fhirServer=server))
    assert answer.status_code == 412
    assert [issue["expression"] for issue in issues(answer)] == [["prefetch.levels"], ["fhirServer"]]
    assert topics(complete) == ["not-indicated"]


async def test_without_any_data_every_required_key_is_named() -> None:
    async with service() as client:
        answer = await client.post(VIEW, json=view(prefetch=...))
    assert answer.status_code == 412
    named = [issue["expression"][0] for issue in issues(answer)]
    assert named == [f"prefetch.{key}" for key in ("patient", "levels", "transaminases", "exposures", "problems")]


@pytest.mark.parametrize("key", ["transaminases", "exposures"])
async def test_an_error_must_not_hide_a_treatment(key: str) -> None:
    async with service() as client:
        answer = await client.post(VIEW, json=view(prefetch=prefetch(level=120, **{key: ...})))
    assert topics(answer) == ["indicated"]
    gaps = answer.json()["cards"][0]["extension"]["org.nac-cds.assessment"]["data_gaps"]
    assert any(gap["kind"] == "not-fetched" for gap in gaps)


@pytest.mark.parametrize("status", [401, 403, 404, 500])
async def test_a_failing_server_is_412_for_required_data(status: int) -> None:
    asked: list[httpx.Request] = []
    async with service(fhir_server(asked, Condition=status), allowed_fhir_servers=(FHIR,)) as client:
        answer = await client.post(VIEW, json=view(fhirServer=FHIR, prefetch=...))
    assert answer.status_code == 412
    assert [issue["expression"] for issue in issues(answer)] == [["prefetch.problems"]]
    assert str(status) in issues(answer)[0]["diagnostics"]


async def test_a_failing_server_is_a_gap_for_optional_data() -> None:
    asked: list[httpx.Request] = []
    async with service(fhir_server(asked, AllergyIntolerance=403), allowed_fhir_servers=(FHIR,)) as client:
        answer = await client.post(VIEW, json=view(fhirServer=FHIR, prefetch=prefetch(level=120, allergies=...)))
    assert topics(answer) == ["indicated"]
    gaps = answer.json()["cards"][0]["extension"]["org.nac-cds.assessment"]["data_gaps"]
    assert any(gap["about"] == "allergies" and "403" in gap["text"] for gap in gaps)


async def test_the_whole_call_keeps_its_deadline() -> None:
    async def hangs(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(30)
        return httpx.Response(500)

    settings: Json = {"allowed_fhir_servers": (FHIR,), "deadline_seconds": 0.5, "fhir_timeout_seconds": 20}
    started = time.monotonic()
    async with service(hangs, **settings) as client:
        answer = await client.post(VIEW, json=view(fhirServer=FHIR, prefetch=...))
    assert answer.status_code == 412
    assert time.monotonic() - started < 5


async def test_a_drafted_medication_is_read_by_reference() -> None:
    medication = {
        "resourceType": "Medication",
        "id": "nac",
        "code": builders.concept(builders.NAC_INJECTION),
    }
    draft = builders.draft_order("unidentifiable", PATIENT) | {"medicationReference": {"reference": "Medication/nac"}}
    body = order("unidentifiable", draftOrders={"resourceType": "Bundle", "entry": [{"resource": draft}]})
    asked: list[httpx.Request] = []
    async with service(fhir_server(asked, Medication=medication), allowed_fhir_servers=(FHIR,)) as client:
        found = await client.post(SELECT, json=body | {"fhirServer": FHIR})
        unknown = await client.post(SELECT, json=body)
    assert [request.url.path for request in asked] == ["/r4/Medication/nac"]
    assert topics(found) == ["caution"]
    assert topics(unknown) == ["data-needed"]


async def test_patient_id_may_be_a_reference() -> None:
    async with service() as client:
        answer = await client.post(VIEW, json=view(context={"patientId": f"Patient/{PATIENT}"}))
    assert topics(answer) == ["not-indicated"]


async def test_the_clock_decides_not_the_date_of_the_test() -> None:
    later = NOW.replace(year=2028)
    async with service(clock=lambda: later) as client:
        answer = await client.post(VIEW, json=view())
    assert answer.json() == {"cards": []}


def _failing_clock() -> datetime:
    msg = "Alice Example, 182 mg/L"
    raise RuntimeError(msg)


async def test_the_unforeseen_is_a_500_that_tells_nothing_of_the_patient(caplog: pytest.LogCaptureFixture) -> None:
    async with service(clock=_failing_clock) as client:
        answer = await client.post(VIEW, json=view(), headers={"Origin": "https://ehr.test"})
        metrics = await client.get("/metrics")
    assert answer.status_code == 500
    assert issues(answer)[0]["code"] == "exception"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert 'cds_faults_total{kind="unexpected"} 1.0' in metrics.text
    assert "RuntimeError" in caplog.text
    assert HOOK_INSTANCE in caplog.text
    assert "Alice" not in caplog.text + answer.text


async def test_the_audit_line_names_rules_and_nobody(caplog: pytest.LogCaptureFixture) -> None:
    body = view(
        prefetch=prefetch(level=120), fhirServer="https://hospital.test", fhirAuthorization={"access_token": TOKEN}
    )
    with caplog.at_level(logging.INFO, "cds_service.audit"):
        async with service() as client:
            await client.post(VIEW, json=body)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "cds_service.audit"]
    entry = json.loads(line)
    assert entry["service"] == "iv-nac-patient-view"
    assert entry["hook_instance"] == HOOK_INSTANCE
    assert entry["category"] == "indicated"
    assert any(rule.startswith("B1-") for rule in entry["rules"])
    assert entry["timings_ms"].keys() >= {"gather", "map", "assess"}
    cards = [{**card, "id": "drawn by lot"} for card in entry["cards"]]
    for secret in (PATIENT, TOKEN, "120", "hospital.test", "1990"):
        assert f'"{secret}' not in line
        assert secret not in json.dumps({**entry, "timings_ms": {}, "total_ms": 0, "cards": cards})


async def test_free_text_as_hook_instance_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "cds_service.audit"):
        async with service() as client:
            await client.post(VIEW, json=view(hookInstance="for Alice Example"))
    assert "Alice" not in caplog.text


async def test_silence_is_recorded_as_a_decision(caplog: pytest.LogCaptureFixture) -> None:
    nothing = prefetch(levels=None, transaminases=None, exposures=None, problems=None)
    with caplog.at_level(logging.INFO, "cds_service.audit"):
        async with service() as client:
            await client.post(VIEW, json=view(prefetch=nothing))
    assert json.loads(caplog.records[-1].getMessage())["silence"] == "outside the population"


async def test_calls_are_counted() -> None:
    async with service() as client:
        await client.post(VIEW, json=view())
        await client.post(VIEW, json=view(prefetch=...))
        await client.post("/cds-services/made-up", json=view())
        metrics = (await client.get("/metrics")).text
    hook = 'hook="patient-view",service="iv-nac-patient-view"'
    assert f'cds_calls_total{{category="not-indicated",{hook},status="200"}} 1.0' in metrics
    assert f'cds_calls_total{{category="none",{hook},status="412"}} 1.0' in metrics
    assert 'service="unknown",status="404"} 1.0' in metrics
    assert "made-up" not in metrics


METHODS = [("GET", VIEW, 405), ("PUT", VIEW, 405), ("POST", "/cds-services", 405), ("GET", "/nowhere", 404)]


@pytest.mark.parametrize(("method", "path", "status"), METHODS)
async def test_the_frameworks_refusals_are_outcomes_too(method: str, path: str, status: int) -> None:
    async with service() as client:
        answer = await client.request(method, path, headers={"Origin": "https://ehr.test"})
    assert answer.status_code == status
    assert issues(answer)
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_a_trailing_slash_does_not_lose_the_body() -> None:
    async with service() as client:
        answer = await client.post(f"{VIEW}/", json=view(), follow_redirects=False)
    assert topics(answer) == ["not-indicated"]


async def test_browsers_may_ask_first() -> None:
    headers = {
        "Origin": "https://ehr.test",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,authorization",
    }
    async with service(cors_origins=("https://ehr.test",)) as client:
        allowed = await client.options(VIEW, headers=headers)
        foreign = await client.options(VIEW, headers=headers | {"Origin": "https://other.test"})
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == "https://ehr.test"
    assert "access-control-allow-credentials" not in allowed.headers
    assert "access-control-allow-origin" not in foreign.headers


async def test_operations_endpoints_answer() -> None:
    async with service(playground=False) as client:
        health, ready, landing = [await client.get(path) for path in ("/healthz", "/readyz", "/")]
        openapi = (await client.get("/openapi.json")).json()
        docs = await client.get("/docs")
    assert health.json() == {"status": "ok"}
    assert ready.json()["status"] == "ready"
    assert landing.json()["endpoints"]["discovery"] == "/cds-services"
    assert docs.status_code == 200
    call = openapi["paths"]["/cds-services/{service_id}"]["post"]
    assert "422" not in call["responses"]
    assert {"200", "400", "412", "413"} <= call["responses"].keys()
    assert "example" in call["requestBody"]["content"]["application/json"]
