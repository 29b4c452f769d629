"""What certification keeps of each part of a lumisection."""

import sqlalchemy as sa
from alembic import op

revision = "r0003"
down_revision = "r0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what is stored has none."""
    column = sa.Column(
        "largest",
        sa.LargeBinary(),
        nullable=True,
        comment="members, errors, features: dqm.core.largest_errors",
    )
    op.add_column("ls_score", column)


def downgrade() -> None:
    """Drop it."""
    op.drop_column("ls_score", "largest")
