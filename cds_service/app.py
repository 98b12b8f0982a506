"""The composition root: settings, clock and HTTP pool come together here and nowhere else.

Knows which failure becomes which HTTP answer. Holds the one broad `except`: whatever escapes the rooms
below is told to the caller as a failure, logged without data, and never becomes an empty list of cards.
"""

from __future__ import annotations

import gc
import logging
import os
import secrets
import traceback
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from cds_service import __version__
from cds_service.fhir.client import FetchLimits, FhirClient, open_http
from cds_service.hooks.errors import Issue, outcome_response
from cds_service.hooks.metrics import Metrics
from cds_service.hooks.routes import Desk, hook_routes
from cds_service.sandbox.fixtures import load_cases
from cds_service.sandbox.server import sandbox_routes
from cds_service.settings import Settings, read_settings, unknown_variables
from cds_service.web.ehr_charts import FixtureCharts
from cds_service.web.ehr_pages import EhrDesk, ehr_routes
from cds_service.web.how_page import how_routes
from cds_service.web.nomogram_pages import NomogramDesk, nomogram_routes
from cds_service.web.pages import static_routes
from cds_service.web.sealed import Seal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from cds_service.sandbox.store import ResourceStore

_log = logging.getLogger("cds_service")

FHIR_PATH = "/fhir"
"""Where the embedded sandbox is mounted when the app is given one."""

_ENDPOINTS = {
    "discovery": "/cds-services",
    "documentation": "/docs",
    "health": "/healthz",
    "readiness": "/readyz",
    "metrics": "/metrics",
}


def utc_now() -> datetime:
    """The present instant: the clock of a running service."""
    return datetime.now(UTC)


def create_app(
    settings: Settings | None = None,
    *,
    clock: Callable[[], datetime] = utc_now,
    sandbox: ResourceStore | None = None,
    open_pool: Callable[[], httpx.AsyncClient] | None = None,
    seal: Seal | None = None,
) -> FastAPI:
    """The application.

    `settings` None reads the environment (raises `SettingsError`). `sandbox`: what an embedded FHIR server at
    /fhir serves. `open_pool`: another way to open the HTTP pool, to reach servers without a network. `seal`: that of
    another application, which opens the links this one seals.
    """
    chosen = _settings_from_environment() if settings is None else settings
    metrics = Metrics()
    app = FastAPI(
        title="IV NAC decision support",
        version=__version__,
        summary="CDS Hooks: is intravenous N-acetylcysteine indicated for acetaminophen toxicity?",
        redirect_slashes=False,
        lifespan=_lifespan(chosen, open_pool),
    )
    nomogram = NomogramDesk(chosen, clock, _seal(chosen, clock) if seal is None else seal)
    desk = Desk(chosen, lambda: app.state.fhir_client, metrics, clock, nomogram.link)
    app.include_router(hook_routes(desk))
    app.router.routes.extend([*static_routes(), *nomogram_routes(nomogram), *how_routes(chosen.clinical_profile)])
    if chosen.playground:
        app.router.routes.extend(ehr_routes(_mini_ehr(nomogram, lambda: app.state.fhir_client)))
    _add_operations(app, chosen, metrics)
    if sandbox is not None:
        app.router.routes.extend(sandbox_routes(FHIR_PATH, sandbox))
    _add_failures(app)
    _add_middleware(app, chosen, metrics)
    return app


def _mini_ehr(nomogram: NomogramDesk, client: Callable[[], FhirClient | None]) -> EhrDesk:
    """The mini EHR; its charts, and the service that reads them at other instants, are made when first looked at."""

    # Most processes never show it: reading the fixtures would cost each of them a second and some memory.
    @cache
    def charts() -> FixtureCharts:
        return FixtureCharts(load_cases(), nomogram.clock)

    @cache
    def replayed() -> FastAPI:
        return replaying_app(nomogram.settings, charts(), nomogram.seal)

    return EhrDesk(nomogram.settings, nomogram.clock, charts, replayed, client)


def replaying_app(settings: Settings, charts: FixtureCharts, seal: Seal) -> FastAPI:
    """The application over fixture charts at the instant each caller chose; it needs no lifespan and no network."""
    fhir = f"http://127.0.0.1{FHIR_PATH}"
    own = {"default_fhir_server": fhir, "playground": False, "database_url": "", "trusted_clients": None}
    inner = settings.model_copy(update=own)
    app = create_app(inner, clock=charts.present, sandbox=charts.store, seal=seal)
    limits = FetchLimits(request_seconds=settings.fhir_timeout_seconds)
    app.state.fhir_client = FhirClient(httpx.AsyncClient(transport=httpx.ASGITransport(app)), limits)
    return app


def _seal(settings: Settings, clock: Callable[[], datetime]) -> Seal:
    """The seal of nomogram links; without a secret of the site only this process can open what it sealed."""
    secret = secrets.token_hex(32) if settings.link_secret is None else settings.link_secret.get_secret_value()
    return Seal(secret, timedelta(minutes=settings.link_minutes), clock)


def _settings_from_environment() -> Settings:
    """The settings of a server process, whose log is opened here: every worker process starts in this place."""
    settings = read_settings()
    if not _log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        _log.addHandler(handler)
    _log.setLevel(settings.log_level)
    for sentence in unknown_variables(os.environ):
        _log.warning("%s", sentence)
    return settings


def _lifespan(settings: Settings, open_pool: Callable[[], httpx.AsyncClient] | None) -> Callable[[FastAPI], Any]:
    """Open the HTTP pool for as long as the app runs; no request is served without it."""
    limits = FetchLimits(request_seconds=settings.fhir_timeout_seconds)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        pool = open_http(limits) if open_pool is None else open_pool()
        async with pool:
            app.state.fhir_client = FhirClient(pool, limits)
            # What was built at start lives for ever: keep the collector from walking it during calls.
            gc.collect()
            gc.freeze()
            try:
                yield
            finally:
                gc.unfreeze()

    return lifespan


def _add_operations(app: FastAPI, settings: Settings, metrics: Metrics) -> None:
    """Endpoints for those who run the service; none of them touches patient data."""
    if not settings.playground:

        @app.get("/", tags=["Operations"], summary="What is here")
        async def landing() -> dict[str, Any]:
            return {"service": app.title, "version": __version__, "endpoints": _ENDPOINTS}

    @app.head("/healthz", include_in_schema=False)
    @app.get("/healthz", tags=["Operations"], summary="The process answers")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.head("/readyz", include_in_schema=False)
    @app.get("/readyz", tags=["Operations"], summary="The configuration is read and the HTTP pool is open")
    async def readyz() -> Response:
        is_ready = getattr(app.state, "fhir_client", None) is not None
        profile = settings.clinical_profile.name
        told = {"status": "ready" if is_ready else "starting", "profile": profile, "version": __version__}
        return JSONResponse(told, HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE)

    @app.get("/metrics", tags=["Operations"], summary="Prometheus metrics of this process")
    async def prometheus() -> Response:
        return Response(metrics.as_text(), media_type="text/plain; version=0.0.4")


def _add_failures(app: FastAPI) -> None:
    """The frameworks' own refusals leave as OperationOutcome too."""

    async def http_failure(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type only
        code = "not-found" if error.status_code == HTTPStatus.NOT_FOUND else "not-supported"
        return outcome_response(error.status_code, [Issue(code, str(error.detail))], error.headers)

    async def invalid(_: Request, __: Exception) -> Response:
        return outcome_response(HTTPStatus.BAD_REQUEST, [Issue("invalid", "The request could not be read")])

    app.add_exception_handler(HTTPException, http_failure)
    app.add_exception_handler(RequestValidationError, invalid)


def _add_middleware(app: FastAPI, settings: Settings, metrics: Metrics) -> None:
    """Outermost last: CORS headers stand on failures too."""
    app.add_middleware(FaultBarrier, metrics=metrics)
    app.add_middleware(WithoutTrailingSlash)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(settings.cors_origins),
        allow_methods=["GET", "POST", "OPTIONS"],
        allow_headers=["*"],
    )


class WithoutTrailingSlash:
    """Answers a path with trailing slashes like the path without, without a redirect (which may lose the body)."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap the application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its plain path."""
        if scope["type"] == "http" and scope["path"].endswith("/"):
            scope = {**scope, "path": scope["path"].rstrip("/") or "/"}
        await self._app(scope, receive, send)


class FaultBarrier:
    """Turns whatever was not foreseen into a 500 with an OperationOutcome.

    Logs the type of the error, where it arose and the hookInstance: messages may hold patient data.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Wrap the application."""
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; after a fault answer 500 unless an answer has begun."""
        has_begun = False
        scope.setdefault("state", {})

        async def watched(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            self._metrics.count_fault("unexpected")
            _log_fault(error, scope)
            if has_begun or scope["type"] != "http":
                raise
            await _FAILED(scope, receive, send)


_FAILED = outcome_response(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    [Issue("exception", "The service failed and can give no recommendation. The failure is logged.")],
)


def _log_fault(error: Exception, scope: Scope) -> None:
    hook_instance = scope["state"].get("hook_instance", "none")
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    _log.error("%s in call %s at %s", type(error).__name__, hook_instance, " < ".join(reversed(frames[-8:])))
