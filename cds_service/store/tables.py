"""The tables, as SQLAlchemy sees them; the migrations make them, and a test holds the two together.

Knows columns. Instants are kept in UTC without a zone, which both databases compare, sort and truncate alike.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
)

if TYPE_CHECKING:
    from sqlalchemy import Dialect

METADATA = MetaData()

LONGEST_TOKEN = 64
LONGEST_MARK = 160
LONGEST_RULE = 96


class Instant(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC without its zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """The instant in UTC without a zone; an instant without a zone is refused."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "an instant needs a zone"
            raise ValueError(msg)
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - as above
        """The instant with its zone, UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


CALLS = Table(
    "calls",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("at", Instant, nullable=False, index=True),
    Column("service", String(LONGEST_TOKEN), nullable=False),
    Column("hook", String(32), nullable=False),
    Column("hook_instance", String(LONGEST_TOKEN), nullable=False),
    Column("client", String(LONGEST_RULE)),
    Column("status", Integer, nullable=False),
    Column("total_ms", Float, nullable=False),
    Column("timings_ms", JSON, nullable=False),
    Column("category", String(32)),
    Column("silence", String(LONGEST_TOKEN)),
    Column("card_count", Integer, nullable=False),
    Column("profile", String(LONGEST_RULE)),
    Column("ruleset", String(LONGEST_RULE)),
)

CALL_MARKS = Table(
    "call_marks",
    METADATA,
    Column("call_id", ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("mark", String(LONGEST_MARK), primary_key=True),
)
"""What may be said several times of a call: rules that were met, faults and gaps, unmapped codes and units,
and that its cards were not shown."""

CARDS = Table(
    "cards",
    METADATA,
    Column("card_id", String(LONGEST_TOKEN), primary_key=True),
    Column("rule", String(LONGEST_RULE), primary_key=True),
    Column("topic", String(32), nullable=False),
    Column("call_id", ForeignKey("calls.id", ondelete="CASCADE"), nullable=False, index=True),
)
"""The cards given out, a row for each rule behind a card; `rule` is empty for a card that no rule made."""

FEEDBACK = Table(
    "feedback",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("identity", String(LONGEST_TOKEN), nullable=False, unique=True),
    Column("card_id", String(LONGEST_TOKEN), nullable=False, index=True),
    Column("service", String(LONGEST_TOKEN), nullable=False),
    Column("client", String(LONGEST_RULE)),
    Column("outcome", String(16), nullable=False),
    Column("reason", String(LONGEST_TOKEN)),
    Column("reason_system", String(LONGEST_MARK)),
    Column("comment", String(8), nullable=False),
    Column("suggestions", JSON, nullable=False),
    Column("outcome_at", Instant),
    Column("received_at", Instant, nullable=False, index=True),
    Column("counted_at", Instant, nullable=False),
)
"""Feedback as it came, each statement once (`identity`); of a card's statements the last by `counted_at` counts.

No foreign key to `cards`: feedback may come before the card's row, or about a card that is not kept any more.
"""

REPLAYED_TOKENS = Table(
    "replayed_tokens",
    METADATA,
    Column("digest", String(LONGEST_TOKEN), primary_key=True),
    Column("expires_at", Instant, nullable=False, index=True),
)
"""Tokens that were used, as digests, until they would have expired anyway."""

SEALED_NOTES = Table(
    "sealed_notes",
    METADATA,
    Column("digest", String(LONGEST_TOKEN), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("edition", Integer, nullable=False),
    Column("ends_at", Instant, nullable=False, index=True),
)
"""Notes of the SMART app by the digest of their key, sealed with a secret that is not in the database."""
