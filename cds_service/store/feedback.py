"""Writing feedback: each statement once, and which statement about a card is the last."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cds_service.store.inserting import insert_into
from cds_service.store.tables import FEEDBACK, LONGEST_MARK, LONGEST_RULE, LONGEST_TOKEN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from cds_service.records import FeedbackRecord


async def insert_feedback(connection: AsyncConnection, told: Sequence[FeedbackRecord], now: datetime) -> None:
    """Write what is told at `now`. What was told before is not written twice.

    Said again without a time of its own it becomes the last word on its card: it may have been said anew.
    """
    for each in told:
        statement = insert_into(connection, FEEDBACK).values(_row(each, now))
        if each.outcome_at is None:
            again = {"received_at": now, "counted_at": now}
            statement = statement.on_conflict_do_update(index_elements=[FEEDBACK.c.identity], set_=again)
        else:
            statement = statement.on_conflict_do_nothing()
        await connection.execute(statement)


def _row(told: FeedbackRecord, now: datetime) -> dict[str, Any]:
    return {
        "identity": _identity(told),
        "card_id": told.card[:LONGEST_TOKEN],
        "service": told.service[:LONGEST_TOKEN],
        "client": None if told.client is None else told.client[:LONGEST_RULE],
        "outcome": told.outcome.value,
        "reason": None if told.reason is None else told.reason[:LONGEST_TOKEN],
        "reason_system": None if told.reason_system is None else told.reason_system[:LONGEST_MARK],
        "comment": told.comment.value,
        "suggestions": list(told.suggestions),
        "outcome_at": told.outcome_at,
        "received_at": now,
        # A caller's clock that runs ahead does not have the last word for ever.
        "counted_at": now if told.outcome_at is None else min(told.outcome_at, now),
    }


def _identity(told: FeedbackRecord) -> str:
    """The same for the same card, outcome and time."""
    at = "" if told.outcome_at is None else str(told.outcome_at.timestamp())
    return sha256(f"{told.card}\n{told.outcome.value}\n{at}".encode()).hexdigest()
