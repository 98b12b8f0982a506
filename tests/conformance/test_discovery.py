"""Discovery: what a client reads before it calls."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.conformance.nothings import empty_members
from tests.conformance.requirement import BALLOT, HTTP, Level, Status, shows
from tests.conformance.schemas import DISCOVERY, complaints
from tests.hooks.service import order, service, view

Json = dict[str, Any]

HOOKS = ("patient-view", "order-select", "order-sign")
MODES = pytest.mark.parametrize("shared", [False, True], ids=["an id a hook", "one shared id"])


async def discovered(**settings: Any) -> list[Json]:
    async with service(**settings) as client:
        answer = await client.get("/cds-services")
    assert answer.status_code == 200
    services: list[Json] = answer.json()["services"]
    return services


def hook_call(hook: str) -> Json:
    return view() if hook == "patient-view" else order(hook=hook)


@shows("D1", "Discovery", Level.MUST, "The list of services is at {base}/cds-services and answers 200 with JSON.")
async def test_the_list_is_where_clients_look_for_it() -> None:
    async with service() as client:
        answer = await client.get("/cds-services")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"


@shows("D2", "Discovery", Level.MUST, "The answer is an object with an array `services`.")
@shows("D3", "Discovery", Level.MUST, "Each service says its `hook`, `id` and `description`, as strings.")
@shows("D4", "Discovery", Level.SHOULD, "Each service has a `title`.")
@shows("D5", "Discovery", Level.MAY, "`prefetch` maps keys to queries, both strings; `usageRequirements` is a string.")
@MODES
async def test_the_list_fits_the_field_table(shared: bool) -> None:  # noqa: FBT001 - a table column
    async with service(shared_service_id=shared) as client:
        document = (await client.get("/cds-services")).json()
    assert complaints(DISCOVERY, document) == []
    assert [each["hook"] for each in document["services"]] == list(HOOKS)
    assert all(each["title"] and each["prefetch"] and each["usageRequirements"] for each in document["services"])


@shows("D6", "Discovery", Level.MUST, "`id` is the path segment at which the service is called.")
@MODES
async def test_every_listed_service_answers_under_its_id(shared: bool) -> None:  # noqa: FBT001 - a table column
    for each in await discovered(shared_service_id=shared):
        assert quote(each["id"], safe="") == each["id"]
        async with service(shared_service_id=shared) as client:
            answer = await client.post(f"/cds-services/{each['id']}", json=hook_call(each["hook"]))
        assert answer.status_code == 200
        assert isinstance(answer.json()["cards"], list)


@shows("D7", "Update stale guidance", Level.MAY, "Several entries may share an `id` if their hooks differ.")
async def test_a_shared_id_is_listed_once_for_each_hook() -> None:
    services = await discovered(shared_service_id=True)
    assert {each["id"] for each in services} == {"iv-nac"}
    assert len({(each["id"], each["hook"]) for each in services}) == len(services) == len(HOOKS)


@shows("D8", "Update stale guidance", Level.MUST, "A service with one id for several hooks tells them apart by `hook`.")
@pytest.mark.parametrize("hook", HOOKS)
async def test_a_shared_id_answers_each_of_its_hooks(hook: str) -> None:
    async with service(shared_service_id=True) as client:
        answer = await client.post("/cds-services/iv-nac", json=hook_call(hook))
        other = await client.post("/cds-services/iv-nac", json=hook_call(hook) | {"hook": "encounter-start"})
    assert answer.status_code == 200
    assert other.status_code == 400


@shows("D9", "Discovery", Level.SHOULD, "`version` is the semantic version of CDS Hooks spoken.", source=BALLOT)
async def test_the_version_is_that_of_the_specification() -> None:
    assert {each["version"] for each in await discovered()} == {"2.0.1"}


@shows("D10", "Discovery", Level.MAY, "`hookVersion` may be given.", source=BALLOT, status=Status.UNUSED)
async def test_no_hook_version_is_claimed() -> None:
    assert not any("hookVersion" in each for each in await discovered())


@shows("D11", "Null and empty JSON elements", Level.MUST, "No member of discovery is null or empty.")
@MODES
async def test_nothing_in_the_list_is_empty(shared: bool) -> None:  # noqa: FBT001 - a table column
    assert empty_members(await discovered(shared_service_id=shared)) == []


@shows("D12", "Discovery", Level.MUST, "The endpoint is stable: asked twice, it lists the same.")
async def test_the_list_is_stable() -> None:
    assert await discovered() == await discovered()


@shows("D13", "Discovery", Level.MUST, "HEAD answers like GET, without a body.", source=HTTP)
async def test_head_of_the_list() -> None:
    async with service() as client:
        head, get = await client.head("/cds-services"), await client.get("/cds-services")
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"] == str(len(get.content))
