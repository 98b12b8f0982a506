"""The mini EHR knows no token: where clients must prove who they are it shows synthetic patients and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cds_service.web.ehr_visit import SERVER, Visit, as_text
from tests import builders
from tests.hooks.service import PATIENT, bundle, prefetch, service
from tests.hooks.tokens import clients_file, entry

if TYPE_CHECKING:
    from pathlib import Path

FHIR = "https://fhir.test/r4"
FIXTURE_PATIENT = "b1-above-line-8h"
WAYS = [
    pytest.param("/ehr/open", {"patient": PATIENT}, id="asked for by id"),
    pytest.param("/ehr", {"visit": as_text(Visit(PATIENT, SERVER))}, id="as a visit that was never begun"),
]


@pytest.mark.parametrize(("path", "form"), WAYS)
@pytest.mark.parametrize("has_clients", [False, True])
async def test_a_patient_of_the_server_is_shown_only_where_everybody_may_call(
    tmp_path: Path,
    path: str,
    form: dict[str, str],
    has_clients: bool,  # noqa: FBT001 - a row of the table
) -> None:
    asked: list[str] = []

    def fhir(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        patient = builders.patient(PATIENT, name="Trust", birth_date="1990-05-14")
        return httpx.Response(200, json=patient if "/Patient/" in request.url.path else bundle())

    clients: dict[str, Any] = {"trusted_clients": clients_file(tmp_path, entry())} if has_clients else {}
    async with service(fhir, default_fhir_server=FHIR, **clients) as client:
        answer = await client.post(path, data=form)
    assert answer.status_code == (404 if has_clients else 200)
    assert bool(asked) is not has_clients


async def test_synthetic_patients_are_shown_all_the_same(tmp_path: Path) -> None:
    async with service(trusted_clients=clients_file(tmp_path, entry())) as client:
        answer = await client.get(f"/ehr/{FIXTURE_PATIENT}")
    assert answer.status_code == 200
    assert "consider starting IV NAC" in answer.text


async def test_the_page_says_no_more_of_a_chart_than_the_service_does() -> None:
    chart = prefetch(40)  # below the line, AST and ALT normal: not indicated, if the drugs could be read

    def fhir(request: httpx.Request) -> httpx.Response:
        kind = request.url.path.rpartition("/r4/")[2]
        if kind.startswith("Medication"):
            return httpx.Response(500, json={})
        if kind.startswith("Patient/"):
            return httpx.Response(200, json=chart["patient"])
        keys = {"Condition": "problems", "Observation": "levels" if "3298-7" in str(request.url) else "transaminases"}
        return httpx.Response(200, json=chart.get(keys.get(kind, "")) or bundle())

    async with service(fhir, default_fhir_server=FHIR) as client:
        answer = await client.post("/ehr/open", data={"patient": PATIENT})
        silent = await client.post("/ehr/open", data={"patient": "unread"})
    assert 'data-topic="data-needed"' in answer.text
    assert "not indicated now</p>" not in answer.text
    assert silent.text.count("HTTP 412") >= 1
    assert "Every rule, its verdict and why" not in silent.text
