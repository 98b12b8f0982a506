"""How many calls a process has in hand at once. What is beyond that is refused at once, with the time to come back.

Knows numbers. Must not know what a call holds.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from cds_service.hooks.errors import InvalidRequestError, Issue

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

_ARRIVING_FOR_EACH = 2
_RETRY_AFTER_SECONDS = 1


class OverCapacityError(InvalidRequestError):
    """The process has as many calls in hand as it takes (503)."""

    headers = {"Retry-After": str(_RETRY_AFTER_SECONDS)}  # noqa: RUF012 - never changed

    def __init__(self) -> None:
        """Say so in one issue."""
        words = "The service has as many calls in hand as it takes; call again in a moment."
        super().__init__(HTTPStatus.SERVICE_UNAVAILABLE, Issue("throttled", words))


class Capacity:
    """The places of one process: `most_calls` to be answered, and twice as many whose bodies are still arriving.

    They are counted apart, so that clients who send slowly take no place from calls that have arrived.
    """

    def __init__(self, most_calls: int) -> None:
        """Take the number of calls."""
        self._answering = _Places(most_calls)
        self._arriving = _Places(most_calls * _ARRIVING_FOR_EACH)

    def check(self) -> None:
        """Raise `OverCapacityError` while there is no place, before a caller's token is used up."""
        self._answering.check()
        self._arriving.check()

    def arriving(self) -> AbstractContextManager[None]:
        """Holds a place while a body arrives. Raises `OverCapacityError`."""
        return self._arriving

    def answering(self) -> AbstractContextManager[None]:
        """Holds a place while a call is answered. Raises `OverCapacityError`."""
        return self._answering


class _Places:
    """So many places, one of them held within each `with`."""

    def __init__(self, most: int) -> None:
        self._free = most

    def check(self) -> None:
        if self._free <= 0:
            raise OverCapacityError

    def __enter__(self) -> None:
        self.check()
        self._free -= 1

    def __exit__(self, *_: object) -> None:
        self._free += 1
