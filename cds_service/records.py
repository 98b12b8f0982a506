"""What is kept of calls, cards and feedback: shapes without any patient data, and the ports to keep them by.

Knows no HTTP and no SQL: the hooks fill these records in, the store keeps them, neither knows the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime


class StoreUnavailableError(Exception):
    """What has to be kept cannot be kept now; nothing was acknowledged. Worth trying again after so many seconds."""

    def __init__(self, words: str, retry_after_seconds: int = 1) -> None:
        """Take what went wrong, without any value that was to be kept."""
        super().__init__(words)
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class CardRecord:
    """One card given out: its uuid, its topic code, and the rules that made it."""

    id: str
    topic: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One finished call. `silence`: why there was no card. `faults`: kinds of refusal.

    `gaps`: the kind of each data gap. `unmapped`: codes ("system|code") and units that no table knows, as plain
    tokens. `fhir_faults`: why the data of a key of the query table are incomplete. `client`: the site's own name of
    the trusted client that called.
    """

    service: str
    hook: str
    hook_instance: str
    status: int
    total_ms: float
    category: str | None = None
    rules: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    silence: str | None = None
    faults: tuple[str, ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    profile: str | None = None
    ruleset: str | None = None
    gaps: tuple[str, ...] = ()
    unmapped: tuple[str, ...] = ()
    fhir_faults: Mapping[str, str] = field(default_factory=dict)
    cards: tuple[CardRecord, ...] = ()
    client: str | None = None


class Outcome(StrEnum):
    """What became of a card, in the words of CDS Hooks."""

    ACCEPTED = "accepted"
    OVERRIDDEN = "overridden"


class CommentLength(StrEnum):
    """All that is kept of a comment: it is free text and may say anything about anybody."""

    NONE = "none"
    SHORT = "short"
    LONG = "long"


@dataclass(frozen=True, slots=True)
class FeedbackRecord:
    """What became of one card, as one caller told it.

    `reason`, `reason_system`: the code of the override reason. `outcome_at` None: the caller did not say when.
    """

    service: str
    card: str
    outcome: Outcome
    outcome_at: datetime | None = None
    reason: str | None = None
    reason_system: str | None = None
    comment: CommentLength = CommentLength.NONE
    suggestions: tuple[str, ...] = ()
    client: str | None = None


class FeedbackRegister(Protocol):
    """Where feedback is kept."""

    async def keep_feedback(self, told: Sequence[FeedbackRecord]) -> None:
        """Keep all of it for good, or raise `StoreUnavailableError` and keep none."""
