"""Whether a token is used for the first time: one INSERT that only one of any number of callers can win."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from cds_service.store.inserting import insert_into
from cds_service.store.tables import REPLAYED_TOKENS

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


async def insert_token(connection: AsyncConnection, issuer: str, jti: str, expires_at: datetime) -> bool:
    """Whether this is the first use of the token; from then on it is used, for every process, until it expires."""
    row = {"digest": _digest(issuer, jti), "expires_at": expires_at}
    insert = insert_into(connection, REPLAYED_TOKENS).values(row).on_conflict_do_nothing()
    inserted = await connection.execute(insert.returning(REPLAYED_TOKENS.c.digest))
    return inserted.first() is not None


def _digest(issuer: str, jti: str) -> str:
    # With its length before it, no issuer can be continued into an id.
    return sha256(f"{len(issuer)}:{issuer}{jti}".encode(errors="surrogatepass")).hexdigest()
