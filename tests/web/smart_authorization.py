"""A real authorization server for SMART launches, built on Authlib's: codes used once, PKCE, exact redirect addresses.

The user is signed in already and grants what is asked, as in an EHR; tests turn single screws.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from authlib.oauth2.rfc6749 import (  # type: ignore[import-untyped]  # Authlib ships no types
    AuthorizationServer,
    ClientMixin,
    OAuth2Request,
)
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant  # type: ignore[import-untyped]
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload  # type: ignore[import-untyped]
from authlib.oauth2.rfc7636 import CodeChallenge  # type: ignore[import-untyped]
from authlib.oidc.core import AuthorizationCodeMixin  # type: ignore[import-untyped]
from authlib.oidc.core.grants import OpenIDCode  # type: ignore[import-untyped]
from joserfc.jwk import ECKey
from starlette.responses import Response

from tests.hooks.service import NOW

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# It is the server's own log that names tokens at DEBUG; the tests look for them in the service's.
logging.getLogger("authlib").setLevel(logging.INFO)

CLIENT_ID = "nac-app"
PRACTITIONER = "Practitioner/dr-1"
KEY = ECKey.generate_key("P-384", {"kid": "ehr-1", "use": "sig", "alg": "ES384"})
Json = dict[str, Any]


@dataclass(frozen=True)
class RegisteredApp(ClientMixin):  # type: ignore[misc]
    """The app as registered: one redirect address; public, or with a secret."""

    redirect_uri: str
    secret: str | None = None
    client_id: str = CLIENT_ID
    id_token_signed_response_alg: str = "ES384"  # noqa: S105 - the name of an algorithm

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str | None) -> str:
        return scope or ""

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        return self.secret is not None and secrets.compare_digest(client_secret, self.secret)

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method == ("none" if self.secret is None else "client_secret_basic")

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass(frozen=True)
class Code(AuthorizationCodeMixin):  # type: ignore[misc]
    """A code as it was given out."""

    code: str
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str | None
    code_challenge_method: str | None

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> None:
        return None


@dataclass(eq=False)
class SmartServer(AuthorizationServer):  # type: ignore[misc]
    """The server. `context` goes into token answers (the launched patient); `claims` into identity tokens."""

    app: RegisteredApp
    issuer: str
    context: Json = field(default_factory=dict)
    claims: Json = field(default_factory=lambda: {"fhirUser": PRACTITIONER})
    key: ECKey = field(default_factory=lambda: KEY)
    codes: dict[str, Code] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.register_grant(_Grant, [CodeChallenge(required=True), _Identity()])
        self.register_token_generator("default", self._token)

    def authorize(self, query: Mapping[str, str], *, is_granted: bool = True) -> Response:
        """The answer to a browser that was sent to sign in."""
        request = self.create_oauth2_request(("GET", {}, query))
        grant = self.get_authorization_grant(request)
        user = PRACTITIONER if is_granted else None
        answer: Response = self.create_authorization_response(request, grant_user=user, grant=grant)
        return answer

    def exchange(self, headers: Mapping[str, str], form: Mapping[str, str]) -> Response:
        """The answer to a code."""
        answer: Response = self.create_token_response(("POST", headers, form))
        return answer

    def query_client(self, client_id: str) -> RegisteredApp | None:
        return self.app if client_id == self.app.client_id else None

    def save_token(self, token: Json, _request: OAuth2Request) -> None:
        self.tokens.append(token["access_token"])

    def create_oauth2_request(self, request: tuple[str, Mapping[str, str], Mapping[str, str]]) -> OAuth2Request:
        method, headers, told = request
        made = _Request(method, "https://authorization.test/", headers=headers)
        made.payload = BasicOAuth2Payload(dict(told))
        return made

    def handle_response(self, status: int, body: Any, headers: Sequence[tuple[str, str]]) -> Response:
        return Response(body if isinstance(body, str) else orjson.dumps(body), status, dict(headers))

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """No one listens."""

    def _token(self, scope: str, **_: Any) -> Json:
        token = {"token_type": "Bearer", "access_token": f"access-{secrets.token_urlsafe(16)}", "expires_in": 3600}
        return token | {"scope": scope} | self.context


class _Request(OAuth2Request):  # type: ignore[misc]
    @property
    def form(self) -> Json:
        return dict(self.payload.data)


class _Grant(AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("none", "client_secret_basic")

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        told = request.payload.data
        self.server.codes[code] = Code(
            code,
            told["redirect_uri"],
            told["scope"],
            told.get("nonce"),
            told.get("code_challenge"),
            told.get("code_challenge_method"),
        )

    def query_authorization_code(self, code: str, _client: RegisteredApp) -> Code | None:
        found: Code | None = self.server.codes.get(code)
        return found

    def delete_authorization_code(self, authorization_code: Code) -> None:
        del self.server.codes[authorization_code.code]

    def authenticate_user(self, _authorization_code: Code) -> str:
        return PRACTITIONER


class _Identity(OpenIDCode):  # type: ignore[misc]
    """Identity tokens of the server the grant belongs to."""

    def __call__(self, grant: _Grant) -> None:
        self.server: SmartServer = grant.server
        super().__call__(grant)

    def exists_nonce(self, nonce: str, _request: OAuth2Request) -> bool:
        return any(code.nonce == nonce for code in self.server.codes.values())

    def resolve_client_private_key(self, _client: RegisteredApp) -> ECKey:
        return self.server.key

    def get_client_claims(self, client: RegisteredApp) -> Json:
        now = int(NOW.timestamp())
        return {"iss": self.server.issuer, "aud": client.client_id, "iat": now, "exp": now + 900}

    def get_encode_header(self, _client: RegisteredApp) -> Json:
        return {"alg": "ES384", "typ": "JWT", "kid": self.server.key.kid}

    def generate_user_info(self, user: str, _scope: str) -> Json:
        return {"sub": user} | self.server.claims
