"""Which trusted client a token proves.

Knows how header, entry, key, claims and register make one decision. Must not know what a caller is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cds_service.hooks.admission import AuthenticationError
from cds_service.hooks.auth import (
    PresentedToken,
    bearer_token,
    check_algorithm,
    check_claims,
    client_of,
    presented_token,
    verified,
)
from cds_service.hooks.jwks import KeysUnavailableError, PublishedKeys
from cds_service.public_keys import keys_named

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from cds_service.public_keys import PublicKey
    from cds_service.replay import ReplayRegister
    from cds_service.trusted_clients import TrustedClient


@dataclass(frozen=True, slots=True)
class Gate:
    """The clients a site trusts, their published keys, and the tokens that were used."""

    clients: tuple[TrustedClient, ...]
    base_url: str
    keys: PublishedKeys
    replays: ReplayRegister
    clock: Callable[[], datetime]

    async def caller(self, authorizations: Sequence[str], route_path: str) -> TrustedClient:
        """The client whose token these Authorization headers hold, for the route at `route_path`.

        Raises `AuthenticationError`. What costs nothing is checked before a key is fetched, and the token counts as
        used only when all else is proved.
        """
        token = presented_token(bearer_token(authorizations))
        client = client_of(token, self.clients)
        check_algorithm(token, client)
        address = f"{self.base_url}{route_path}"
        check_claims(token, client, (address, f"{address}/"), self.clock())
        proved = verified(token, client, await self._key(token, client))
        if not await self.replays.first_use(client.issuer, proved.jti, proved.unusable_at):
            reason = "the token was used before"
            raise AuthenticationError(reason, client.name)
        return client

    async def _key(self, token: PresentedToken, client: TrustedClient) -> PublicKey:
        """The one key of the client that the token's header names."""
        kid, algorithm = token.header["kid"], token.header["alg"]
        try:
            keys = client.keys if client.jwks_url is None else await self.keys.keys_at(client.jwks_url, kid)
        except KeysUnavailableError as error:
            reason = f"the client's keys cannot be had: {error}"
            raise AuthenticationError(reason, client.name) from None
        fitting = keys_named(keys, kid, algorithm)
        if len(fitting) != 1:
            count = "several keys" if fitting else "no key"
            reason = f"the client has {count} of this id (kid) for this algorithm"
            raise AuthenticationError(reason, client.name)
        return fitting[0]
