"""The database as the store uses it: what can be asked of it, each in a transaction of its own.

Every failure is a `StoreUnavailableError`. Must not know when to try again.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from cds_service.store.calls import insert_calls
from cds_service.store.connection import RowRefusedError, failures_told, open_engine
from cds_service.store.feedback import insert_feedback
from cds_service.store.migration import NEWEST, migrate
from cds_service.store.replay import insert_token
from cds_service.store.reporting import read_report
from cds_service.store.retention import delete_older
from cds_service.store.shelf import delete_note, insert_note, read_note, update_note

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from cds_service.records import FeedbackRecord
    from cds_service.report import Report
    from cds_service.shelf import Note
    from cds_service.store.kept import KeptCall

_SECONDS_TO_MIGRATE = 60.0
_SECONDS_TO_WRITE = 5.0
_SECONDS_TO_COUNT = 30.0
_SECONDS_FOR_A_TOKEN = 1.0
"""A call waits for this; its card must not wait long."""


class Database:
    """One database, by its address."""

    def __init__(self, url: str) -> None:
        """Take the address; nothing is connected yet. Raises `StoreUnavailableError` for one that cannot be read."""
        self._engine = open_engine(url)

    async def migrate(self, revision: str = NEWEST) -> None:
        """Bring the tables up to date, unless another process does or did."""
        with failures_told():
            async with asyncio.timeout(_SECONDS_TO_MIGRATE):
                await migrate(self._engine, revision)

    async def keep_calls(self, kept: Sequence[KeptCall]) -> int:
        """Write these calls; returns how many the database refuses for what they hold."""
        try:
            async with self._transaction(_SECONDS_TO_WRITE) as connection:
                await insert_calls(connection, kept)
        except RowRefusedError:
            return await self._keep_one_by_one(kept) if len(kept) > 1 else 1
        return 0

    async def _keep_one_by_one(self, kept: Sequence[KeptCall]) -> int:
        return sum([await self.keep_calls([each]) for each in kept])

    async def keep_feedback(self, told: Sequence[FeedbackRecord], now: datetime) -> None:
        """Write all of it, or none."""
        async with self._transaction(_SECONDS_TO_WRITE) as connection:
            await insert_feedback(connection, told, now)

    async def first_use(self, issuer: str, jti: str, expires_at: datetime) -> bool:
        """Whether this token is used for the first time."""
        async with self._transaction(_SECONDS_FOR_A_TOKEN) as connection:
            return await insert_token(connection, issuer, jti, expires_at)

    async def lay(self, kind: str, digest: str, sealed: bytes, ends_at: datetime) -> None:
        """Keep a new note."""
        async with self._transaction(_SECONDS_TO_WRITE) as connection:
            await insert_note(connection, kind, digest, sealed, ends_at)

    async def look(self, digest: str) -> Note | None:
        """The note, if it is there."""
        async with self._transaction(_SECONDS_TO_WRITE) as connection:
            return await read_note(connection, digest)

    async def change(self, digest: str, sealed: bytes, edition: int) -> bool:
        """Put another text in place of this edition of a note; whether it was still the newest."""
        async with self._transaction(_SECONDS_TO_WRITE) as connection:
            return await update_note(connection, digest, sealed, edition)

    async def take(self, digest: str) -> bool:
        """Take a note away; whether it was there."""
        async with self._transaction(_SECONDS_TO_WRITE) as connection:
            return await delete_note(connection, digest)

    async def forget(self, kept_since: datetime, now: datetime) -> bool:
        """Delete some of what is no longer kept; whether there may be more."""
        async with self._transaction(_SECONDS_TO_WRITE) as connection:
            return await delete_older(connection, kept_since, now)

    async def report(self, since: datetime, until: datetime, kept_days: int) -> Report:
        """The figures from `since` up to `until`."""
        async with self._transaction(_SECONDS_TO_COUNT) as connection:
            return await read_report(connection, since, until, kept_days)

    async def close(self) -> None:
        """Let every connection go."""
        await self._engine.dispose()

    @asynccontextmanager
    async def _transaction(self, seconds: float) -> AsyncIterator[AsyncConnection]:
        with failures_told():
            async with asyncio.timeout(seconds), self._engine.begin() as connection:
                yield connection
