"""Sealed notes that processes share, each row of use only to who has its key and the secret of the seal.

Knows SQL. Must not know what a note says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from cds_service.shelf import Note
from cds_service.store.tables import SEALED_NOTES

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

MOST_OF_A_KIND = 10_000
"""Notes of one kind that are kept; beyond them those that end first give way."""

_notes = SEALED_NOTES.c


async def insert_note(
    connection: AsyncConnection, kind: str, digest: str, sealed: bytes, ends_at: datetime, *, most: int = MOST_OF_A_KIND
) -> None:
    """Keep a new note; when there are too many of its kind, those that end first go."""
    row = {"digest": digest, "kind": kind, "sealed": sealed, "edition": 0, "ends_at": ends_at}
    await connection.execute(insert(SEALED_NOTES).values(row))
    newest_first = (_notes.ends_at.desc(), _notes.digest)
    surplus = select(_notes.digest).where(_notes.kind == kind).order_by(*newest_first).offset(most)
    await connection.execute(delete(SEALED_NOTES).where(_notes.digest.in_(surplus)))


async def read_note(connection: AsyncConnection, digest: str) -> Note | None:
    """The note, if it is there."""
    found = await connection.execute(select(_notes.sealed, _notes.edition).where(_notes.digest == digest))
    row = found.first()
    return None if row is None else Note(row.sealed, row.edition)


async def update_note(connection: AsyncConnection, digest: str, sealed: bytes, edition: int) -> bool:
    """Put another text in place of this edition; whether that edition was still the newest."""
    is_newest = (_notes.digest == digest) & (_notes.edition == edition)
    done = await connection.execute(update(SEALED_NOTES).where(is_newest).values(sealed=sealed, edition=edition + 1))
    return done.rowcount == 1


async def delete_note(connection: AsyncConnection, digest: str) -> bool:
    """Take a note away; whether it was there."""
    done = await connection.execute(delete(SEALED_NOTES).where(_notes.digest == digest))
    return done.rowcount == 1
