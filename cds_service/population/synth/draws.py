"""Random draws that are the same in every process, on every platform and in every Python.

Each draw is a SHA-256 of the seed, the stream's name and a counter: a patient's draws depend on no other patient's.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

_T = TypeVar("_T")
_BITS = 56


class Draws:
    """One named stream of draws."""

    def __init__(self, seed: int, name: str) -> None:
        """Start the stream at its first draw."""
        self._prefix = f"{seed}|{name}|"
        self._count = 0

    def unit(self) -> float:
        """A number from 0 (included) to 1 (excluded)."""
        self._count += 1
        digest = sha256(f"{self._prefix}{self._count}".encode()).digest()
        return int.from_bytes(digest[: _BITS // 8], "big") / float(1 << _BITS)

    def between(self, low: float, high: float) -> float:
        """A number from `low` to `high`, all equally likely."""
        return low + (high - low) * self.unit()

    def whole(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self.unit() * (high - low + 1))

    def happens(self, chance: float) -> bool:
        """True with this chance (0 to 1)."""
        return self.unit() < chance

    def one_of(self, choices: Sequence[_T]) -> _T:
        """One of the choices, all equally likely."""
        return choices[int(self.unit() * len(choices))]

    def weighted(self, choices: Sequence[tuple[_T, float]]) -> _T:
        """One of the choices, each with its weight."""
        left = self.unit() * sum(weight for _, weight in choices)
        for choice, weight in choices:
            left -= weight
            if left < 0:
                return choice
        return choices[-1][0]
