"""Who is signed in: the identity token that came with a grant, verified with the keys its issuer publishes.

Knows OpenID Connect's checks, by joserfc. A token that does not verify ends the launch; none at all only leaves the
user unnamed. Reads no clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import ClaimsOption, JWTClaimsRegistry, decode

from cds_service.fhir.reading import text
from cds_service.hooks.auth import CLOCK_SKEW
from cds_service.public_keys import ALGORITHMS, PublicKeyError, public_key
from cds_service.web.smart_http import LaunchError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from cds_service.fhir.reading import JsonObject
    from cds_service.public_keys import PublicKey
    from cds_service.web.smart_http import AuthorizationHttp
    from cds_service.web.smart_oauth import Launch

_MOST_HEADER_LETTERS = 4096


async def signed_in_user(
    id_token: str | None, launch: Launch, client_id: str, http: AuthorizationHttp, now: datetime
) -> str | None:
    """The user's FHIR reference; None when no identity token came, or the server publishes nothing to verify it with.

    Raises `LaunchError` for a token that does not verify.
    """
    configuration = launch.configuration
    if id_token is None or configuration.jwks_uri is None or configuration.issuer is None:
        return None
    published = await http.get(configuration.jwks_uri)
    claims = verified_claims(id_token, published.members, launch, client_id, now)
    return text(claims.get("fhirUser")) or text(claims.get("profile"))  # the older name


def verified_claims(id_token: str, published: JsonObject, launch: Launch, client_id: str, now: datetime) -> JsonObject:
    """The claims of a token that the issuer signed for this client and this launch. Raises `LaunchError`."""
    required: dict[str, ClaimsOption] = {
        "iss": {"essential": True, "value": launch.configuration.issuer or ""},
        "aud": {"essential": True, "value": client_id},
        "exp": {"essential": True},
        "iat": {"essential": True},
        "nonce": {"essential": True, "value": launch.nonce},
    }
    skew = int(CLOCK_SKEW.total_seconds())
    registry = jws.JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
    registry.max_header_length = _MOST_HEADER_LETTERS
    try:
        token = decode(id_token, KeySet(list(_usable_keys(published))), registry=registry)
        JWTClaimsRegistry(now=int(now.timestamp()), leeway=skew, **required).validate(token.claims)
    except (JoseError, ValueError):
        msg = "The sign-in could not be completed: the identity token does not verify."
        raise LaunchError(msg) from None
    return dict(token.claims)


def _usable_keys(published: JsonObject) -> Iterator[PublicKey]:
    listed: Any = published.get("keys")
    for each in listed if isinstance(listed, list) else ():
        try:
            yield public_key(each)
        except PublicKeyError:
            continue
