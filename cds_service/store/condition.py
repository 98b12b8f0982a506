"""Whether the database can be used, since when to try again, and one log line for each change.

Knows no database and no clock: the time is an argument, in seconds of the event loop.
"""

from __future__ import annotations

import logging

_log = logging.getLogger("cds_service.store")
_LONGEST_EXPONENT = 16


class Condition:
    """Up, down, or not known yet; each failure in a row doubles the pause before the next try."""

    def __init__(self, first_pause_seconds: float, longest_pause_seconds: float) -> None:
        """Take the pause after the first failure, and the longest one."""
        self._first_pause = first_pause_seconds
        self._longest_pause = longest_pause_seconds
        self._is_up: bool | None = None
        self._failures = 0
        self._retry_at = 0.0

    @property
    def word(self) -> str:
        """In a word: "opening" before the first try is over, then "up" or "unavailable"."""
        return "opening" if self._is_up is None else ("up" if self._is_up else "unavailable")

    @property
    def is_up(self) -> bool:
        """Whether the database answered when it was last asked."""
        return self._is_up is True

    def came_up(self) -> None:
        """It answers."""
        if self._is_up is not True:
            _log.info("the database can be used")
        self._is_up = True
        self._failures = 0

    def went_down(self, words: str, now: float) -> None:
        """It does not answer, or refuses to write."""
        if self._is_up is not False:
            _log.warning("the database cannot be used (%s): calls are answered, nothing is kept until it can", words)
        self._is_up = False
        self._failures += 1
        pause = self._first_pause * 2 ** min(self._failures - 1, _LONGEST_EXPONENT)
        self._retry_at = now + min(pause, self._longest_pause)

    def seconds_to_retry(self, now: float) -> float:
        """How long to wait before the next try; 0 when there is nothing to wait for."""
        return 0.0 if self.is_up else max(self._retry_at - now, 0.0)
