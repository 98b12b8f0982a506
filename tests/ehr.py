"""An EHR as a CDS Hooks client: it reads discovery, satisfies the prefetch templates from a chart, and calls.

Knows the client's side of the specification only; what it finds, it finds with the sandbox's FHIR search.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from cds_service.sandbox.search import search

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Json = dict[str, Any]

HOOK_INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"


def satisfied(templates: Mapping[str, str], context: Mapping[str, Any], chart: Iterable[Json]) -> Json:
    """The prefetch of a call: every template filled in and answered from the chart, null where there is nothing."""
    resources = tuple(chart)
    return {key: _answered(_filled_in(template, context), resources) for key, template in templates.items()}


def _filled_in(template: str, context: Mapping[str, Any]) -> str:
    for name, value in context.items():
        if isinstance(value, str):
            template = template.replace(f"{{{{context.{name}}}}}", value)
    if "{{" in template:
        msg = f"a token is left: {template}"
        raise ValueError(msg)
    return template


def _answered(request: str, chart: tuple[Json, ...]) -> Json | None:
    """A read gives the resource, a search a searchset Bundle."""
    path, _, query = request.partition("?")
    if not query:
        return next((each for each in chart if f"{each['resourceType']}/{each['id']}" == path), None)
    found = search([each for each in chart if each["resourceType"] == path], parse_qsl(query, strict_parsing=True))
    if found.ignored:
        msg = f"a parameter no plain server knows: {found.ignored}"
        raise ValueError(msg)
    entries = [{"resource": each, "search": {"mode": "match"}} for each in found.found[: found.page_size]]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(found.found), "entry": entries}


def call(hook: str, patient_id: str, prefetch: Json, orders: Iterable[Json] = ()) -> Json:
    """The body of a call; on an order hook every draft is selected."""
    context: Json = {"userId": "Practitioner/example", "patientId": patient_id}
    if hook != "patient-view":
        drafts = list(orders)
        context["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": each} for each in drafts]}
        context["selections"] = [f"{each['resourceType']}/{each['id']}" for each in drafts]
    return {"hook": hook, "hookInstance": HOOK_INSTANCE, "context": context, "prefetch": prefetch}
