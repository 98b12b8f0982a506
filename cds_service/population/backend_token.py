"""Access tokens of SMART Backend Services: a signed assertion of this client in exchange for a bearer token.

Knows joserfc and requests. The private key is read from a file and never leaves the process; neither key, assertion nor
token is ever part of a message.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson
import requests
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, RSAKey

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

_ALGORITHMS = {"P-384": "ES384", "P-256": "ES256"}
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_LIVES = timedelta(minutes=4)
_RENEWED_BEFORE = timedelta(seconds=30)
_ASSUMED_LIFE_S = 300
_SECONDS = 30.0


class TokenError(Exception):
    """No access token could be had; the message says why, without any secret."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The private key of this client, its id among the client's published keys, and the algorithm it signs with."""

    key: ECKey | RSAKey
    kid: str
    algorithm: str


def signing_key(path: Path) -> SigningKey:
    """The key in a JWK file (private, EC P-384 or P-256, or RSA; with a `kid`). Raises `TokenError`."""
    try:
        key = JWKRegistry.import_key(orjson.loads(path.read_bytes()))
    except OSError as error:
        msg = f"the key file cannot be read: {error.strerror}"
        raise TokenError(msg) from None
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        msg = "the key file holds no JWK"
        raise TokenError(msg) from None
    if not isinstance(key, ECKey | RSAKey) or not key.is_private or not key.kid:
        msg = "the key must be a private EC or RSA key with a kid"
        raise TokenError(msg)
    algorithm = "RS384" if isinstance(key, RSAKey) else _ALGORITHMS.get(str(key.as_dict().get("crv")))
    if algorithm is None:
        msg = "an EC key must be on P-384 or P-256"
        raise TokenError(msg)
    return SigningKey(key, key.kid, algorithm)


@dataclass(slots=True)
class BackendToken:
    """The bearer token of one client at one token endpoint, renewed shortly before it ends."""

    token_url: str
    client_id: str
    key: SigningKey = field(repr=False)
    scope: str
    now: Callable[[], datetime]
    session: requests.Session = field(default_factory=requests.Session)
    _token: str = field(default="", repr=False)
    _ends_at: datetime | None = None

    def header(self) -> dict[str, str]:
        """The Authorization header of a request made now. Raises `TokenError`."""
        if self._ends_at is None or self.now() >= self._ends_at - _RENEWED_BEFORE:
            self._renew()
        return {"Authorization": f"Bearer {self._token}"}

    def forget(self) -> None:
        """Ask for another token the next time: this one was refused."""
        self._ends_at = None

    def _renew(self) -> None:
        asked_at = self.now()
        told = self._answer(
            {
                "grant_type": "client_credentials",
                "scope": self.scope,
                "client_assertion_type": _ASSERTION,
                "client_assertion": self._assertion(asked_at),
            }
        )
        token, life = told.get("access_token"), told.get("expires_in", _ASSUMED_LIFE_S)
        if not isinstance(token, str) or not token.isprintable() or not isinstance(life, int) or life <= 0:
            msg = "the token endpoint answered without a usable token"
            raise TokenError(msg)
        self._token, self._ends_at = token, asked_at + timedelta(seconds=life)

    def _assertion(self, at: datetime) -> str:
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.token_url,
            "exp": int((at + _ASSERTION_LIVES).timestamp()),
            "jti": str(uuid4()),
        }
        header = {"alg": self.key.algorithm, "kid": self.key.kid, "typ": "JWT"}
        return jwt.encode(header, claims, self.key.key, algorithms=[self.key.algorithm])

    def _answer(self, form: dict[str, str]) -> dict[str, Any]:
        try:
            answer = self.session.post(self.token_url, data=form, timeout=_SECONDS, allow_redirects=False)
            told = answer.json() if answer.status_code == requests.codes.ok else {}
        except requests.RequestException:  # its message may hold the address with more than a host
            msg = "the token endpoint cannot be reached, or does not answer with JSON"
            raise TokenError(msg) from None
        if answer.status_code != requests.codes.ok or not isinstance(told, dict):
            msg = f"the token endpoint refused the client (HTTP {answer.status_code})"
            raise TokenError(msg)
        return told


def token_url_of(base: str, session: requests.Session) -> str:
    """The token endpoint that a FHIR server's SMART configuration names. Raises `TokenError`."""
    try:
        answer = session.get(f"{base}/.well-known/smart-configuration", timeout=_SECONDS)
        told = answer.json().get("token_endpoint") if answer.status_code == requests.codes.ok else None
    except (requests.RequestException, AttributeError):
        told = None
    if not isinstance(told, str) or not told.startswith(("https://", "http://")):
        msg = "the FHIR server's SMART configuration names no token endpoint"
        raise TokenError(msg)
    return told
