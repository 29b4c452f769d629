"""Suggestions for caches."""

import sqlalchemy as sa
from alembic import op

revision = "r0005"
down_revision = "r0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "suggestion",
        sa.Column("cache", sa.String(), nullable=False, comment="which cache it is for, as the operator calls it"),
        sa.Column("kind", sa.String(), nullable=False, comment="refuse, quota or pin"),
        sa.Column("target", sa.String(), nullable=False, comment="a directory or a dataset"),
        sa.Column("share", sa.Float(), nullable=False, comment="of the capacity, for a quota"),
        sa.Column("saved_bytes_per_day", sa.Float(), nullable=False),
        sa.Column("saved_low", sa.Float(), nullable=False),
        sa.Column("saved_high", sa.Float(), nullable=False),
        sa.Column("written_bytes_per_day", sa.Float(), nullable=False, comment="bytes a day that are written less"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False, comment="on trial, active or withdrawn"),
        sa.Column("standing_reason", sa.Text(), nullable=False),
        sa.Column("updated_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("cache", "kind", "target", name=op.f("pk_suggestion")),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("suggestion")
