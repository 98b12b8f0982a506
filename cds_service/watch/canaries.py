"""The state of the canaries: patients with known answers, asked at the start and again and again.

Knows when to ask and what a result means for readiness. Must not know how a canary is asked: that is an
argument, and it runs in a thread of its own, so that no call waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, timedelta

    from cds_service.hooks.metrics import Metrics

_log = logging.getLogger("cds_service.watch")
_LONGEST_SECONDS = 120.0
"""A round takes about a second; one that takes two minutes will not end."""


@dataclass(frozen=True, slots=True)
class CanaryResult:
    """How one canary was answered, in topics. `is_vital`: without it the service must not be relied on.

    Vital are a treatment recommendation that no longer comes, and a path that gives no answer at all.
    """

    case: str
    hook: str
    profile: str
    is_well: bool
    words: str
    is_vital: bool = True

    @property
    def name(self) -> str:
        """Such as "b1-above-line-8h (patient-view, us-2023)"."""
        return f"{self.case} ({self.hook}, {self.profile})"


class CanaryState(StrEnum):
    """What the canaries say about the service."""

    STARTING = "starting"
    FAILING = "failing"
    WELL = "ready"


class CanaryWatch:
    """Asks the canaries in the background and keeps the last results. Use in one running event loop."""

    def __init__(self, ask: Callable[[], Sequence[CanaryResult]], every: timedelta) -> None:
        """`ask` may take long: it is called in a thread, never twice at a time."""
        self._ask = ask
        self._every = every
        self._results: tuple[CanaryResult, ...] = ()

    @property
    def state(self) -> CanaryState:
        """Starting until the first results; failing while a vital one is unwell."""
        if not self._results:
            return CanaryState.STARTING
        is_failing = any(each.is_vital and not each.is_well for each in self._results)
        return CanaryState.FAILING if is_failing else CanaryState.WELL

    @property
    def unwell(self) -> tuple[str, ...]:
        """Each canary that was answered otherwise than written down, in words."""
        return tuple(f"canary {each.name}: {each.words}" for each in self._results if not each.is_well)

    def start(
        self, metrics: Metrics, clock: Callable[[], datetime], *, after_seconds: float = 0.0
    ) -> asyncio.Task[None]:
        """The task that asks after so long and then every so often; cancel it to stop."""
        asking = self._keep_asking(metrics, clock, after_seconds)
        task = asyncio.get_running_loop().create_task(asking, name="canaries")
        task.add_done_callback(lambda done: self._stopped(done, metrics))
        return task

    async def _keep_asking(self, metrics: Metrics, clock: Callable[[], datetime], after_seconds: float) -> None:
        await asyncio.sleep(after_seconds)
        while True:
            await self._round(metrics)
            if self._results and all(each.is_well for each in self._results):
                metrics.show_canaries_well(clock())
            await asyncio.sleep(self._every.total_seconds())

    async def _round(self, metrics: Metrics) -> None:
        """Ask once; a round that does not end is said, and waited for before the next."""
        asked = asyncio.ensure_future(asyncio.to_thread(self._ask))
        try:
            done, _ = await asyncio.wait({asked}, timeout=_LONGEST_SECONDS)
            if not done:
                self._take(_failed(f"no answer within {_LONGEST_SECONDS:.0f} s"), metrics)
            self._take(await asked, metrics)
        finally:
            asked.cancel()

    def _stopped(self, task: asyncio.Task[None], metrics: Metrics) -> None:
        """A fault in asking ends the asking and is a failing canary."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._take(_failed(f"asking failed ({type(error).__name__})"), metrics)

    def _take(self, results: Sequence[CanaryResult], metrics: Metrics) -> None:
        """Keep and show the results, and log what changed."""
        before = {each.name for each in self._results if not each.is_well}
        self._results = tuple(results)
        for each in results:
            metrics.show_canary(each.case, each.hook, each.profile, is_well=each.is_well)
            if not each.is_well and each.name not in before:
                _log.error("canary %s: %s", each.name, each.words)
        for name in sorted(before - {each.name for each in results if not each.is_well}):
            _log.warning("canary %s is no longer unwell", name)


def _failed(words: str) -> tuple[CanaryResult, ...]:
    """The one result of a round that gave none."""
    return (CanaryResult("all", "none", "none", is_well=False, words=words),)
