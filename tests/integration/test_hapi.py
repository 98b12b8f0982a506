"""The same fixture patients on a real FHIR server and on the embedded one: the same cards, however read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from cds_service.sandbox.fixtures import FixtureCase, load_cases
from tests.builders import draft_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.conftest import Service

    SearchPages = Callable[[str], Iterator[dict[str, Any]]]

pytestmark = pytest.mark.hapi

CASES = load_cases()
CALLS = [
    pytest.param(case, call, id=f"{case.slug}-{number}-{call['hook']}")
    for case in CASES
    for number, call in enumerate(case.expected["calls"], start=1)
    if "profile" not in call  # the service under test runs with the default profile
]


def hook_request(case: FixtureCase, call: dict[str, Any], fhir_server: str | None) -> dict[str, Any]:
    context: dict[str, Any] = {"userId": "Practitioner/example", "patientId": case.slug}
    if call.get("order"):
        order = call["order"] if isinstance(call["order"], dict) else draft_order(call["order"], case.slug)
        context["draftOrders"] = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": order}]}
        context["selections"] = [f"{order['resourceType']}/{order['id']}"]
    request = {"hook": call["hook"], "hookInstance": "4e8a1b6c-7d0f-4f3e-9a41-2f0c5f6c7a10", "context": context}
    return request | ({"fhirServer": fhir_server} if fhir_server else {})


def fetch(url: str) -> dict[str, Any]:
    resource: dict[str, Any] = requests.get(url, timeout=60).json()
    return resource


def cards(service: Service, case: FixtureCase, request: dict[str, Any]) -> list[dict[str, Any]]:
    """The cards of a call, without what differs from call to call: uuids, sealed links, the server's own address."""
    response = service.answer(request, case.anchor)
    assert response.status_code == requests.codes.ok, response.text
    text = json.dumps(without_uuids(response.json()["cards"]))
    comparable: list[dict[str, Any]] = json.loads(text.replace(request.get("fhirServer") or "\0", "FHIR"))
    return comparable


def without_uuids(value: Any) -> Any:
    """The value without uuids, and without the links to a card's own nomogram."""
    if isinstance(value, dict):
        return {name: without_uuids(each) for name, each in value.items() if name != "uuid"}
    if not isinstance(value, list):
        return value
    return [without_uuids(each) for each in value if not (isinstance(each, dict) and _is_sealed(each))]


def _is_sealed(link: dict[str, Any]) -> bool:
    return "/nomogram/" in str(link.get("url", ""))


def topics(found: list[dict[str, Any]]) -> list[str]:
    return [card["source"]["topic"]["code"] for card in found]


@pytest.mark.parametrize(("case", "call"), CALLS)
def test_live_reading_gives_the_cards_of_the_embedded_server(
    service: Service, hapi: str, sandbox: str, case: FixtureCase, call: dict[str, Any]
) -> None:
    on_hapi = cards(service, case, hook_request(case, call, hapi))
    assert topics(on_hapi) == call["topics"]
    assert on_hapi == cards(service, case, hook_request(case, call, sandbox))


@pytest.mark.parametrize(("case", "call"), CALLS)
def test_first_pages_as_prefetch_give_the_same_cards(
    service: Service, hapi: str, sandbox: str, case: FixtureCase, call: dict[str, Any]
) -> None:
    templates = service.prefetch_templates(call["hook"])
    first_pages = {
        key: fetch(f"{hapi}/{template.replace('{{context.patientId}}', case.slug)}")
        for key, template in templates.items()
    }
    prefetched = cards(service, case, hook_request(case, call, hapi) | {"prefetch": first_pages})
    assert prefetched == cards(service, case, hook_request(case, call, sandbox))


def refers_elsewhere(case: FixtureCase) -> bool:
    """Whether the chart points to resources that no prefetch template brings."""
    types = {entry["resource"]["resourceType"] for entry in case.bundle["entry"]}
    return not types.isdisjoint({"Specimen", "Medication"})


@pytest.mark.parametrize("case", [pytest.param(case, id=case.slug) for case in CASES if not refers_elsewhere(case)])
def test_whole_prefetch_needs_no_server(
    service: Service, hapi: str, sandbox: str, search_pages: SearchPages, case: FixtureCase
) -> None:
    call = {"hook": "patient-view"}
    whole: dict[str, Any] = {}
    for key, template in service.prefetch_templates("patient-view").items():
        address = f"{hapi}/{template.replace('{{context.patientId}}', case.slug)}"
        entries = [entry for page in search_pages(address) for entry in page.get("entry", ())]
        whole[key] = {"resourceType": "Bundle", "type": "searchset", "entry": entries}
    whole["patient"] = fetch(f"{hapi}/Patient/{case.slug}")
    alone = cards(service, case, hook_request(case, call, None) | {"prefetch": whole})
    assert alone == cards(service, case, hook_request(case, call, sandbox))


def test_the_searches_of_some_patients_are_really_paged(service: Service, hapi: str, search_pages: SearchPages) -> None:
    template = service.prefetch_templates("patient-view")["levels"]
    pages = {
        case.slug: sum(1 for _ in search_pages(f"{hapi}/{template.replace('{{context.patientId}}', case.slug)}"))
        for case in CASES
    }
    paged = [slug for slug, count in pages.items() if count > 1]
    assert paged, "every search came on one page: run HAPI with a smaller page (hapi/serve, HAPI_PAGE)"


def test_enough_cases_run_on_the_real_server() -> None:
    assert len(CASES) >= 40
