"""An EHR that launches the app: authorization server, FHIR server that wants its tokens, and a clinician's browser."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from cds_service.app import create_app
from cds_service.sandbox.fixtures import load_cases
from cds_service.sandbox.server import fhir_app
from cds_service.sandbox.store import ResourceStore
from cds_service.settings import Settings
from tests.hooks.service import NOW, without_unset
from tests.web.smart_authorization import CLIENT_ID, KEY, RegisteredApp, SmartServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from datetime import datetime

    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

APP = "https://app.test"
EHR = "https://ehr.test"
FHIR = f"{EHR}/fhir"
UNKNOWN_TIME = "b9-unknown-time-level-10"
WRITE = "launch openid fhirUser patient/*.read patient/MedicationStatement.write"
Json = dict[str, Any]


@dataclass
class Ehr:
    """The EHR at one origin. Tests replace `configuration`, `token_answer`, `fhir` or the server's parts."""

    fhir: ASGIApp
    origin: str = EHR
    app_base: str = APP
    secret: str | None = None
    configuration: Json = field(default_factory=dict)
    is_granted: bool = True
    token_answer: Callable[[], Awaitable[Response]] | None = None
    authorized: list[dict[str, str]] = field(default_factory=list)
    fhir_tokens: list[str | None] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        app = RegisteredApp(f"{self.app_base}/smart/callback", self.secret)
        self.server = SmartServer(app, f"{self.origin}/auth", {"patient": UNKNOWN_TIME})
        self.asgi = Starlette(
            routes=[
                Route("/fhir/.well-known/smart-configuration", self._configuration),
                Route("/auth/authorize", self._authorize),
                Route("/auth/token", self._token, methods=["POST"]),
                Route("/auth/keys", self._keys),
                Mount("/fhir", self._guarded),
            ]
        )

    async def _configuration(self, _: Request) -> Response:
        told: Json = {
            "issuer": f"{self.origin}/auth",
            "jwks_uri": f"{self.origin}/auth/keys",
            "authorization_endpoint": f"{self.origin}/auth/authorize",
            "token_endpoint": f"{self.origin}/auth/token",
            "code_challenge_methods_supported": ["S256"],
        }
        return JSONResponse(without_unset(told | self.configuration))

    async def _authorize(self, request: Request) -> Response:
        query = dict(request.query_params)
        self.authorized.append(query)
        if query.get("aud", "").rstrip("/") != f"{self.origin}/fhir" or query.get("code_challenge_method") != "S256":
            return JSONResponse({"error": "invalid_request"}, 400)
        return self.server.authorize(query, is_granted=self.is_granted)

    async def _token(self, request: Request) -> Response:
        if self.token_answer is not None:
            return await self.token_answer()
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        headers = {"Authorization": request.headers.get("authorization", "")}
        return self.server.exchange(headers, form)

    async def _keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [KEY.as_dict(private=False)]})

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The FHIR server, for bearers of tokens that were given out here."""
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        token = headers.get("authorization", "").removeprefix("Bearer ") or None
        self.fhir_tokens.append(token)
        if scope["method"] == "POST":
            self.conditions.append(headers.get("if-none-exist", ""))
        if token not in self.server.tokens or token in self.revoked:
            await JSONResponse({"resourceType": "OperationOutcome"}, 401)(scope, receive, send)
            return
        await self.fhir(scope, receive, send)


@dataclass
class Launched:
    """The app with its EHR, and a browser that reaches both and keeps its cookies."""

    ehr: Ehr
    app: FastAPI
    browser: httpx.AsyncClient
    store: ResourceStore

    def another_browser(self) -> httpx.AsyncClient:
        """A browser without cookies."""
        return browser(self.app, self.ehr)

    async def launch(self, launch: str | None = "ehr-launch-1", **changes: str) -> httpx.Response:
        """Open the app from the chart (or standalone), and follow wherever the browser is sent."""
        query = {"iss": FHIR} | ({} if launch is None else {"launch": launch}) | changes
        return await self.browser.get(f"{APP}/smart/launch", params=query, follow_redirects=True)

    async def post(self, page: httpx.Response, **fields: str) -> httpx.Response:
        """Send a form of a page as a browser does."""
        form = {"form_token": form_token(page)} | fields
        return await self.browser.post(str(page.url), data=form, follow_redirects=True)


def browser(app: ASGIApp, ehr: Ehr) -> httpx.AsyncClient:
    """A browser that reaches the app and the EHR, and no one else."""
    mounts = {APP: httpx.ASGITransport(app), EHR: httpx.ASGITransport(ehr.asgi)}
    return httpx.AsyncClient(mounts=mounts, transport=httpx.MockTransport(_nowhere))


def _nowhere(request: httpx.Request) -> httpx.Response:
    raise AssertionError(request.url)


def chart(*slugs: str) -> ResourceStore:
    """A FHIR store with the charts of some fixture patients, at their own instants."""
    cases = {case.slug: case for case in load_cases()}
    return ResourceStore(resource for slug in slugs for resource in cases[slug].resources())


@asynccontextmanager
async def launched(
    *,
    store: ResourceStore | None = None,
    fhir: ASGIApp | None = None,
    clock: Callable[[], datetime] = lambda: NOW,
    **settings: Any,
) -> AsyncIterator[Launched]:
    """The started app with an EHR in memory; its FHIR server is `fhir`, else the embedded one over `store`."""
    secret = settings.get("smart_client_secret")
    charts = chart(UNKNOWN_TIME) if store is None else store
    ehr = Ehr(fhir_app(charts) if fhir is None else fhir, secret=secret)
    usual = {"base_url": APP, "allowed_fhir_servers": (FHIR,), "smart_client_id": CLIENT_ID, "database_url": ""}
    transport = httpx.ASGITransport(ehr.asgi)
    app = create_app(
        Settings(**usual | settings), clock=clock, open_pool=lambda: httpx.AsyncClient(transport=transport)
    )
    async with app.router.lifespan_context(app), browser(app, ehr) as opened:
        yield Launched(ehr, app, opened, charts)


@dataclass
class Turns:
    """A load balancer that sends each request to the next of its processes, with no regard to who asks."""

    processes: list[FastAPI]
    answered: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        self.answered += 1
        await self.processes[self.answered % len(self.processes)](scope, receive, send)


@asynccontextmanager
async def launched_by_turns(*each: Json, **settings: Any) -> AsyncIterator[Launched]:
    """As many processes of the app, which take turns, as there are settings of their own beside the common ones."""
    charts = chart(UNKNOWN_TIME)
    ehr = Ehr(fhir_app(charts))
    usual = {"base_url": APP, "allowed_fhir_servers": (FHIR,), "smart_client_id": CLIENT_ID, "smart_scopes": WRITE}

    def pool() -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(ehr.asgi))

    apps = [create_app(Settings(**usual | settings | own), clock=lambda: NOW, open_pool=pool) for own in each]
    async with AsyncExitStack() as stack:
        for app in apps:
            await stack.enter_async_context(app.router.lifespan_context(app))
        opened = await stack.enter_async_context(browser(Turns(apps), ehr))
        yield Launched(ehr, apps[0], opened, charts)


def form_token(page: httpx.Response) -> str:
    """The token in the forms of a page."""
    found = re.search(r'name="form_token" value="([^"]+)"', page.text)
    assert found is not None, page.text
    return found[1]


def action(page: httpx.Response, name: str) -> str:
    """The first action of this name that a page offers, with its key."""
    found = re.search(rf'name="action" value="({name}:[0-9a-f]+)"', page.text)
    assert found is not None, page.text
    return found[1]


def query_of(address: str) -> dict[str, str]:
    """The parameters of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
