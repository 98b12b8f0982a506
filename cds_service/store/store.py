"""The store of a running process: it keeps what it is given as well as the database can, and never makes a call wait.

Knows when to write and when to try again. Knows no SQL: the database is opened by a function, in a thread,
since its libraries take longer to load than the service takes to start.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from cds_service.records import StoreUnavailableError
from cds_service.store.condition import Condition
from cds_service.store.kept import KeptCall, key_at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from datetime import datetime

    from cds_service.records import CallRecord, FeedbackRecord
    from cds_service.report import Report
    from cds_service.shelf import Note

_log = logging.getLogger("cds_service.store")

MOST_QUEUED = 10_000
"""Calls that wait to be written; beyond them the log line is all that stays."""
MOST_AT_ONCE = 100
"""Calls written in one transaction: each then costs 0.05 ms. Preparing them holds up the calls being answered for about
three milliseconds, in three parts."""


class Database(Protocol):
    """What the store asks of its database; each raises `StoreUnavailableError` when it cannot be done."""

    async def migrate(self) -> None:
        """Bring the tables up to date."""

    async def keep_calls(self, kept: Sequence[KeptCall]) -> int:
        """Write these calls; returns how many are refused for good."""

    async def keep_feedback(self, told: Sequence[FeedbackRecord], now: datetime) -> None:
        """Write all of it, or none."""

    async def first_use(self, issuer: str, jti: str, expires_at: datetime) -> bool:
        """Whether this token is used for the first time."""

    async def lay(self, kind: str, digest: str, sealed: bytes, ends_at: datetime) -> None:
        """Keep a new note until it ends."""

    async def look(self, digest: str) -> Note | None:
        """The note, if it is there."""

    async def change(self, digest: str, sealed: bytes, edition: int) -> bool:
        """Put another text in place of this edition of a note; whether it was still the newest."""

    async def take(self, digest: str) -> bool:
        """Take a note away; whether it was there."""

    async def forget(self, kept_since: datetime, now: datetime) -> bool:
        """Delete some of what is no longer kept; whether there may be more."""

    async def report(self, since: datetime, until: datetime, kept_days: int) -> Report:
        """The figures from `since` up to `until`."""

    async def close(self) -> None:
        """Let every connection go."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the store does what it does in the background, in seconds."""

    gather: float = 0.25
    """Calls are collected this long, so that many are written at once."""
    look: float = 30.0
    """An idle database is looked at this often."""
    first_retry: float = 1.0
    longest_retry: float = 60.0
    first_try: float = 2.0
    """Feedback or a note that comes before the database was tried at all waits this long."""
    forget: float = 3600.0
    close: float = 5.0
    """What is still queued at the end is written within this time, or is lost."""


class Store:
    """Calls are kept when the database allows; feedback, used tokens and sealed notes are kept at once or refused."""

    def __init__(
        self,
        open_database: Callable[[], Database],
        *,
        clock: Callable[[], datetime],
        keep_for: timedelta,
        on_lost: Callable[[int], None] = lambda _: None,
        pace: Pace | None = None,
    ) -> None:
        """Take how to open the database (run in a thread) and how long to keep; nothing is opened yet."""
        self._open_database = open_database
        self._clock = clock
        self._keep_for = keep_for
        self._on_lost = on_lost
        self._pace = pace or Pace()
        self._condition = Condition(self._pace.first_retry, self._pace.longest_retry)
        self._database: Database | None = None
        self._queue: deque[KeptCall] = deque()
        self._is_losing = False
        self._work_waits = asyncio.Event()
        self._is_ending = asyncio.Event()
        self._was_tried = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self._forget_at = 0.0

    @property
    def condition(self) -> str:
        """In a word: "opening" before the first try is over, then "up" or "unavailable"."""
        return self._condition.word

    @property
    def is_up(self) -> bool:
        """Whether the database answered when it was last asked."""
        return self._condition.is_up

    @property
    def queued(self) -> int:
        """Calls that wait to be written."""
        return len(self._queue)

    async def open(self, wait_seconds: float = 0.0, *, after_seconds: float = 0.0) -> None:
        """Begin to work in the background, after so long; wait at most so long for the first try, however it ends."""
        self._runner = asyncio.create_task(self._run(after_seconds))
        self._runner.add_done_callback(self._tell_end)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_seconds):
                await self._was_tried.wait()

    async def close(self) -> None:
        """Write what is queued, if that can be done soon, and let the database go."""
        self._is_ending.set()
        self._work_waits.set()
        if self._runner is not None:
            await asyncio.wait([self._runner], timeout=self._pace.close)
            self._runner.cancel()
            await asyncio.wait([self._runner])
        if self._queue:
            self._lose(len(self._queue))
        if self._database is not None:
            await self._database.close()

    def keep_call(self, call: CallRecord) -> None:
        """Queue a call; it is written when that can be done."""
        if len(self._queue) >= MOST_QUEUED:
            self._lose(1)
            return
        now = self._clock()
        self._queue.append(KeptCall(key_at(now), now, call))
        self._work_waits.set()

    async def keep_feedback(self, told: Sequence[FeedbackRecord]) -> None:
        """Keep all of it for good, or raise `StoreUnavailableError` and keep none."""
        async with self._usable_soon() as database:
            await database.keep_feedback(told, self._clock())

    async def first_use(self, issuer: str, jti: str, expires_at: datetime) -> bool:
        """Whether this token is used for the first time; raises `StoreUnavailableError` when that cannot be known."""
        with self._usable() as database:
            return await database.first_use(issuer, jti, expires_at)

    async def lay(self, kind: str, digest: str, sealed: bytes, ends_at: datetime, now: datetime) -> None:  # noqa: ARG002 - what has ended goes with all that is forgotten
        """Keep a new note until it ends."""
        async with self._usable_soon() as database:
            await database.lay(kind, digest, sealed, ends_at)

    async def look(self, digest: str) -> Note | None:
        """The note, if it is there."""
        async with self._usable_soon() as database:
            return await database.look(digest)

    async def change(self, digest: str, sealed: bytes, edition: int) -> bool:
        """Put another text in place of this edition of a note; whether it was still the newest."""
        async with self._usable_soon() as database:
            return await database.change(digest, sealed, edition)

    async def take(self, digest: str) -> bool:
        """Take a note away; whether it was there."""
        async with self._usable_soon() as database:
            return await database.take(digest)

    async def report(self, days: int) -> Report:
        """The figures of the last so many days, as far as they are kept; or raises `StoreUnavailableError`."""
        now = self._clock()
        with self._usable() as database:
            return await database.report(now - min(timedelta(days=days), self._keep_for), now, self._keep_for.days)

    @asynccontextmanager
    async def _usable_soon(self) -> AsyncIterator[Database]:
        """The database, after its first try has had a moment to end: what comes right after a start waits for it."""
        await _set_within(self._was_tried, self._pace.first_try)
        with self._usable() as database:
            yield database

    @contextmanager
    def _usable(self) -> Iterator[Database]:
        """The database, if it can be used: one that is down is not asked, so that no caller waits for it."""
        if self._database is None or not self.is_up:
            raise StoreUnavailableError(self.condition, self._retry_after_seconds())
        try:
            yield self._database
        except StoreUnavailableError as error:
            self._go_down(error)
            raise StoreUnavailableError(str(error), self._retry_after_seconds()) from None

    def _retry_after_seconds(self) -> int:
        return math.ceil(self._condition.seconds_to_retry(_loop_time())) + 1

    def _go_down(self, error: StoreUnavailableError) -> None:
        self._condition.went_down(str(error), _loop_time())
        self._work_waits.set()

    def _lose(self, calls: int) -> None:
        if not self._is_losing:
            _log.error("calls cannot be kept any more: only their log lines stay")
        self._is_losing = True
        self._on_lost(calls)

    # What runs in the background

    async def _run(self, after_seconds: float) -> None:
        await self._ended_within(after_seconds)
        while not self._is_ending.is_set():
            try:
                await self._work()
            except StoreUnavailableError as error:
                self._go_down(error)
            self._was_tried.set()
            await self._ended_within(self._condition.seconds_to_retry(_loop_time()))

    async def _work(self) -> None:
        """Open the database and write until it fails or the service ends."""
        if self._database is None:
            self._database = await asyncio.to_thread(self._open_database)
        await self._database.migrate()
        await self._write_queued(self._database)  # a database is well when it takes what has waited
        self._condition.came_up()
        self._was_tried.set()
        while self.is_up and not self._is_ending.is_set():
            await self._turn(self._database)
        while self.is_up and self._queue:
            await self._write_queued(self._database)

    async def _turn(self, database: Database) -> None:
        """Wait for work, write what there is, and forget what is due."""
        is_idle = not await _set_within(self._work_waits, self._pace.look)
        self._work_waits.clear()
        await self._ended_within(self._pace.gather)
        if not self.is_up:
            return
        await self._write_queued(database)
        if is_idle or _loop_time() >= self._forget_at:
            await self._forget(database)

    async def _write_queued(self, database: Database) -> None:
        """Write what is queued now; a call leaves the queue once it is written.

        What comes meanwhile is left to gather: under load there is always some, and each transaction has its price.
        """
        waiting = len(self._queue)
        while waiting:
            batch = list(islice(self._queue, min(waiting, MOST_AT_ONCE)))
            refused = await database.keep_calls(batch)
            waiting -= len(batch)
            for _ in batch:
                self._queue.popleft()
            if refused:
                self._lose(refused)
        self._is_losing = False

    async def _forget(self, database: Database) -> None:
        now = self._clock()
        self._forget_at = _loop_time() + self._pace.forget
        while await database.forget(now - self._keep_for, now) and not self._is_ending.is_set():
            await self._write_queued(database)

    async def _ended_within(self, seconds: float) -> bool:
        return await _set_within(self._is_ending, seconds)

    def _tell_end(self, runner: asyncio.Task[None]) -> None:
        """A fault of our own must not pass for a store that works."""
        if not runner.cancelled() and runner.exception() is not None:
            self._condition.went_down(f"fault in the store: {type(runner.exception()).__name__}", _loop_time())


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await event.wait()
    return event.is_set()


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
