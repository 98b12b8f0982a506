"""Endpoints for those who run the service: health, readiness, metrics. None of them touches patient data."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from cds_service import __version__
from cds_service.watch.canaries import CanaryState

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.lifespan import Premises
    from cds_service.watch.alarms import Alarms

_ENDPOINTS = {
    "discovery": "/cds-services",
    "documentation": "/docs",
    "health": "/healthz",
    "readiness": "/readyz",
    "metrics": "/metrics",
    "dashboard": "/dashboard",
    "governance": "/governance",
}
_KEEPS_NOTHING = "off"
_UNAVAILABLE = "unavailable"


def operations_routes(premises: Premises, alarms: Alarms, is_open: Callable[[], bool]) -> APIRouter:
    """The routes. `is_open`: whether the FHIR pool is."""
    router = APIRouter(tags=["Operations"])
    if not premises.settings.playground:

        @router.get("/", summary="What is here")
        async def landing() -> dict[str, Any]:
            return {"service": "IV NAC decision support", "version": __version__, "endpoints": _ENDPOINTS}

    @router.get("/healthz", summary="The process answers")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz", summary="The service is fit to answer: its canaries are answered rightly")
    async def readyz() -> Response:
        told = _readiness(premises, alarms, is_open=is_open())
        is_fit = told["status"] in {CanaryState.WELL.value, "degraded"}
        return JSONResponse(told, HTTPStatus.OK if is_fit else HTTPStatus.SERVICE_UNAVAILABLE)

    @router.get("/metrics", summary="Prometheus metrics of this service", response_class=PlainTextResponse)
    async def prometheus() -> Response:
        premises.show_store()
        return Response(premises.metrics.as_text(), media_type="text/plain; version=0.0.4")

    return router


def _readiness(premises: Premises, alarms: Alarms, *, is_open: bool) -> dict[str, Any]:
    """Fit, fit without its database ("degraded"), or not fit; a database that is down keeps no card back."""
    canaries, store = premises.oversight.canaries, premises.store
    state = CanaryState.WELL if canaries is None else canaries.state
    kept = _KEEPS_NOTHING if store is None else store.condition
    status = (state if is_open else CanaryState.STARTING).value
    return {
        "status": "degraded" if status == CanaryState.WELL.value and kept == _UNAVAILABLE else status,
        "store": kept,
        "profile": premises.settings.clinical_profile.name,
        "version": __version__,
        "canaries": [] if canaries is None else canaries.unwell,
        "alarms": alarms.names,
    }
