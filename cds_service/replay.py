"""Which tokens were used already: the contract of a register, one in memory, and one shared with a way out.

Knows ids of tokens and when they expire. Must not know how a token is verified or what a database is.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from typing import TYPE_CHECKING, Protocol

from cds_service.records import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

_log = logging.getLogger("cds_service.auth")

MOST_REMEMBERED = 200_000
"""Tokens kept by the register in memory: an hour of 55 a second, in some tens of megabytes."""

SHARED_WITHIN_SECONDS = 1.0
"""How long a call waits for the shared register before the one in memory decides alone."""


class ReplayRegister(Protocol):
    """Remembers which tokens were seen. Raises `StoreUnavailableError` when it cannot tell."""

    async def first_use(self, issuer: str, jti: str, expires_at: datetime) -> bool:
        """Whether this is the first time the token is shown; from now on it is not."""
        ...


class MemoryReplayRegister:
    """The register of one process: expired tokens are forgotten, and above `most` those that expire first."""

    def __init__(self, clock: Callable[[], datetime], most: int = MOST_REMEMBERED) -> None:
        """Start empty."""
        self._clock = clock
        self._most = most
        self._seen: set[tuple[str, str]] = set()
        self._by_expiry: list[tuple[datetime, tuple[str, str]]] = []

    async def first_use(self, issuer: str, jti: str, expires_at: datetime) -> bool:
        """Whether this is the first time the token is shown here."""
        self._forget_expired()
        token = (issuer, jti)
        if token in self._seen:
            return False
        self._seen.add(token)
        heapq.heappush(self._by_expiry, (expires_at, token))
        if len(self._by_expiry) > self._most:
            self._forget_next()
        return True

    def _forget_expired(self) -> None:
        now = self._clock()
        while self._by_expiry and self._by_expiry[0][0] < now:
            self._forget_next()

    def _forget_next(self) -> None:
        self._seen.discard(heapq.heappop(self._by_expiry)[1])


class SharedReplayRegister:
    """A register shared between processes, behind the one in memory.

    When the shared one fails or is slow the one in memory decides alone: a database never blocks a card. Each such
    time is counted; the log tells when it starts and when it is over.
    """

    def __init__(
        self,
        shared: ReplayRegister,
        memory: ReplayRegister,
        *,
        on_failure: Callable[[], None],
        seconds: float = SHARED_WITHIN_SECONDS,
    ) -> None:
        """`on_failure` is called each time the shared register could not tell."""
        self._shared = shared
        self._memory = memory
        self._on_failure = on_failure
        self._seconds = seconds
        self._is_failing = False

    async def first_use(self, issuer: str, jti: str, expires_at: datetime) -> bool:
        """Whether this is the first time the token is shown, as far as can be told."""
        if not await self._memory.first_use(issuer, jti, expires_at):
            return False
        try:
            async with asyncio.timeout(self._seconds):
                is_first = await self._shared.first_use(issuer, jti, expires_at)
        except (StoreUnavailableError, TimeoutError):
            self._failed()
            return True
        if self._is_failing:
            self._is_failing = False
            _log.warning("the shared register of used tokens answers again")
        return is_first

    def _failed(self) -> None:
        self._on_failure()
        if not self._is_failing:
            self._is_failing = True
            _log.error("the shared register of used tokens does not answer: each process knows only what it saw")
