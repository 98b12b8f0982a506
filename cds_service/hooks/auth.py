"""Verifying the JSON Web Token a client sends with each request of CDS Hooks. Pure.

Knows headers, tokens and their claims. Must not read a clock, fetch a key or know a route: `now`, the key and the
audiences are arguments. A refusal names its reason for the log, in words that repeat nothing of the token.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from joserfc import jws
from joserfc.errors import ClaimError, JoseError
from joserfc.jwt import ClaimsOption, JWTClaimsRegistry
from joserfc.util import urlsafe_b64decode

from cds_service.hooks.admission import AuthenticationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cds_service.public_keys import PublicKey
    from cds_service.trusted_clients import TrustedClient

MOST_TOKEN_LETTERS = 8192
CLOCK_SKEW = timedelta(seconds=60)
"""How far a client's clock may differ from ours."""

_BEARER = re.compile(r"bearer +(?P<token>\S+)", re.IGNORECASE)
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_KID = re.compile(r"[\x20-\x7e]{1,128}")
_JTI = re.compile(r"[\x20-\x7e]{1,256}")
_OWN_KEYS = frozenset({"jwk", "x5c", "x5u"})
_TIMES = frozenset({"exp", "iat", "nbf"})
_CHANGES_MEANING = frozenset({"crit", "b64", "zip", "enc", "cty"})


@dataclass(frozen=True, slots=True)
class PresentedToken:
    """A token taken apart. Nothing in it is to be believed before its signature is verified."""

    text: str
    header: dict[str, str]
    claims: dict[str, Any]

    def __repr__(self) -> str:
        """Nothing of the token: a log may show this."""
        return "PresentedToken(...)"


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """What a verified token leaves behind: its id, and from when it cannot be shown again in any case."""

    jti: str
    unusable_at: datetime


def bearer_token(authorizations: Sequence[str]) -> str:
    """The token in the request's Authorization headers, of which there must be exactly one."""
    if not authorizations:
        _refuse("there is no Authorization header")
    if len(authorizations) > 1:
        _refuse("there are several Authorization headers")
    if len(authorizations[0]) > MOST_TOKEN_LETTERS:
        _refuse(f"the Authorization header is longer than {MOST_TOKEN_LETTERS} letters")
    found = _BEARER.fullmatch(authorizations[0])
    if found is None:
        _refuse("the Authorization header holds no Bearer token")
    return found["token"]


def presented_token(text: str) -> PresentedToken:
    """The parts of a signed compact token."""
    if _COMPACT.fullmatch(text) is None:
        _refuse("the token is not a signed JWT")
    header_part, claims_part, _ = text.split(".")
    header = _json_object(header_part, "header")
    _check_header(header)
    return PresentedToken(text, header, _json_object(claims_part, "claims"))


def _json_object(part: str, name: str) -> dict[str, Any]:
    try:
        value = json.loads(urlsafe_b64decode(part.encode()), object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        _refuse(f"the token's {name} cannot be read")
    if not isinstance(value, dict):
        _refuse(f"the token's {name} is not an object")
    return value


def _without_duplicates(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names differ: of a name given twice, two readers may take a different value each."""
    found = dict(members)
    if len(found) < len(members):
        msg = "a member is given twice"
        raise ValueError(msg)
    return found


def _check_header(header: dict[str, Any]) -> None:
    """The header says how to verify and nothing else: it brings no key and changes no rule."""
    if _OWN_KEYS & header.keys():
        _refuse("the token's header brings a key of its own")
    if _CHANGES_MEANING & header.keys():
        _refuse("the token's header asks for extensions")
    if not all(isinstance(value, str) for value in header.values()):
        _refuse("the token's header holds something that is not text")
    if header.get("typ", "").upper() != "JWT":
        _refuse("the token's type (typ) is not JWT")
    if _KID.fullmatch(header.get("kid", "")) is None:
        _refuse("the token names no key (kid)")


def client_of(token: PresentedToken, clients: Sequence[TrustedClient]) -> TrustedClient:
    """The entry for the token's issuer and tenant, which is still to be proved."""
    issuer, tenant = token.claims.get("iss"), token.claims.get("tenant")
    of_issuer = [client for client in clients if client.issuer == issuer]
    if not of_issuer:
        _refuse("the issuer (iss) is no trusted client")
    admitting = [client for client in of_issuer if client.admits_tenant(tenant)]
    if not admitting:
        _refuse("the tenant is not one of the client's", of_issuer[0])
    return admitting[0]


def check_algorithm(token: PresentedToken, client: TrustedClient) -> None:
    """The algorithm is one the entry lists, and a key set the header names is the one the entry names."""
    if token.header.get("alg") not in client.algorithms:
        _refuse("the algorithm is not one of the client's", client)
    if client.jwks_url is not None and token.header.get("jku", client.jwks_url) != client.jwks_url:
        _refuse("the token names another key set (jku) than the client's", client)


def check_claims(token: PresentedToken, client: TrustedClient, audiences: Sequence[str], now: datetime) -> None:
    """The claims are whole, meant for this address and of this moment; `audiences`: the spellings of the address."""
    _check_times(token.claims, client, now)
    if _JTI.fullmatch(_text(token.claims.get("jti"))) is None:
        _refuse("the token has no id (jti)", client)
    named = token.claims.get("aud")
    listed = named if isinstance(named, list) else [named]
    if not any(audience in listed for audience in (*audiences, *client.audiences)):
        _refuse("the audience (aud) is neither the address called nor one listed for the client", client)


def _check_times(claims: dict[str, Any], client: TrustedClient, now: datetime) -> None:
    required: dict[str, ClaimsOption] = {name: {"essential": True} for name in ("exp", "iat")}
    skew = int(CLOCK_SKEW.total_seconds())
    times = {name: value for name, value in claims.items() if name in _TIMES}
    try:
        JWTClaimsRegistry(now=int(now.timestamp()), leeway=skew, **required).validate(times)
    except ClaimError as error:
        _refuse(error.description, client)
    if not 0 < claims["exp"] - claims["iat"] <= client.max_token_life.total_seconds():
        most = client.max_token_life.total_seconds() / 60
        _refuse(f"the token lives longer than {most:g} minutes, or expires before it was issued", client)


def verified(token: PresentedToken, client: TrustedClient, key: PublicKey) -> VerifiedToken:
    """What is left of a token whose claims were checked and whose signature `key` verifies."""
    registry = jws.JWSRegistry(algorithms=client.algorithms, strict_check_header=False)
    registry.max_header_length = MOST_TOKEN_LETTERS  # the whole token is bounded; 512 would refuse long addresses
    try:
        jws.deserialize_compact(token.text, key, registry=registry)
    except (JoseError, ValueError):
        _refuse("the signature does not verify", client)
    expires_at = datetime.fromtimestamp(token.claims["exp"], UTC)
    return VerifiedToken(token.claims["jti"], expires_at + CLOCK_SKEW)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _refuse(reason: str, client: TrustedClient | None = None) -> NoReturn:
    raise AuthenticationError(reason, None if client is None else client.name) from None
