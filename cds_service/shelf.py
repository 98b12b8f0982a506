"""Where sealed notes are kept for a while: the contract of a shelf, and one in memory.

Knows keys, sizes and when a note ends. Must not know what is in a note: only who has the key of the seal does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

MOST_OF_A_KIND = 1000
"""Notes of one kind that a process keeps."""


@dataclass(frozen=True, slots=True)
class Note:
    """A sealed note and its edition, which is another one after each change."""

    sealed: bytes = field(repr=False)
    edition: int = 0


class Shelf(Protocol):
    """Keeps notes by the digest of their key. Each raises `StoreUnavailableError` when it cannot be done."""

    async def lay(self, kind: str, digest: str, sealed: bytes, ends_at: datetime, now: datetime) -> None:
        """Keep a new note until it ends; of too many of its kind those that end first give way."""
        ...

    async def look(self, digest: str) -> Note | None:
        """The note, if it is there."""
        ...

    async def change(self, digest: str, sealed: bytes, edition: int) -> bool:
        """Put another text in place of this edition; whether that edition was still the newest."""
        ...

    async def take(self, digest: str) -> bool:
        """Take a note away; whether it was there. Of any number of callers one takes it."""
        ...


class MemoryShelf:
    """The shelf of one process."""

    def __init__(self) -> None:
        """Nothing is kept."""
        self._notes: dict[str, tuple[str, datetime, Note]] = {}

    async def lay(self, kind: str, digest: str, sealed: bytes, ends_at: datetime, now: datetime) -> None:
        """Keep a new note until it ends."""
        for ended in [each for each, (_, end, _) in self._notes.items() if end <= now]:
            del self._notes[ended]
        same = {each: end for each, (of, end, _) in self._notes.items() if of == kind}
        if len(same) >= MOST_OF_A_KIND:
            del self._notes[min(same, key=same.__getitem__)]
        self._notes[digest] = kind, ends_at, Note(sealed)

    async def look(self, digest: str) -> Note | None:
        """The note, if it is there."""
        kept = self._notes.get(digest)
        return None if kept is None else kept[2]

    async def change(self, digest: str, sealed: bytes, edition: int) -> bool:
        """Put another text in place of this edition; whether that edition was still the newest."""
        kept = self._notes.get(digest)
        if kept is None or kept[2].edition != edition:
            return False
        kind, ends_at, _ = kept
        self._notes[digest] = kind, ends_at, Note(sealed, edition + 1)
        return True

    async def take(self, digest: str) -> bool:
        """Take a note away; whether it was there."""
        return self._notes.pop(digest, None) is not None
