"""What discovery lists, and that it is what the service then answers."""

from __future__ import annotations

import re

import pytest

from cds_service.hooks.discovery import SPECIFICATION
from tests.hooks.service import order, service, topics, view

IDS = {
    "iv-nac-patient-view": "patient-view",
    "iv-nac-order-select": "order-select",
    "iv-nac-order-sign": "order-sign",
}
_ALLOWED_TOKENS = {"context.patientId", "context.userId", "context.encounterId"}


async def test_one_service_for_each_hook() -> None:
    async with service() as client:
        answer = await client.get("/cds-services")
    services = answer.json()["services"]
    assert answer.headers["content-type"] == "application/json"
    assert {each["id"]: each["hook"] for each in services} == IDS
    for each in services:
        assert each["title"]
        assert each["description"]
        assert each["usageRequirements"]
        assert each["version"] == SPECIFICATION
        assert "hookVersion" not in each


async def test_prefetch_templates_use_plain_r4_search_only() -> None:
    async with service() as client:
        services = (await client.get("/cds-services")).json()["services"]
    for template in [text for each in services for text in each["prefetch"].values()]:
        assert set(re.findall(r"{{(.*?)}}", template)) <= _ALLOWED_TOKENS
        assert ":in" not in template
        assert "today" not in template
    assert {"patient", "levels", "transaminases", "exposures", "problems"} <= services[0]["prefetch"].keys()


async def test_one_id_may_stand_for_all_hooks() -> None:
    async with service(shared_service_id=True) as client:
        services = (await client.get("/cds-services")).json()["services"]
        on_view = await client.post("/cds-services/iv-nac", json=view())
        on_select = await client.post("/cds-services/iv-nac", json=order())
        old_id = await client.post("/cds-services/iv-nac-patient-view", json=view())
    assert {each["id"] for each in services} == {"iv-nac"}
    assert {each["hook"] for each in services} == set(IDS.values())
    assert topics(on_view) == ["not-indicated"]
    assert topics(on_select) == ["caution"]
    assert old_id.status_code == 404


@pytest.mark.parametrize("path", ["/cds-services/", "/cds-services//"])
async def test_trailing_slashes_answer_without_redirect(path: str) -> None:
    async with service() as client:
        answer = await client.get(path, follow_redirects=False)
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/cds-services", "/healthz", "/readyz"])
async def test_head_answers_like_get(path: str) -> None:
    async with service() as client:
        assert (await client.head(path)).status_code == (await client.get(path)).status_code == 200
