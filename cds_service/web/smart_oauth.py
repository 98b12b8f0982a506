"""The OAuth half of a SMART launch: discovery, the address to sign in at, and a code exchanged for a token.

Knows SMART App Launch and OAuth 2 with PKCE, by Authlib's parts. Must not know routes, sessions or charts.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, NoReturn

from authlib.oauth2.auth import ClientAuth  # type: ignore[import-untyped]  # Authlib ships no types
from authlib.oauth2.rfc6749.parameters import (  # type: ignore[import-untyped]
    prepare_grant_uri,
    prepare_token_request,
)
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]

from cds_service.fhir.reading import text
from cds_service.fhir.servers import is_fhir_id
from cds_service.web.smart_http import AuthorizationHttp, LaunchError, is_safe_endpoint

if TYPE_CHECKING:
    from datetime import datetime

    from cds_service.fhir.reading import JsonObject
    from cds_service.settings import Settings
    from cds_service.web.smart_http import JsonAnswer

CALLBACK_PATH = "/smart/callback"
LONGEST_SESSION = timedelta(hours=1)
"""A token that lives longer is forgotten here after that."""

_DISCOVERY_HELD_SECONDS = 300.0
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_ERRORS = {
    "access_denied": "access was denied",
    "invalid_request": "the request was found invalid",
    "unauthorized_client": "this app is not permitted to sign in this way",
    "unsupported_response_type": "the server does not support this way of signing in",
    "invalid_scope": "the server does not grant the access this app asks for",
    "server_error": "the authorization server failed",
    "temporarily_unavailable": "the authorization server is not available now",
    "invalid_client": "this app is not known to the server, or its secret is wrong",
    "invalid_grant": "the sign-in has expired or was used already",
    "login_required": "the server asks for a sign-in of its own first",
}


@dataclass(frozen=True, slots=True)
class SmartConfiguration:
    """Where a FHIR server's users sign in. `issuer` and `jwks_uri`: who signs identity tokens, and with which keys."""

    authorization_endpoint: str
    token_endpoint: str
    issuer: str | None = None
    jwks_uri: str | None = None


@dataclass(frozen=True, slots=True)
class Launch:
    """A sign-in under way: begun by the browser `browser` for one FHIR server, to be finished once, before its end."""

    base: str
    configuration: SmartConfiguration
    scopes: str
    browser: str
    ends_at: datetime
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a finished sign-in gave: the token, the patient it is for, its scopes and how long it may be used here."""

    token: str = field(repr=False)
    patient_id: str
    scopes: frozenset[str]
    lifetime: timedelta
    id_token: str | None = field(default=None, repr=False)


@dataclass(slots=True)
class Authorization:
    """The authorization servers of the configured FHIR servers, as the registered client of each."""

    settings: Settings
    http: AuthorizationHttp
    _held: dict[str, tuple[float, SmartConfiguration]] = field(default_factory=dict)

    @property
    def redirect_uri(self) -> str:
        """The address users come back to, as it has to be registered."""
        return f"{self.settings.base_url}{CALLBACK_PATH}"

    async def configuration(self, base: str) -> SmartConfiguration:
        """What the FHIR server says about its authorization server, held for some minutes. Raises `LaunchError`."""
        now = asyncio.get_running_loop().time()
        asked, held = self._held.get(base, (0.0, None))
        if held is None or now - asked > _DISCOVERY_HELD_SECONDS:
            told = await self.http.get(f"{base}/.well-known/smart-configuration")
            held = configuration_from(told.members)
            self._held[base] = now, held
        return held

    def sign_in_address(self, launch: Launch, audience: str, launch_token: str | None) -> str:
        """Where to send the browser. `audience`: the FHIR base as the EHR spelled it."""
        address: str = prepare_grant_uri(
            launch.configuration.authorization_endpoint,
            client_id=self.settings.smart_client_id,
            response_type="code",
            redirect_uri=self.redirect_uri,
            scope=launch.scopes,
            state=launch.state,
            aud=audience,
            launch=launch_token,
            nonce=launch.nonce if "openid" in launch.scopes.split() else None,
            code_challenge=create_s256_code_challenge(launch.verifier),
            code_challenge_method="S256",
        )
        return address

    async def grant(self, launch: Launch, code: str) -> Grant:
        """What the code is worth. Raises `LaunchError`."""
        form = prepare_token_request(
            "authorization_code", redirect_uri=self.redirect_uri, code=code, code_verifier=launch.verifier
        )
        secret = self.settings.smart_client_secret
        method = "none" if secret is None else "client_secret_basic"
        client = ClientAuth(
            self.settings.smart_client_id, None if secret is None else secret.get_secret_value(), method
        )
        address, headers, form = client.prepare("POST", launch.configuration.token_endpoint, dict(_FORM), form)
        return grant_from(await self.http.post(address, headers, form), launch)


def error_words(code: object) -> str:
    """An OAuth error code in words; foreign texts are never repeated."""
    return _ERRORS.get(text(code) or "", "the authorization server refused without a reason this app knows")


def scopes_of_launch(configured: str, *, is_from_ehr: bool) -> str:
    """The scopes to ask for: an EHR brings its patient along, a standalone launch asks the server to offer a choice."""
    left_out, needed = ("launch/patient", "launch") if is_from_ehr else ("launch", "launch/patient")
    kept = [scope for scope in configured.split() if scope not in {left_out, needed}]
    return " ".join([needed, *kept])


def configuration_from(told: JsonObject) -> SmartConfiguration:
    """The configuration in a discovery document. Raises `LaunchError` for one that cannot be used safely."""
    authorize, exchange = told.get("authorization_endpoint"), told.get("token_endpoint")
    if not (isinstance(authorize, str) and isinstance(exchange, str)):
        _refuse("The FHIR server does not say where to sign in, so it does not support SMART launches.")
    if not (is_safe_endpoint(authorize) and is_safe_endpoint(exchange)):
        _refuse("The FHIR server names an authorization address that is not a secure (https) one.")
    methods = told.get("code_challenge_methods_supported")
    if isinstance(methods, list) and "S256" not in methods:
        _refuse("The authorization server does not support PKCE with S256, which this app requires.")
    keys = told.get("jwks_uri")
    return SmartConfiguration(
        authorize,
        exchange,
        text(told.get("issuer")),
        keys if isinstance(keys, str) and is_safe_endpoint(keys) else None,
    )


def grant_from(answer: JsonAnswer, launch: Launch) -> Grant:
    """The grant in a token answer. Raises `LaunchError`; a launch without a patient is none."""
    told = answer.members
    if answer.status != HTTPStatus.OK or "error" in told:
        reason = error_words(told["error"]) if "error" in told else f"the server answered {answer.status}"
        _refuse(f"The sign-in could not be completed: {reason}.")
    token, patient = told.get("access_token"), told.get("patient")
    if not isinstance(token, str) or not _is_plain(token) or str(told.get("token_type")).casefold() != "bearer":
        _refuse("The sign-in could not be completed: the server gave no access token that can be used.")
    if not isinstance(patient, str) or not is_fhir_id(patient):
        _refuse("The server did not say which patient the app was opened for. Open it from a patient's chart.")
    scopes, id_token = told.get("scope", launch.scopes), told.get("id_token")
    return Grant(
        token=token,
        patient_id=patient,
        scopes=frozenset(scopes.split()) if isinstance(scopes, str) else frozenset(),
        lifetime=_lifetime(told.get("expires_in")),
        id_token=id_token if isinstance(id_token, str) else None,
    )


def _is_plain(token: str) -> bool:
    return bool(token) and token.isascii() and token.isprintable() and " " not in token


def _lifetime(seconds: object) -> timedelta:
    """How long a token is used here; one whose life is not told ends with the session."""
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdecimal():
        seconds = int(seconds[:9])
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return LONGEST_SESSION
    longest = LONGEST_SESSION.total_seconds()
    return timedelta(seconds=max(0.0, min(float(seconds), longest)))


def permits_create(scopes: frozenset[str], resource_type: str) -> bool:
    """Whether SMART scopes (version 1 or 2) permit creating a resource of the launched patient."""
    return any(_permits_create(scope, resource_type) for scope in scopes)


def _permits_create(scope: str, resource_type: str) -> bool:
    context, _, rest = scope.partition("/")
    named, _, access = rest.partition("?")[0].partition(".")
    if context not in {"patient", "user"} or named not in {resource_type, "*"} or "?" in scope:
        return False
    return access in {"write", "*"} or (set(access) <= set("cruds") and "c" in access)


def _refuse(words: str) -> NoReturn:
    raise LaunchError(words)
