"""The centre about which each run is certified, and what the run leaves for later ones."""

import sqlalchemy as sa
from alembic import op

revision = "r0007"
down_revision = "r0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "certification_centre",
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("subsystem", sa.String(), nullable=False),
        sa.Column("model_version", sa.String(), nullable=False),
        sa.Column("shift", sa.LargeBinary(), nullable=False, comment="of the centre about which the run is certified"),
        sa.Column(
            "residuals",
            sa.LargeBinary(),
            nullable=False,
            comment="what the run leaves: dqm.core.drift",
        ),
        sa.Column("updated_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "run", "subsystem", "model_version", name=op.f("pk_certification_centre")),
    )
    op.create_index(op.f("ix_certification_centre_updated_s"), "certification_centre", ["updated_s"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index(op.f("ix_certification_centre_updated_s"), table_name="certification_centre")
    op.drop_table("certification_centre")
