"""The sandbox's resources, in memory.

Knows types, ids and versions. Must not know HTTP or search.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cds_service.fhir.reading import JsonObject

RESOURCE_TYPES = (
    "AllergyIntolerance",
    "Condition",
    "DiagnosticReport",
    "Encounter",
    "FamilyMemberHistory",
    "Group",
    "Location",
    "Medication",
    "MedicationAdministration",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Procedure",
    "ServiceRequest",
    "Specimen",
)


class UnstorableError(ValueError):
    """The resource has no known type or no usable id; the message says which."""


class ResourceStore:
    """Resources by type and id. What comes out is what was put in, plus `meta.versionId`."""

    def __init__(self, resources: Iterable[JsonObject] = ()) -> None:
        """Start with these resources; raises `UnstorableError`."""
        self._by_type: dict[str, dict[str, JsonObject]] = {each: {} for each in RESOURCE_TYPES}
        for resource in resources:
            self.put(resource)

    def get(self, resource_type: str, logical_id: str) -> JsonObject | None:
        """The current version of one resource."""
        return self._by_type.get(resource_type, {}).get(logical_id)

    def all(self, resource_type: str) -> tuple[JsonObject, ...]:
        """Every resource of a type, in the order of their first arrival."""
        return tuple(self._by_type.get(resource_type, {}).values())

    def put(self, resource: JsonObject) -> int:
        """Create or replace; returns the new version number (1 for a new resource). Raises `UnstorableError`."""
        resource_type, logical_id = identity(resource)
        known = self._by_type[resource_type].get(logical_id)
        version = 1 if known is None else int(known["meta"]["versionId"]) + 1
        meta = resource.get("meta")
        stored_meta = (meta if isinstance(meta, dict) else {}) | {"versionId": str(version)}
        self._by_type[resource_type][logical_id] = resource | {"meta": stored_meta}
        return version


def identity(resource: JsonObject) -> tuple[str, str]:
    """Type and id of a resource that can be stored; raises `UnstorableError` for any other."""
    resource_type, logical_id = resource.get("resourceType"), resource.get("id")
    if not isinstance(resource_type, str) or resource_type not in RESOURCE_TYPES:
        msg = f"resource type {resource_type!r} is not served here"
        raise UnstorableError(msg)
    if not isinstance(logical_id, str) or not logical_id:
        msg = f"{resource_type} has no id"
        raise UnstorableError(msg)
    return resource_type, logical_id
