"""A service made with healthchain: run by its own environment's Python, as `python healthchain_service.py PORT`.

Two ids, since its users may read prefetch either way: `models` has it read into FHIR models by healthchain's own
function, `plain` leaves it JSON. Both look for the highest acetaminophen level, far less than this project does.
"""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from healthchain.fhir import convert_prefetch_to_fhir_objects
from healthchain.gateway import CDSHooksService, HealthChainAPI
from healthchain.models import CDSRequest, CDSResponse
from healthchain.models.responses.cdsresponse import Card, Source

LEVEL = "3298-7"


def card(highest: float) -> CDSResponse:
    """One card that names the level."""
    told = Card(summary=f"Highest level {highest}", indicator="info", source=Source(label="healthchain"), detail="x")
    return CDSResponse(cards=[told])


def service() -> CDSHooksService:
    """Both ways of reading the same prefetch."""
    cds = CDSHooksService()

    @cds.hook("patient-view", id="models")
    def models(request: CDSRequest) -> CDSResponse:
        bundle = convert_prefetch_to_fhir_objects(request.prefetch or {})["levels"]
        levels = [entry.resource for entry in bundle.entry or []]
        found = [each.valueQuantity.value for each in levels if each.code.coding[0].code == LEVEL]
        return card(float(max(found)))

    @cds.hook("patient-view", id="plain")
    def plain(request: CDSRequest) -> CDSResponse:
        entries: list[dict[str, Any]] = (request.prefetch or {})["levels"]["entry"]
        levels = [entry["resource"] for entry in entries]
        found = [each["valueQuantity"]["value"] for each in levels if each["code"]["coding"][0]["code"] == LEVEL]
        return card(float(max(found)))

    return cds


if __name__ == "__main__":
    app = HealthChainAPI()
    app.register_service(service(), path="/cds")
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
