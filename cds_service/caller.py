"""Calling a CDS service over HTTP as an EHR does: discovery first, then the hook.

Knows the client's side of CDS Hooks and requests. Raises `CallerError` in words when the service cannot be
reached or answers with what is no CDS Hooks.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests

from cds_service.catalogue import order_context

if TYPE_CHECKING:
    from cds_service.hooks.models import Hook

_SECONDS = 60.0


class CallerError(Exception):
    """The service could not be asked; the message says why."""


def hook_body(hook: Hook, patient_id: str, order: dict[str, Any] | None = None) -> dict[str, Any]:
    """The body of a call without prefetch; a draft order is both drafted and selected."""
    return {
        "hook": hook.value,
        "hookInstance": str(uuid.uuid4()),
        "context": {
            "userId": "Practitioner/command-line",
            "patientId": patient_id,
            **({} if order is None else order_context(order)),
        },
    }


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one call: HTTP status and parsed body."""

    status: int
    body: Any

    @property
    def has_cards(self) -> bool:
        """Whether this is an answer with a list of cards (perhaps empty) and not a failure."""
        return self.status == requests.codes.ok and isinstance(self.body, dict) and isinstance(self.cards, list)

    @property
    def cards(self) -> Any:
        """The cards as answered."""
        return self.body.get("cards")

    @property
    def topics(self) -> tuple[str, ...]:
        """The topic codes of the cards, in order."""
        return tuple(card["source"]["topic"]["code"] for card in self.cards)


@dataclass(frozen=True, slots=True)
class ServiceCaller:
    """A CDS service at a base address; `fhir_server` is named in each call where given."""

    base: str
    fhir_server: str | None = None
    session: requests.Session = field(default_factory=requests.Session)

    def call(self, hook: Hook, patient_id: str, order: dict[str, Any] | None = None) -> Reply:
        """Call the service that discovery lists for this hook, with this draft order selected."""
        body = hook_body(hook, patient_id, order)
        if self.fhir_server is not None:
            body["fhirServer"] = self.fhir_server
        return self._exchange("POST", f"/cds-services/{self._service_id(hook)}", body)

    def _service_id(self, hook: Hook) -> str:
        reply = self._exchange("GET", "/cds-services")
        services = reply.body.get("services", []) if isinstance(reply.body, dict) else []
        ids = [str(each.get("id")) for each in services if isinstance(each, dict) and each.get("hook") == hook.value]
        if not ids:
            msg = f"{self.base} lists no service for the hook {hook.value}"
            raise CallerError(msg)
        return ids[0]

    def _exchange(self, method: str, path: str, body: dict[str, Any] | None = None) -> Reply:
        try:
            answer = self.session.request(method, f"{self.base.rstrip('/')}{path}", json=body, timeout=_SECONDS)
            return Reply(answer.status_code, answer.json())
        except requests.exceptions.JSONDecodeError:
            msg = f"{self.base} answered {path} with something that is not JSON"
            raise CallerError(msg) from None
        except requests.exceptions.RequestException as error:
            msg = f"{self.base} could not be asked ({type(error).__name__})"
            raise CallerError(msg) from None
