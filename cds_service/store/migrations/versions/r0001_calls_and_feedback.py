"""Calls, what is marked on them, the cards given out, and feedback."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    _make_calls()
    _make_cards()
    _make_feedback()


def downgrade() -> None:
    """Drop the tables with all they hold."""
    for table in ("feedback", "cards", "call_marks", "calls"):
        op.drop_table(table)


def _make_calls() -> None:
    op.create_table(
        "calls",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("hook", sa.String(32), nullable=False),
        sa.Column("hook_instance", sa.String(64), nullable=False),
        sa.Column("client", sa.String(96)),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("total_ms", sa.Float, nullable=False),
        sa.Column("timings_ms", sa.JSON, nullable=False),
        sa.Column("category", sa.String(32)),
        sa.Column("silence", sa.String(64)),
        sa.Column("card_count", sa.Integer, nullable=False),
        sa.Column("profile", sa.String(96)),
        sa.Column("ruleset", sa.String(96)),
    )
    op.create_index("ix_calls_at", "calls", ["at"])
    op.create_table(
        "call_marks",
        sa.Column("call_id", sa.String(32), sa.ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("mark", sa.String(160), primary_key=True),
    )


def _make_cards() -> None:
    op.create_table(
        "cards",
        sa.Column("card_id", sa.String(64), primary_key=True),
        sa.Column("rule", sa.String(96), primary_key=True),
        sa.Column("topic", sa.String(32), nullable=False),
        sa.Column("call_id", sa.String(32), sa.ForeignKey("calls.id", ondelete="CASCADE"), nullable=False),
    )
    op.create_index("ix_cards_call_id", "cards", ["call_id"])


def _make_feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("identity", sa.String(64), nullable=False, unique=True),
        sa.Column("card_id", sa.String(64), nullable=False),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("client", sa.String(96)),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64)),
        sa.Column("reason_system", sa.String(160)),
        sa.Column("comment", sa.String(8), nullable=False),
        sa.Column("suggestions", sa.JSON, nullable=False),
        sa.Column("outcome_at", sa.DateTime),
        sa.Column("received_at", sa.DateTime, nullable=False),
        sa.Column("counted_at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_feedback_card_id", "feedback", ["card_id"])
    op.create_index("ix_feedback_received_at", "feedback", ["received_at"])
