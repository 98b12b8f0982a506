"""A call on its way into the database. Knows no SQL, so that it can be queued before any of that is loaded."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from cds_service.records import CallRecord


@dataclass(frozen=True, slots=True)
class KeptCall:
    """A call that is to be kept: its key, chosen here so that writing it twice leaves one row, and when it ended."""

    id: str
    at: datetime
    call: CallRecord


def key_at(now: datetime) -> str:
    """A new key, 32 hexadecimal digits: the milliseconds of its instant, then chance.

    Keys that follow each other in time lie side by side in an index; random ones each change another page of it.
    """
    return f"{int(now.timestamp() * 1000):012x}{secrets.token_hex(10)}"
