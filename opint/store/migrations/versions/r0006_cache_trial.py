"""Trials of suggestions that go on."""

import sqlalchemy as sa
from alembic import op

revision = "r0006"
down_revision = "r0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "cache_trial",
        sa.Column("cache", sa.String(), nullable=False),
        sa.Column("capacity_bytes", sa.BigInteger(), nullable=False),
        sa.Column("through_s", sa.BigInteger(), nullable=False, comment="time of the newest access that was tried"),
        sa.Column(
            "content",
            sa.LargeBinary(),
            nullable=False,
            comment="what the caches in shadow hold and counted, compressed",
        ),
        sa.Column("updated_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("cache", name=op.f("pk_cache_trial")),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("cache_trial")
