"""A small order catalogue: what a clinician could be ordering when the command line calls an order hook.

Knows FHIR MedicationRequest drafts. Product codes are RxNorm, routes SNOMED CT.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
_SNOMED = "http://snomed.info/sct"

_INTRAVENOUS = ("47625008", "Intravenous route")
_ORAL = ("26643006", "Oral route")
_INHALED = ("447694001", "Respiratory tract route")


class OrderName(StrEnum):
    """The orders in the catalogue."""

    IV_NAC = "iv-nac"
    ORAL_NAC = "oral-nac"
    NEBULISED_NAC = "nebulised-nac"
    ACETAMINOPHEN = "acetaminophen"


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One product with its RxNorm code, SNOMED CT route (code, display) and usual instruction."""

    rxnorm: str
    product: str
    route: tuple[str, str]
    instruction: str


CATALOGUE: dict[OrderName, CatalogueEntry] = {
    OrderName.IV_NAC: CatalogueEntry(
        "465377", "acetylcysteine 200 MG/ML injection", _INTRAVENOUS, "Intravenous infusion as per protocol"
    ),
    OrderName.ORAL_NAC: CatalogueEntry("606971", "acetylcysteine 600 MG Oral Capsule", _ORAL, "600 mg twice daily"),
    OrderName.NEBULISED_NAC: CatalogueEntry(
        "307719", "acetylcysteine inhalation solution", _INHALED, "Nebulised three times daily"
    ),
    OrderName.ACETAMINOPHEN: CatalogueEntry(
        "198440", "acetaminophen 500 MG Oral Tablet", _ORAL, "1 g every 6 hours as needed"
    ),
}


def draft_order(name: OrderName, patient_id: str) -> dict[str, Any]:
    """A draft MedicationRequest of the catalogue for one patient."""
    entry = CATALOGUE[name]
    route, route_display = entry.route
    return {
        "resourceType": "MedicationRequest",
        "id": f"draft-{name.value}",
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {
            "coding": [{"system": _RXNORM, "code": entry.rxnorm, "display": entry.product}],
            "text": entry.product,
        },
        "subject": {"reference": f"Patient/{patient_id}"},
        "dosageInstruction": [
            {
                "text": entry.instruction,
                "route": {"coding": [{"system": _SNOMED, "code": route, "display": route_display}]},
            }
        ],
    }


def order_context(order: dict[str, Any]) -> dict[str, Any]:
    """The members of an order hook's context for this one draft: all that is drafted, and it is selected."""
    return {
        "selections": [f"{order['resourceType']}/{order['id']}"],
        "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": order}]},
    }
