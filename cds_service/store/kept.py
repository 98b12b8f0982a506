"""A call on its way into the database. Knows no SQL, so that it can be queued before any of that is loaded."""

from __future__ import annotations

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
