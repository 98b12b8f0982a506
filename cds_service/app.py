"""The composition root: settings, clock, pools, store and pages come together here and nowhere else."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import httpx
from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware

from cds_service import __version__
from cds_service.barrier import FaultBarrier, WithoutTrailingSlash, add_failures
from cds_service.fhir.client import FhirClient
from cds_service.fhir.exchange import FetchLimits
from cds_service.hooks.capacity import Capacity
from cds_service.hooks.jwks import KeyLimits, PublishedKeys
from cds_service.hooks.metrics import Metrics, write_audit_line
from cds_service.hooks.routes import Desk, hook_routes
from cds_service.hooks.shared_metrics import INTERNAL_PREFIX
from cds_service.lifespan import Premises, lifespan_of, store_of
from cds_service.methods import HeadLikeGet
from cds_service.operations import operations_routes
from cds_service.replay import MemoryReplayRegister, ReplayRegister, SharedReplayRegister
from cds_service.sandbox.fixtures import load_cases
from cds_service.sandbox.server import sandbox_routes
from cds_service.shelf import MemoryShelf
from cds_service.watch.alarms import Alarms
from cds_service.watch.oversight import NONE, Oversight
from cds_service.web.access import check_for
from cds_service.web.api_page import api_routes
from cds_service.web.dashboard import dashboard_routes
from cds_service.web.ehr_charts import FixtureCharts
from cds_service.web.ehr_pages import EhrDesk, ehr_routes
from cds_service.web.governance_page import governance_routes
from cds_service.web.how_page import how_routes
from cds_service.web.nomogram_pages import NomogramDesk, nomogram_routes
from cds_service.web.pages import static_routes
from cds_service.web.sealed import Seal

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi.telemetry import TelemetryConfig

    from cds_service.clinical.assessment import Assessment
    from cds_service.fhir.reading import JsonObject
    from cds_service.hooks.gate import Gate
    from cds_service.sandbox.store import ResourceStore
    from cds_service.settings import Settings
    from cds_service.web.smart_desk import SmartDesk

FHIR_PATH = "/fhir"
"""Where the embedded sandbox is mounted when the app is given one."""
_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""The framework's own would tell paths and the words of errors; calls are traced and counted here, without either."""


def utc_now() -> datetime:
    """The present instant: the clock of a running service."""
    return datetime.now(UTC)


def create_app(  # noqa: PLR0913 - each is something that a test or another application brings
    settings: Settings,
    *,
    clock: Callable[[], datetime] = utc_now,
    sandbox: ResourceStore | None = None,
    open_pool: Callable[[], httpx.AsyncClient] | None = None,
    shared_replays: ReplayRegister | None = None,
    oversight: Oversight = NONE,
    seal: Seal | None = None,
) -> FastAPI:
    """The application.

    `sandbox`: what an embedded FHIR server at /fhir serves. `open_pool`: another way to open the HTTP pools, to reach
    servers without a network. `shared_replays`: another register of used tokens than that of the store.
    `seal`: that of another application, which opens the links this one seals.
    """
    metrics = Metrics(settings.clinical_profile.name, prefix=INTERNAL_PREFIX if oversight.is_internal else "")
    alarms = Alarms(metrics)
    store = store_of(settings, metrics, clock)
    keys = _published_keys(settings, open_pool)
    premises = Premises(settings, clock, metrics, keys, store, oversight, open_pool)
    app = FastAPI(
        title="IV NAC decision support",
        version=__version__,
        summary="CDS Hooks: is intravenous N-acetylcysteine indicated for acetaminophen toxicity?",
        redirect_slashes=False,
        docs_url=None,  # the viewers of the framework come from elsewhere
        redoc_url=None,
        telemetry=_NO_TELEMETRY,
        lifespan=lifespan_of(premises),
    )
    nomogram = NomogramDesk(settings, clock, _seal(settings, clock) if seal is None else seal)
    smart = _smart_app(premises, app) if settings.smart_client_id else None
    desk = Desk(
        settings,
        lambda: app.state.fhir_client,
        metrics,
        clock,
        _card_links(nomogram, smart),
        _gate(premises, shared_replays or store),
        observers=() if oversight.is_internal else (write_audit_line, alarms.observe, premises.keep),
        trace=oversight.tracer,
        feedback=store,
        capacity=Capacity(settings.max_calls),
    )
    app.router.routes.extend(hook_routes(desk))
    app.include_router(operations_routes(premises, alarms, lambda: hasattr(app.state, "fhir_client")))
    _add_pages(app, premises, nomogram)
    if sandbox is not None:
        app.router.routes.extend(sandbox_routes(FHIR_PATH, sandbox))
    add_failures(app)
    _add_middleware(app, settings, metrics)
    return app


def _add_pages(app: FastAPI, premises: Premises, nomogram: NomogramDesk) -> None:
    """The pages: nomogram, mini EHR, how a card is made, and those for who runs and governs the service."""
    settings, store = premises.settings, premises.store
    profile = settings.clinical_profile
    app.router.routes.extend([*static_routes(), *nomogram_routes(nomogram), *how_routes(profile)])
    app.router.routes.extend(api_routes(app.openapi))
    if settings.playground:
        app.router.routes.extend(ehr_routes(_mini_ehr(nomogram, lambda: app.state.fhir_client)))
    admitted = [Depends(check_for(settings))]
    app.include_router(dashboard_routes(None if store is None else store.report, dependencies=admitted))
    app.include_router(governance_routes(profile, dependencies=admitted))


def _card_links(nomogram: NomogramDesk, smart: SmartDesk | None) -> Callable[[Assessment], tuple[JsonObject, ...]]:
    """The links of a card to the pages here: its nomogram, and the SMART app where there is one."""
    app_link = () if smart is None else (smart.card_link,)

    def links(assessment: Assessment) -> tuple[JsonObject, ...]:
        drawn = nomogram.link(assessment)
        return app_link if drawn is None else (drawn, *app_link)

    return links


def _smart_app(premises: Premises, app: FastAPI) -> SmartDesk:
    """The SMART app with its routes. No start without it waits for its libraries.

    Its sessions are kept in the store where others can open what this process seals, else in its memory.
    """
    from cds_service.web.smart_desk import SmartDesk  # noqa: PLC0415
    from cds_service.web.smart_http import AuthorizationHttp  # noqa: PLC0415
    from cds_service.web.smart_oauth import Authorization  # noqa: PLC0415
    from cds_service.web.smart_pages import smart_routes  # noqa: PLC0415
    from cds_service.web.smart_sessions import SmartSessions  # noqa: PLC0415

    settings, store, secret = premises.settings, premises.store, _link_secret(premises.settings)
    shelf = MemoryShelf() if store is None or settings.link_secret is None else store
    http = AuthorizationHttp(lambda: app.state.http, settings.fhir_timeout_seconds)
    smart = SmartDesk(
        settings,
        premises.clock,
        lambda: app.state.fhir_client,
        Authorization(settings, http),
        secret,
        SmartSessions(shelf, secret),
    )
    app.router.routes.extend(smart_routes(smart))
    return smart


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
    without = {
        "playground": False,
        "shadow": False,
        "database_url": "",
        "trusted_clients": None,
        "smart_client_id": "",
    }  # only this process can call it
    inner = settings.model_copy(update={"default_fhir_server": fhir, **without})
    internal = Oversight(is_internal=True)
    app = create_app(inner, clock=charts.present, sandbox=charts.store, oversight=internal, seal=seal)
    limits = FetchLimits(request_seconds=settings.fhir_timeout_seconds)
    app.state.fhir_client = FhirClient(httpx.AsyncClient(transport=httpx.ASGITransport(app)), limits)
    return app


def _seal(settings: Settings, clock: Callable[[], datetime]) -> Seal:
    """The seal of nomogram links; without a secret of the site only this process can open what it sealed."""
    return Seal(_link_secret(settings), timedelta(minutes=settings.link_minutes), clock)


def _link_secret(settings: Settings) -> str:
    """The site's secret, or one of this process alone."""
    return secrets.token_hex(32) if settings.link_secret is None else settings.link_secret.get_secret_value()


def _published_keys(settings: Settings, open_pool: Callable[[], httpx.AsyncClient] | None) -> PublishedKeys:
    """The key sets of clients; fetching one may take half of a call's time at most."""
    limits = KeyLimits(fetch_seconds=min(KeyLimits().fetch_seconds, settings.deadline_seconds / 2))
    return PublishedKeys(limits=limits) if open_pool is None else PublishedKeys(open_pool, limits)


def _gate(premises: Premises, shared: ReplayRegister | None) -> Gate | None:
    """Who lets callers in; None where the site lists no clients. `shared`: the tokens used with any worker."""
    settings, metrics = premises.settings, premises.metrics
    if settings.clients is None:
        return None
    from cds_service.hooks.gate import Gate  # noqa: PLC0415 - loads only where tokens are verified

    memory = MemoryReplayRegister(premises.clock)
    replays = (
        memory
        if shared is None
        else SharedReplayRegister(shared, memory, on_failure=lambda: metrics.count_fault("replay-register"))
    )
    return Gate(settings.clients, settings.base_url, premises.keys, replays, premises.clock)


def _add_middleware(app: FastAPI, settings: Settings, metrics: Metrics) -> None:
    """Outermost last: CORS headers stand on failures too."""
    app.add_middleware(FaultBarrier, metrics=metrics)
    app.add_middleware(HeadLikeGet)
    app.add_middleware(WithoutTrailingSlash)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(settings.cors_origins),
        allow_methods=["GET", "POST", "OPTIONS"],
        allow_headers=["*"],
    )
