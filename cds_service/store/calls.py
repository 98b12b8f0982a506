"""Writing calls and the cards they gave out. Knows the rows; what is too long for its column is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cds_service.store.inserting import insert_missing
from cds_service.store.tables import CALL_MARKS, CALLS, CARDS, LONGEST_MARK, LONGEST_RULE, LONGEST_TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from cds_service.store.kept import KeptCall

RULE, FAULT, GAP, UNMAPPED, SHADOW = "rule", "fault", "gap", "unmapped", "shadow"
MOST_MARKS = 64
"""Marks of one kind that are kept of one call."""
_NO_RULE = ""


async def insert_calls(connection: AsyncConnection, kept: Sequence[KeptCall]) -> None:
    """Write calls with their marks and cards; what is there already stays as it is."""
    await insert_missing(connection, CALLS, [_call_row(each) for each in kept])
    await insert_missing(connection, CALL_MARKS, [row for each in kept for row in _mark_rows(each)])
    await insert_missing(connection, CARDS, [row for each in kept for row in _card_rows(each)])


def _call_row(kept: KeptCall) -> dict[str, Any]:
    call = kept.call
    return {
        "id": kept.id,
        "at": kept.at,
        "service": call.service[:LONGEST_TOKEN],
        "hook": call.hook[:32],
        "hook_instance": call.hook_instance[:LONGEST_TOKEN],
        "client": _cut(call.client, LONGEST_RULE),
        "status": call.status,
        "total_ms": call.total_ms,
        "timings_ms": dict(call.timings_ms),
        "category": call.category,
        "silence": _cut(call.silence, LONGEST_TOKEN),
        "card_count": len(call.topics),
        "profile": _cut(call.profile, LONGEST_RULE),
        "ruleset": _cut(call.ruleset, LONGEST_RULE),
    }


def _mark_rows(kept: KeptCall) -> Iterator[dict[str, str]]:
    """Each mark once, however often it was said of the call."""
    call = kept.call
    shadow = ("not shown",) if call.is_shadow else ()
    said = {RULE: call.rules, FAULT: call.faults, GAP: call.gaps, UNMAPPED: call.unmapped, SHADOW: shadow}
    for kind, marks in said.items():
        for mark in list(dict.fromkeys(mark[:LONGEST_MARK] for mark in marks))[:MOST_MARKS]:
            yield {"call_id": kept.id, "kind": kind, "mark": mark}


def _card_rows(kept: KeptCall) -> Iterator[dict[str, str]]:
    for card in kept.call.cards:
        for rule in card.rules or (_NO_RULE,):
            yield {"card_id": card.id, "rule": rule[:LONGEST_RULE], "topic": card.topic[:32], "call_id": kept.id}


def _cut(text: str | None, longest: int) -> str | None:
    return None if text is None else text[:longest]
