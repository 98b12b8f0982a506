"""The envelope of a CDS Hooks call, read leniently by hand: unknown members are accepted everywhere.

Knows the request shape of CDS Hooks 1.0 and 2.0. Must not know what prefetch or draft orders mean; they
are passed on as JSON (`orders.py` and the gathering check them). What cannot be read is refused with
its place in the request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from cds_service.hooks.errors import refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

JsonObject = dict[str, Any]

_FHIR_ID = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9\-.]{1,64}")
_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]+")


class Hook(StrEnum):
    """The hooks this service answers."""

    PATIENT_VIEW = "patient-view"
    ORDER_SELECT = "order-select"
    ORDER_SIGN = "order-sign"


@dataclass(frozen=True, slots=True)
class HookRequest:
    """One call. `patient_id` is the bare id; `context` the context as sent; the token is never shown in a repr."""

    hook: Hook
    hook_instance: str
    patient_id: str
    context: JsonObject
    encounter_id: str | None = None
    fhir_server: str | None = None
    access_token: str | None = field(default=None, repr=False)
    prefetch: Mapping[str, Any] | None = None


def hook_request(body: object) -> HookRequest:
    """The call in a parsed JSON body.

    Raises `InvalidRequestError` (400) for a member that is missing, blank or of a wrong type, naming its path.
    """
    if not isinstance(body, dict):
        refuse("The body must be a JSON object")
    hook = _hook(body)
    context = _object(body, "context", "context")
    if context is None:
        refuse("context is required", "context", code="required")
    return HookRequest(
        hook=hook,
        hook_instance=_required_text(body, "hookInstance", "hookInstance"),
        patient_id=_patient_id(context),
        context=context,
        encounter_id=_encounter_id(context),
        fhir_server=_text(body, "fhirServer", "fhirServer"),
        access_token=_access_token(body),
        prefetch=_object(body, "prefetch", "prefetch"),
    )


def _hook(body: JsonObject) -> Hook:
    name = _required_text(body, "hook", "hook")
    if name not in set(Hook):
        refuse(f"hook must be one of {', '.join(Hook)}", "hook", code="not-supported")
    return Hook(name)


def _patient_id(context: JsonObject) -> str:
    """Context.patientId as a bare id; "Patient/123" is accepted."""
    path = "context.patientId"
    patient_id = _required_text(context, "patientId", path).removeprefix("Patient/")
    if not _FHIR_ID.fullmatch(patient_id):
        refuse(f"{path} is not a FHIR id", path, code="value")
    return patient_id


def _encounter_id(context: JsonObject) -> str | None:
    """Context.encounterId where it is usable: an optional member is no reason to withhold an answer."""
    encounter_id = (_text(context, "encounterId", "context.encounterId") or "").removeprefix("Encounter/")
    return encounter_id if _FHIR_ID.fullmatch(encounter_id) else None


def _access_token(body: JsonObject) -> str | None:
    path = "fhirAuthorization"
    authorization = _object(body, path, path)
    if authorization is None:
        return None
    if (_text(authorization, "token_type", f"{path}.token_type") or "Bearer").lower() != "bearer":
        refuse(f"{path}.token_type must be Bearer", f"{path}.token_type", code="value")
    token = _required_text(authorization, "access_token", f"{path}.access_token")
    if not _VISIBLE_ASCII.fullmatch(token):  # it becomes a header
        refuse(f"{path}.access_token is not a token", f"{path}.access_token", code="value")
    return token


def _object(parent: JsonObject, name: str, path: str) -> JsonObject | None:
    value = parent.get(name)
    if value is not None and not isinstance(value, dict):
        refuse(f"{path} must be an object", path)
    return value


def _text(parent: JsonObject, name: str, path: str) -> str | None:
    """A text member without surrounding blanks; None when missing, null or blank."""
    value = parent.get(name)
    if value is not None and not isinstance(value, str):
        refuse(f"{path} must be a string", path)
    return (value or "").strip() or None


def _required_text(parent: JsonObject, name: str, path: str) -> str:
    value = _text(parent, name, path)
    if value is None:
        refuse(f"{path} is required and must not be blank", path, code="required")
    return value
