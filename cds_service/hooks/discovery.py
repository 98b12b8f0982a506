"""Discovery: which services there are, by hook, and what an EHR may prefetch for them.

Pure. The prefetch templates come from the same table as the live searches (`fhir/queries.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from cds_service.fhir.queries import prefetch_templates
from cds_service.hooks.models import Hook

SHARED_ID = "iv-nac"
SPECIFICATION = "2.0.1"
"""The release of CDS Hooks that is spoken: what `version` means in discovery (3.0 ballot), not our own version."""

_USAGE = (
    "Send prefetch, or name a FHIR R4 server that this service is configured to ask. Patient, acetaminophen levels, "
    "AST and ALT, exposures and problems are required; without them the answer is 412 unless what is at hand already "
    "calls for treatment. Supports clinicians and does not replace their judgement."
)


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """One service as discovery lists it."""

    id: str
    hook: Hook
    title: str
    description: str

    def as_json(self) -> dict[str, object]:
        """The entry in the shape of CDS Hooks discovery."""
        return {
            "hook": self.hook.value,
            "id": self.id,
            "title": self.title,
            "description": self.description,
            "prefetch": prefetch_templates(),
            "usageRequirements": _USAGE,
            "version": SPECIFICATION,
        }


_WORDS: dict[Hook, tuple[str, str]] = {
    Hook.PATIENT_VIEW: (
        "Intravenous acetylcysteine: is it indicated?",
        (
            "On opening a chart: whether intravenous N-acetylcysteine is indicated for acetaminophen toxicity on the "
            "data charted now, with the rule, the evidence and what is missing. Silent for unrelated patients."
        ),
    ),
    Hook.ORDER_SELECT: (
        "Intravenous acetylcysteine: review of the selected order",
        (
            "On selecting an order: whether selected acetylcysteine is indicated, cautions against it for respiratory "
            "disease or contrast prophylaxis, and review of acetaminophen orders during toxicity."
        ),
    ),
    Hook.ORDER_SIGN: (
        "Intravenous acetylcysteine: review before signing",
        "Before signing: the same review for every draft order, as the last check before it is sent.",
    ),
}


def service_id(hook: Hook, *, has_shared_id: bool) -> str:
    """The id of the service for a hook."""
    return SHARED_ID if has_shared_id else f"{SHARED_ID}-{hook.value}"


def service_entries(*, has_shared_id: bool) -> tuple[ServiceEntry, ...]:
    """The services: an id per hook, or one id for all hooks so that a client may replace stale guidance."""
    return tuple(
        ServiceEntry(service_id(hook, has_shared_id=has_shared_id), hook, title, description)
        for hook, (title, description) in _WORDS.items()
    )


def discovery_document(entries: tuple[ServiceEntry, ...]) -> dict[str, object]:
    """The answer to GET /cds-services."""
    return {"services": [entry.as_json() for entry in entries]}
