"""Rates as seen and as expected, beside the scores of a lumisection."""

import sqlalchemy as sa
from alembic import op

revision = "r0008"
down_revision = "r0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what is stored has none."""
    column = sa.Column("bands", sa.LargeBinary(), nullable=True, comment="6 x n float32: dqm.core.state")
    op.add_column("ls_score", column)


def downgrade() -> None:
    """Drop it."""
    op.drop_column("ls_score", "bands")
