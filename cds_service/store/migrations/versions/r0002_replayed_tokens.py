"""Tokens that were used."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "replayed_tokens",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("expires_at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_replayed_tokens_expires_at", "replayed_tokens", ["expires_at"])


def downgrade() -> None:
    """Drop the table: every token that has not expired can be used once more."""
    op.drop_table("replayed_tokens")
