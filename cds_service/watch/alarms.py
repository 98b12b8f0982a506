"""Alarms about what the service no longer does: cards that stopped coming, codes and units nobody mapped.

Knows finished calls as they are counted, in their order, and no clock. Must not decide anything: an alarm is
said in the log, in /readyz and in a metric, and no card depends on it.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cds_service.hooks.metrics import Metrics
    from cds_service.records import CallRecord

_log = logging.getLogger("cds_service.watch")

WINDOW_CALLS = 1000
"""Calls of a hook over which `cds_firing_ratio` is taken."""
FEWEST_FIRINGS = 20
"""Cards before the usual rate is known at all: the first few may all come from one chart opened again and again."""
FEWEST_SILENT = 500
"""Calls without a card that raise the alarm at the earliest: a quiet hour on a busy order hook is none."""
MISSED_FIRINGS = 10
"""Cards that should have come meanwhile at the usual rate: by chance that happens less than once in 20,000 times."""
MOST_TOKENS = 1000
"""Unknown codes and units that are logged by one process: a chart may hold any number of them."""

_UNDERSTOOD = frozenset({HTTPStatus.OK, HTTPStatus.PRECONDITION_FAILED})


@dataclass(slots=True)
class Firing:
    """How often the calls of one hook were answered with a card, and for how many calls none was."""

    calls: int = 0
    firings: int = 0
    silent_calls: int = 0
    _recent: deque[bool] = field(default_factory=lambda: deque(maxlen=WINDOW_CALLS))
    _recent_firings: int = 0

    def count(self, *, has_fired: bool) -> None:
        """Count one call."""
        self.calls += 1
        self.firings += has_fired
        self.silent_calls = 0 if has_fired else self.silent_calls + 1
        leaving = self._recent[0] if len(self._recent) == WINDOW_CALLS else False
        self._recent_firings += has_fired - leaving
        self._recent.append(has_fired)

    @property
    def ratio(self) -> float:
        """The share of the recent calls that were answered with a card."""
        return self._recent_firings / len(self._recent) if self._recent else 0.0

    @property
    def has_stopped(self) -> bool:
        """Whether cards stopped coming, measured by how often they came until the last one."""
        if self.firings < FEWEST_FIRINGS:
            return False
        calls_per_card = (self.calls - self.silent_calls) / self.firings
        return self.silent_calls >= max(FEWEST_SILENT, MISSED_FIRINGS * calls_per_card)


class Alarms:
    """The alarms of one application. `names`: those that are raised."""

    def __init__(self, metrics: Metrics) -> None:
        """Show the alarms in these metrics."""
        self._metrics = metrics
        self._by_hook: dict[str, Firing] = {}
        self._raised: set[str] = set()
        self._tokens: set[str] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """The alarms raised now."""
        return tuple(sorted(self._raised))

    def observe(self, call: CallRecord) -> None:
        """Learn of one finished call."""
        self._tell_unmapped(call)
        if call.status in _UNDERSTOOD:
            firing = self._firing_of(call.hook)
            firing.count(has_fired=bool(call.topics))
            self._metrics.show_firing(call.hook, firing.ratio)
            self._raise(_alarm_of(call.hook), firing)

    def _firing_of(self, hook: str) -> Firing:
        """The count of a hook; its alarm is shown as not raised from the first call on."""
        if hook not in self._by_hook:
            self._by_hook[hook] = Firing()
            self._metrics.show_alarm(_alarm_of(hook), is_raised=False)
        return self._by_hook[hook]

    def _raise(self, name: str, firing: Firing) -> None:
        """Raise or end the alarm that a hook's cards stopped coming; said on a change only."""
        if firing.has_stopped is (name in self._raised):
            return
        self._metrics.show_alarm(name, is_raised=firing.has_stopped)
        if firing.has_stopped:
            self._raised.add(name)
            words = "%s: no card in %d calls, %d in the %d before; charts, codes or the FHIR server may have changed"
            _log.warning(words, name, firing.silent_calls, firing.firings, firing.calls - firing.silent_calls)
        else:
            self._raised.discard(name)
            _log.warning("%s: cards come again", name)

    def _tell_unmapped(self, call: CallRecord) -> None:
        """Name each unknown code or unit once."""
        for token in call.unmapped:
            if token in self._tokens or len(self._tokens) >= MOST_TOKENS:
                continue
            self._tokens.add(token)
            kind = "code" if "|" in token else "unit"
            _log.warning("unmapped %s %s: a chart holds it and no table of this service knows it", kind, token)
            if len(self._tokens) == MOST_TOKENS:
                _log.warning("%d unmapped codes and units were named; further ones are only counted", MOST_TOKENS)


def _alarm_of(hook: str) -> str:
    return f"no-cards-{hook}"
