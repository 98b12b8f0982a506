"""The SMART app over a real FHIR server: launched, told an ingestion, written back, and read by the next hook call.

The EHR's authorization server stands in front of HAPI and lets its own tokens through.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from tests.hooks.service import HOOK_INSTANCE, NOW
from tests.web.smart_authorization import PRACTITIONER
from tests.web.smart_ehr import APP, FHIR, UNKNOWN_TIME, WRITE, action, launched

if TYPE_CHECKING:
    from starlette.requests import Request

    from cds_service.sandbox.fixtures import FixtureCase
    from tests.web.smart_ehr import Launched

pytestmark = pytest.mark.hapi

ENTER = {"action": "enter", "earliest": "2026-01-15T03:00", "product": "immediate", "amount_g": "12"}


def through(hapi: str) -> Starlette:
    """An app that passes FHIR requests on to HAPI, and its addresses back as the EHR's own."""

    async def passed_on(request: Request) -> Response:
        kept = ("content-type", "if-none-exist", "accept")
        headers = {name: value for name in kept if (value := request.headers.get(name))}
        address = f"{hapi}/{request.path_params['path']}"
        async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
            answer = await client.request(
                request.method,
                address,
                params=request.url.query,
                headers=headers,
                content=await request.body(),
            )
        back = {"Content-Type": answer.headers["content-type"]}
        back |= {"Location": answer.headers["location"].replace(hapi, FHIR)} if "location" in answer.headers else {}
        return Response(answer.text.replace(hapi, FHIR), answer.status_code, back)

    return Starlette(routes=[Route("/{path:path}", passed_on, methods=["GET", "POST"])])


@pytest.fixture
def patient(hapi: str, cases: dict[str, FixtureCase]) -> str:
    """A patient of HAPI's own for this test, whose ingestion time is unknown."""
    patient_id = f"smart-{uuid.uuid4().hex[:12]}"
    bundle = json.loads(json.dumps(cases[UNKNOWN_TIME].bundle).replace(UNKNOWN_TIME, patient_id))
    httpx.post(hapi, json=bundle, timeout=60, trust_env=False).raise_for_status()
    return patient_id


async def topics(it: Launched, patient: str) -> list[str]:
    """What the EHR's own hook call is answered."""
    authorization = {"token_type": "Bearer", "expires_in": 300, "scope": "patient/*.read", "subject": "cds"}
    call: dict[str, Any] = {
        "hook": "patient-view",
        "hookInstance": HOOK_INSTANCE,
        "context": {"userId": PRACTITIONER, "patientId": patient},
        "fhirServer": FHIR,
        "fhirAuthorization": authorization | {"access_token": it.ehr.server.tokens[0]},
    }
    answer = await it.browser.post(f"{APP}/cds-services/iv-nac-patient-view", json=call, timeout=90)
    return [card["source"]["topic"]["code"] for card in answer.json()["cards"]]


async def test_what_is_told_in_the_app_is_written_once_and_read_by_the_next_hook_call(hapi: str, patient: str) -> None:
    slow: dict[str, Any] = {"fhir_timeout_seconds": 30, "deadline_seconds": 90}
    async with launched(fhir=through(hapi), clock=lambda: NOW, smart_scopes=WRITE, **slow) as it:
        it.ehr.server.context["patient"] = patient
        it.ehr.server.claims = {}  # HAPI refuses references to users it does not hold
        page = await it.launch()
        assert 'data-topic="indicated"' in page.text, page.text
        assert await topics(it, patient) == ["indicated"]
        page = await it.post(page, **ENTER)
        assert "Entered here, not in the chart" in page.text
        assert 'data-topic="not-indicated"' in page.text
        assert await topics(it, patient) == ["indicated"]
        review = await it.post(page, action=action(page, "review"))
        done = await it.post(review, action=action(review, "write"))
        assert "Written to the chart as MedicationStatement/" in done.text, done.text
        assert "In the chart as MedicationStatement/" in done.text
        assert 'data-topic="not-indicated"' in done.text
        assert await topics(it, patient) == ["not-indicated"]


async def test_hapi_stores_a_repeated_entry_once(hapi: str, patient: str) -> None:
    async with launched(fhir=through(hapi), smart_scopes=WRITE, fhir_timeout_seconds=30, deadline_seconds=90) as it:
        it.ehr.server.context["patient"] = patient
        it.ehr.server.claims = {}
        page = await it.post(await it.launch(), **ENTER)
        review = await it.post(page, action=action(page, "review"))
        await it.post(review, action=action(review, "write"))
        (condition,) = it.ehr.conditions
        async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
            stored = await stored_for(client, hapi, patient)
            assert stored["total"] == 1
            resource: dict[str, Any] = stored["entry"][0]["resource"]
            again = {name: value for name, value in resource.items() if name not in {"id", "meta"}}
            headers = {"If-None-Exist": condition, "Content-Type": "application/fhir+json"}
            answer = await client.post(f"{hapi}/MedicationStatement", json=again, headers=headers)
            assert answer.status_code == 200
            assert (await stored_for(client, hapi, patient))["total"] == 1


async def stored_for(client: httpx.AsyncClient, hapi: str, patient: str) -> dict[str, Any]:
    """The MedicationStatements that HAPI holds for a patient."""
    search = {"patient": patient, "_total": "accurate"}
    found: dict[str, Any] = (await client.get(f"{hapi}/MedicationStatement", params=search)).json()
    return found
