"""How many requests of one call are under way at once: all of them, or a few where a server calls that too many.

Knows counts and the event loop's clock. Must not know HTTP. The limit is a call's, not the process's: calls beside it
are not held up by it.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FEW = 3
_REMEMBERED_SECONDS = 60.0


class Turns:
    """The requests of one call."""

    def __init__(self) -> None:
        """Send all at once."""
        self._are_few = False
        self._places = asyncio.Semaphore(FEW)

    def take_few(self) -> None:
        """From now on send a few at a time; those under way are not counted."""
        self._are_few = True

    @asynccontextmanager
    async def turn(self, deadline: float) -> AsyncIterator[None]:
        """One request. Raises TimeoutError when its turn does not come before the deadline (loop clock)."""
        if not self._are_few:
            yield
            return
        async with asyncio.timeout_at(deadline):
            await self._places.acquire()
        try:
            yield
        finally:
            self._places.release()


class Crowding:
    """Whether a server lately refused what it answered when fewer were asked at once."""

    def __init__(self) -> None:
        """Nothing is known."""
        self._until = -math.inf

    @property
    def is_likely(self) -> bool:
        """Whether all requests of a call at once may be too many."""
        return asyncio.get_running_loop().time() < self._until

    def remember(self) -> None:
        """Think so for a minute."""
        self._until = asyncio.get_running_loop().time() + _REMEMBERED_SECONDS
