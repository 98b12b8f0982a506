"""Stores and what they keep: shared by the tests of the store."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, create_engine, select

from cds_service.records import CallRecord, CardRecord, StoreUnavailableError
from cds_service.report import Report
from cds_service.shelf import MemoryShelf
from cds_service.store.database import Database as SqlDatabase
from cds_service.store.store import Pace, Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from cds_service.records import FeedbackRecord
    from cds_service.shelf import Note
    from cds_service.store.kept import KeptCall
    from cds_service.store.store import Database

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
QUICK = Pace(gather=0.0, look=0.02, first_retry=0.02, longest_retry=0.05, close=2.0)


class FakeDatabase:
    """A database in the test's hand: `fails` is what it says when asked for anything, None while it works."""

    def __init__(self, fails: str | None = None) -> None:
        self.fails = fails
        self.tries = 0
        self.calls: list[KeptCall] = []
        self.feedback: list[FeedbackRecord] = []
        self.forgotten: list[tuple[datetime, datetime]] = []
        self.refused = 0
        self.is_closed = False
        self.shelf = MemoryShelf()

    def _answer(self) -> None:
        self.tries += 1
        if self.fails is not None:
            raise StoreUnavailableError(self.fails)

    async def migrate(self) -> None:
        self._answer()

    async def keep_calls(self, kept: Sequence[KeptCall]) -> int:
        self._answer()
        self.calls.extend(kept)
        return self.refused

    async def keep_feedback(self, told: Sequence[FeedbackRecord], now: datetime) -> None:
        assert now == NOW
        self._answer()
        self.feedback.extend(told)

    async def first_use(self, issuer: str, jti: str, expires_at: datetime) -> bool:
        assert issuer
        assert expires_at > NOW
        self._answer()
        return jti == "new"

    async def lay(self, kind: str, digest: str, sealed: bytes, ends_at: datetime) -> None:
        self._answer()
        await self.shelf.lay(kind, digest, sealed, ends_at, NOW)

    async def look(self, digest: str) -> Note | None:
        self._answer()
        return await self.shelf.look(digest)

    async def change(self, digest: str, sealed: bytes, edition: int) -> bool:
        self._answer()
        return await self.shelf.change(digest, sealed, edition)

    async def take(self, digest: str) -> bool:
        self._answer()
        return await self.shelf.take(digest)

    async def forget(self, kept_since: datetime, now: datetime) -> bool:
        self._answer()
        self.forgotten.append((kept_since, now))
        return len(self.forgotten) == 1

    async def report(self, since: datetime, until: datetime, kept_days: int) -> Report:
        self._answer()
        return Report(since, until, kept_days)

    async def close(self) -> None:
        self.is_closed = True


@asynccontextmanager
async def opened(
    open_database: Callable[[], Database], *, pace: Pace = QUICK, wait_seconds: float = 5.0, **more: Any
) -> AsyncIterator[Store]:
    """A store at work over a database, closed at the end."""
    store = Store(open_database, clock=lambda: NOW, keep_for=timedelta(days=90), pace=pace, **more)
    await store.open(wait_seconds)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def migrated(url: str) -> AsyncIterator[SqlDatabase]:
    """A database with its tables, closed at the end."""
    database = SqlDatabase(url)
    try:
        await database.migrate()
        yield database
    finally:
        await database.close()


async def until(holds: Callable[[], bool]) -> None:
    """Let the background work until it holds; fails when it does not."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what is waited for is another part's own state
            await asyncio.sleep(0.01)


def call(**changes: Any) -> CallRecord:
    """A finished call with one card."""
    made: dict[str, Any] = {
        "service": "iv-nac-patient-view",
        "hook": "patient-view",
        "hook_instance": "4e7cf7b8-3a7a-4c54-9b3b-0f7d7a3a2c11",
        "status": 200,
        "total_ms": 1.5,
        "category": "indicated",
        "rules": ("B1-x", "A2-y"),
        "topics": ("indicated",),
        "profile": "us-2023",
        "ruleset": "0.1.0",
        "cards": (CardRecord("card-1", "indicated", ("B1-x",)),),
    }
    return CallRecord(**made | changes)


def rows(url: str, table: Table) -> list[dict[str, Any]]:
    """Every row of a table, read by another connection."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        found = [dict(row) for row in connection.execute(select(table)).mappings()]
    engine.dispose()
    return found
