"""Which topic of a name an offset belongs to."""

import sqlalchemy as sa
from alembic import op

revision = "r0011"
down_revision = "r0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what is stored belongs to the topic that is there when it is claimed next."""
    column = sa.Column("topic_id", sa.String(), nullable=False, server_default="", comment="empty: not known")
    op.add_column("source_offset", column)


def downgrade() -> None:
    """Drop it."""
    op.drop_column("source_offset", "topic_id")
