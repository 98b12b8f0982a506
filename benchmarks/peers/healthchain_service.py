"""A service made with healthchain: run by its own environment's Python, as `python healthchain_service.py PORT WAY`.

Two ways, since its users may read prefetch either way: `models` has it read into FHIR models by healthchain's own
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


def from_models(request: CDSRequest) -> CDSResponse:
    """Reads the whole prefetch into FHIR models, by healthchain's own function."""
    bundle = convert_prefetch_to_fhir_objects(request.prefetch or {})["levels"]
    levels = [entry.resource for entry in bundle.entry or []]
    found = [each.valueQuantity.value for each in levels if each.code.coding[0].code == LEVEL]
    return card(float(max(found)))


def from_plain(request: CDSRequest) -> CDSResponse:
    """Leaves the prefetch the JSON it came as."""
    entries: list[dict[str, Any]] = (request.prefetch or {})["levels"]["entry"]
    levels = [entry["resource"] for entry in entries]
    found = [each["valueQuantity"]["value"] for each in levels if each["code"]["coding"][0]["code"] == LEVEL]
    return card(float(max(found)))


HANDLERS = {"models": from_models, "plain": from_plain}

if __name__ == "__main__":
    cds = CDSHooksService()  # it has one handler for a hook, so each way of reading is a process of its own
    cds.hook("patient-view", id="highest-level")(HANDLERS[sys.argv[2]])
    app = HealthChainAPI()
    app.register_service(cds, path="/cds")
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
