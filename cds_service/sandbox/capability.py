"""The sandbox's CapabilityStatement, derived from what its store and search truly do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service import __version__
from cds_service.sandbox.search import REFERENCE_PARAMS, TOKEN_PARAMS
from cds_service.sandbox.store import RESOURCE_TYPES

if TYPE_CHECKING:
    from cds_service.fhir.reading import JsonObject


def capability_statement(base: str) -> JsonObject:
    """A valid R4 CapabilityStatement for the server at `base`."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2025-01-01",
        "kind": "instance",
        "software": {"name": "cds-service sandbox", "version": __version__},
        "implementation": {"description": "Synthetic fixture patients, in memory", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [
            {
                "mode": "server",
                "resource": [_resource(each) for each in RESOURCE_TYPES],
                "interaction": [{"code": "transaction"}, {"code": "batch"}],
            }
        ],
    }


def _resource(resource_type: str) -> JsonObject:
    """What can be done with one type."""
    params = [{"name": "_id", "type": "token"}, *({"name": each, "type": "token"} for each in TOKEN_PARAMS)]
    params += [{"name": each, "type": "reference"} for each in REFERENCE_PARAMS]
    return {
        "type": resource_type,
        "interaction": [{"code": code} for code in ("read", "search-type", "create", "update")],
        "versioning": "versioned",
        "updateCreate": True,
        "searchParam": params,
    }
