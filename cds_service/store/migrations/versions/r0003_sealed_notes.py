"""Sealed notes: sign-ins under way and sessions of the SMART app, which end within the hour."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "sealed_notes",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("edition", sa.Integer, nullable=False),
        sa.Column("ends_at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_sealed_notes_ends_at", "sealed_notes", ["ends_at"])


def downgrade() -> None:
    """Drop the table: who is signed in opens the app again."""
    op.drop_table("sealed_notes")
