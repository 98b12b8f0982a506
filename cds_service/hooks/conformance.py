"""Whether a draft order is what FHIR R4B says it is.

The models load with the first draft: a start does not wait for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cds_service.fhir.reading import JsonObject


def check_medication_request(resource: JsonObject) -> None:
    """Raises pydantic's `ValidationError` for what is no R4B MedicationRequest."""
    from fhir.resources.R4B.medicationrequest import MedicationRequest  # noqa: PLC0415 - loads with the first draft

    MedicationRequest.model_validate(resource)


def check_service_request(resource: JsonObject) -> None:
    """Raises pydantic's `ValidationError` for what is no R4B ServiceRequest."""
    from fhir.resources.R4B.servicerequest import ServiceRequest  # noqa: PLC0415 - loads with the first draft

    ServiceRequest.model_validate(resource)
