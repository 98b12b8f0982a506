"""Forgetting: what is older than the site keeps, and tokens and notes that have ended, some rows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from cds_service.store.tables import CALLS, FEEDBACK, REPLAYED_TOKENS, SEALED_NOTES

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Column
    from sqlalchemy.ext.asyncio import AsyncConnection

MOST_ROWS = 500
"""Rows of one table that one transaction deletes, so that nobody waits long for it."""


async def delete_older(connection: AsyncConnection, kept_since: datetime, now: datetime) -> bool:
    """Delete some of what was recorded before `kept_since`, expired tokens and ended notes; whether there may be more.

    The marks and cards of a call go with it.
    """
    deleted = [
        await _delete(connection, CALLS.c.id, CALLS.c.at, kept_since),
        await _delete(connection, FEEDBACK.c.id, FEEDBACK.c.received_at, kept_since),
        await _delete(connection, REPLAYED_TOKENS.c.digest, REPLAYED_TOKENS.c.expires_at, now),
        await _delete(connection, SEALED_NOTES.c.digest, SEALED_NOTES.c.ends_at, now),
    ]
    return max(deleted) == MOST_ROWS


async def _delete(connection: AsyncConnection, key: Column[str], at: Column[datetime], before: datetime) -> int:
    oldest = select(key).where(at < before).limit(MOST_ROWS)
    done = await connection.execute(delete(key.table).where(key.in_(oldest)))
    return done.rowcount
