"""The mini EHR as a CDS client: hook bodies, calls, feedback.

Knows the client's side of CDS Hooks over HTTP. The service it calls is the whole application, reached as an EHR does.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx

from cds_service.fhir.reading import element, elements
from cds_service.hooks.models import Hook
from cds_service.web.ehr_visit import Exchange, reference

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.types import ASGIApp

    from cds_service.fhir.reading import JsonObject
    from cds_service.web.ehr_visit import Visit

_BASE = "http://127.0.0.1"
_USER = "Practitioner/mini-ehr"


@dataclass(frozen=True, slots=True)
class ServiceClient:
    """A CDS service in this process. `fhir_server` is named in each call where given."""

    app: ASGIApp
    fhir_server: str | None = None

    async def call(self, visit: Visit, hook: Hook) -> Exchange:
        """Call the service that discovery lists for this hook."""
        async with self._open() as client:
            listed = element((await client.get("/cds-services")).json())
            ids = [str(each["id"]) for each in elements(listed.get("services")) if each.get("hook") == hook.value]
            request = hook_request(visit, hook) | ({} if self.fhir_server is None else {"fhirServer": self.fhir_server})
            answer = await client.post(f"/cds-services/{ids[0]}", json=request)
        return Exchange(hook.value, ids[0], request, answer.status_code, _json(answer), server_timings(answer.headers))

    async def tell(self, service: str, feedback: JsonObject) -> str | None:
        """Send feedback on one card; what went wrong in words, None when it was taken."""
        async with self._open() as client:
            answer = await client.post(f"/cds-services/{service}/feedback", json={"feedback": [feedback]})
        if answer.status_code == HTTPStatus.OK:
            return None
        issues = elements(_json(answer).get("issue"))
        return f"HTTP {answer.status_code}: {'; '.join(str(issue.get('diagnostics')) for issue in issues)}"

    def _open(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=_BASE)


def _json(answer: httpx.Response) -> JsonObject:
    return element(answer.json())


def hook_request(visit: Visit, hook: Hook) -> JsonObject:
    """The body of a hook call, without prefetch: the service reads the chart itself."""
    context: dict[str, Any] = {"userId": _USER, "patientId": visit.patient}
    if hook is not Hook.PATIENT_VIEW:
        entries = [{"fullUrl": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, reference(draft))}", "resource": draft}
                   for draft in visit.drafts]  # fmt: skip
        context["draftOrders"] = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    if hook is Hook.ORDER_SELECT:
        context["selections"] = [reference(draft) for draft in visit.drafts if draft["id"] in visit.selected]
    return {"hook": hook.value, "hookInstance": str(uuid.uuid4()), "context": context}


def server_timings(headers: httpx.Headers) -> tuple[tuple[str, float], ...]:
    """The steps of a `Server-Timing` header with their milliseconds."""
    found = []
    for part in headers.get("server-timing", "").split(","):
        name, _, parameter = part.strip().partition(";")
        label, _, number = parameter.strip().partition("=")
        if name and label == "dur":
            found.append((name, float(number)))
    return tuple(found)


def override_feedback(card: JsonObject, reason_code: str, comment: str, at: datetime) -> JsonObject:
    """Feedback that a card was overridden, with one of the reasons it offered."""
    reasons = [each for each in elements(card.get("overrideReasons")) if each.get("code") == reason_code]
    reason: JsonObject = {"reason": reasons[0]} if reasons else {}
    reason |= {"userComment": comment} if comment else {}
    told = {"card": card.get("uuid"), "outcome": "overridden", "outcomeTimestamp": at.isoformat()}
    return told | ({"overrideReason": reason} if reason else {})


def accepted_feedback(card: JsonObject, suggestion_uuid: str, at: datetime) -> JsonObject:
    """Feedback that a suggestion of a card was taken."""
    return {
        "card": card.get("uuid"),
        "outcome": "accepted",
        "acceptedSuggestions": [{"id": suggestion_uuid}],
        "outcomeTimestamp": at.isoformat(),
    }
