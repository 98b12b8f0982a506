"""A circuit breaker for each FHIR base: a server that does not answer is left alone for a while.

Knows outcomes and the event loop's clock. Must not know HTTP. An open circuit is a named fault like any other, never
"no data": it only spares the next calls the wait.

Queries that were under way together and fail together are one failure, and it is none when the server answered any
request meanwhile: one slow search is no dead server. So a dead server costs one deadline, not one for every call. After
the cool-down one request goes out on trial; the other queries of its call wait for its outcome, so that the first call
to a recovered server is whole.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cds_service.fhir.turns import Crowding

if TYPE_CHECKING:
    from collections.abc import Callable


class CircuitState(StrEnum):
    """Whether a server is asked: yes, no, or on trial."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True)
class CircuitLimits:
    """Failures in a row that open a circuit, seconds before the trial, and how many bases are remembered.

    A dead server then costs one call in a few seconds its deadline, and one that is back is asked again at once:
    charts that cannot be read are worse than calls that wait.
    """

    failures: int = 1
    cool_down_seconds: float = 2.0
    bases: int = 256


@dataclass(frozen=True, slots=True)
class Passage:
    """Leave to send one request, given at `began_at` (loop clock)."""

    began_at: float
    is_trial: bool = False


@dataclass(frozen=True, slots=True)
class _Trial:
    """A request on trial: the call it belongs to, and a future that is done when it is over."""

    call: object
    is_over: asyncio.Future[None]


class Circuit:
    """The circuit of one base. `tell` hears each change of state."""

    def __init__(self, limits: CircuitLimits, tell: Callable[[CircuitState], None]) -> None:
        """Start closed."""
        self._limits = limits
        self._tell = tell
        self._failures = 0
        self._counted_at = -math.inf
        self._answered_at = -math.inf
        self._opened_at: float | None = None
        self._trial: _Trial | None = None
        self.crowding = Crowding()

    async def enter(self, call: object) -> Passage | None:
        """Leave for a request of this call (any object that stands for it); None while the circuit is open."""
        now = asyncio.get_running_loop().time()
        if self._opened_at is None:
            return Passage(now)
        if self._trial is not None:
            return await self._after_trial(self._trial) if self._trial.call is call else None
        if now < self._opened_at + self._limits.cool_down_seconds:
            return None
        self._trial = _Trial(call, asyncio.get_running_loop().create_future())
        self._tell(CircuitState.HALF_OPEN)
        return Passage(now, is_trial=True)

    async def _after_trial(self, trial: _Trial) -> Passage | None:
        await asyncio.shield(trial.is_over)
        return Passage(asyncio.get_running_loop().time()) if self._opened_at is None else None

    def leave(self, passage: Passage, *, answered: bool | None) -> None:
        """Account for a request that was let through; None: nothing was learned about the server."""
        now = asyncio.get_running_loop().time()
        if answered:
            self._answered_at = now
            self._close()
        elif passage.is_trial and self._opened_at is not None:
            self._opened_at = self._opened_at if answered is None else now
            self._tell(CircuitState.OPEN)
        elif answered is False:
            self._count(passage, now)
        if passage.is_trial and self._trial is not None:
            self._trial.is_over.set_result(None)
            self._trial = None

    def _close(self) -> None:
        self._failures = 0
        if self._opened_at is not None:
            self._opened_at = None
            self._tell(CircuitState.CLOSED)

    def _count(self, passage: Passage, now: float) -> None:
        """Count a failure, unless the server answered meanwhile or the last one was counted meanwhile."""
        if self._opened_at is not None or passage.began_at <= max(self._counted_at, self._answered_at):
            return
        self._failures += 1
        self._counted_at = now
        if self._failures >= self._limits.failures:
            self._opened_at = now
            self._tell(CircuitState.OPEN)


class Circuits:
    """The circuits of a process, one for each base, the least recently used forgotten beyond the limit."""

    def __init__(self, limits: CircuitLimits | None = None, tell: Callable[[CircuitState], None] | None = None) -> None:
        """Use these limits and tell each change of any circuit."""
        self._limits = limits or CircuitLimits()
        self._tell = tell or _tell_nobody
        self._by_base: OrderedDict[str, Circuit] = OrderedDict()

    def of(self, base: str) -> Circuit:
        """The circuit of a base in its normalised spelling."""
        circuit = self._by_base.get(base)
        if circuit is None:
            circuit = self._by_base[base] = Circuit(self._limits, self._tell)
            if len(self._by_base) > self._limits.bases:
                self._by_base.popitem(last=False)
        self._by_base.move_to_end(base)
        return circuit


def _tell_nobody(_: CircuitState) -> None:
    """Circuits without anybody who counts."""
