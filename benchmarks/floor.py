"""The floor: FastAPI routes that take the same body and return a constant card. What any such service costs.

`floor` declares the body as an object, so FastAPI reads its JSON, as every service must; `bytes` only receives it.
"""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import FastAPI, Request, Response

_CARDS = orjson.dumps(
    {"cards": [{"summary": "A constant card", "indicator": "info", "source": {"label": "Floor"}, "detail": "x" * 2000}]}
)

app = FastAPI(openapi_url=None)


@app.get("/cds-services")
async def discovery() -> dict[str, Any]:
    """One service, so that the start can be seen."""
    return {"services": [{"hook": "patient-view", "id": "floor", "description": "A constant card"}]}


@app.post("/cds-services/floor")
async def call(body: dict[str, Any]) -> Response:  # noqa: ARG001 - that it is read is the point
    """The constant card, after the body has been read."""
    return Response(_CARDS, media_type="application/json")


@app.post("/cds-services/bytes")
async def receive(request: Request) -> Response:
    """The constant card, after the body has been received."""
    await request.body()
    return Response(_CARDS, media_type="application/json")
