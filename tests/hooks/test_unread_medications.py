"""Drugs that cannot be read just now: never "not indicated", never silence, never in the way of a treatment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.hooks.service import SELECT, VIEW, bundle, issues, order, prefetch, service, topics, view

if TYPE_CHECKING:
    from collections.abc import Callable

BASE = "https://fhir.example.org/r4"
MEDICATIONS = ("medicationStatements", "medicationAdministrations", "medicationRequests")
UNSENT: dict[str, Any] = dict.fromkeys(MEDICATIONS, ...)
EMPTY = {"resourceType": "Bundle", "type": "searchset", "total": 0}

PASSING: list[Any] = [500, 502, 429, httpx.ReadTimeout("slow"), httpx.ConnectError("gone"), b"<html>"]
LASTING = [400, 401, 403, 404, 501]


def failing(how: Any) -> Callable[[httpx.Request], httpx.Response]:
    """A server on which medication searches fail so, and all else is empty."""

    def answer(request: httpx.Request) -> httpx.Response:
        if not request.url.path.rpartition("/")[2].startswith("Medication"):
            return httpx.Response(200, json=EMPTY)
        if isinstance(how, Exception):
            raise how
        return httpx.Response(200, content=how) if isinstance(how, bytes) else httpx.Response(how, json={})

    return answer


async def asked(how: Any, **changes: Any) -> httpx.Response:
    """The answer to a call whose medications are to be fetched from a server that fails so."""
    return await posted(how, VIEW, view(fhirServer=BASE, prefetch=prefetch(**UNSENT | changes)))


async def posted(how: Any, path: str, body: dict[str, Any]) -> httpx.Response:
    limits: dict[str, Any] = {"fhir_timeout_seconds": 0.2, "deadline_seconds": 1}
    async with service(failing(how), allowed_fhir_servers=(BASE,), **limits) as client:
        return await client.post(path, json=body)


@pytest.mark.parametrize("how", PASSING, ids=repr)
async def test_a_passing_failure_keeps_not_indicated_from_being_said(how: Any) -> None:
    answer = await asked(how)
    assert topics(answer) == ["data-needed"]
    (card,) = answer.json()["cards"]
    assert "list of drugs taken or given" in card["detail"].lower()
    verdicts = {rule["id"]: rule["verdict"] for rule in card["extension"]["org.nac-cds.assessment"]["rules"]}
    assert verdicts["B3-below-line-normal-enzymes"] == "UNKNOWN"


@pytest.mark.parametrize("how", PASSING, ids=repr)
async def test_a_passing_failure_is_no_silence(how: Any) -> None:
    answer = await asked(how, levels=bundle(), problems=bundle())
    assert answer.status_code == 412
    assert {issue["expression"][0] for issue in issues(answer)} == {f"prefetch.{key}" for key in MEDICATIONS}


@pytest.mark.parametrize("how", [*PASSING, *LASTING], ids=repr)
async def test_no_failure_stands_in_the_way_of_a_treatment(how: Any) -> None:
    assert topics(await asked(how, levels=prefetch(120)["levels"])) == ["indicated"]


@pytest.mark.parametrize("how", LASTING, ids=repr)
async def test_a_search_that_a_server_does_not_offer_is_a_gap_on_the_card(how: int) -> None:
    answer = await asked(how)
    assert topics(answer) == ["not-indicated"]
    gaps = answer.json()["cards"][0]["extension"]["org.nac-cds.assessment"]["data_gaps"]
    assert any("medication" in str(gap) for gap in gaps)
    silent = await asked(how, levels=bundle(), problems=bundle())
    assert (silent.status_code, silent.json()) == (200, {"cards": []})


async def test_without_a_server_the_missing_lists_are_a_gap_on_the_card() -> None:
    async with service() as client:
        answer = await client.post(VIEW, json=view(prefetch=prefetch(40, **UNSENT)))
    assert topics(answer) == ["not-indicated"]


@pytest.mark.parametrize("how", PASSING, ids=repr)
@pytest.mark.parametrize(("drug", "said"), [("oral-nac", ["data-needed"]), ("amoxicillin", [])])
async def test_an_order_that_charcoal_may_meet_is_not_passed_in_silence(how: Any, drug: str, said: list[str]) -> None:
    """Charcoal that was given may stand on the lists that cannot be read."""
    body = order(drug) | {"fhirServer": BASE, "prefetch": prefetch(**UNSENT)}
    answer = await posted(how, SELECT, body)
    assert topics(answer) == said
