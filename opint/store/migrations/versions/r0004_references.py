"""Sums of good counts by run, and the reference chosen for each run."""

import sqlalchemy as sa
from alembic import op

revision = "r0004"
down_revision = "r0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "run_sums",
        *_key(),
        sa.Column("counts", sa.LargeBinary(), nullable=False, comment="trusted, then held; compressed"),
        sa.Column("leaning", sa.LargeBinary(), nullable=False, comment="counts times standardised pileup in steps"),
        sa.Column("histograms", sa.LargeBinary(), nullable=False),
        sa.Column("updated_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "run", "subsystem", "model_version", name=op.f("pk_run_sums")),
    )
    op.create_index(op.f("ix_run_sums_updated_s"), "run_sums", ["updated_s"])
    op.create_table(
        "reference",
        *_key(),
        sa.Column(
            "adaptive",
            sa.Boolean(),
            nullable=False,
            comment="whether the template judges the run",
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("share", sa.LargeBinary(), nullable=False, comment="the template's shapes, compressed"),
        sa.Column("wander", sa.LargeBinary(), nullable=False, comment="relative variance of good shapes, compressed"),
        sa.Column("size", sa.LargeBinary(), nullable=False),
        sa.Column("usable", sa.LargeBinary(), nullable=False, comment="monitoring elements whose template may judge"),
        sa.Column(
            "drift",
            sa.LargeBinary(),
            nullable=False,
            comment="share of entries that lies elsewhere than in the frozen",
        ),
        sa.Column(
            "newest_run", sa.BigInteger(), nullable=False, comment="the last run that the template followed; 0: none"
        ),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("pileup", sa.Float(), nullable=False, comment="standardised, of the newest run"),
        sa.Column("chosen_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "run", "subsystem", "model_version", name=op.f("pk_reference")),
    )
    op.create_index(op.f("ix_reference_chosen_s"), "reference", ["chosen_s"])


def downgrade() -> None:
    """Drop them."""
    for table, index in (("reference", "ix_reference_chosen_s"), ("run_sums", "ix_run_sums_updated_s")):
        op.drop_index(op.f(index), table_name=table)
        op.drop_table(table)


def _key() -> list["sa.Column[object]"]:
    return [
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("subsystem", sa.String(), nullable=False),
        sa.Column("model_version", sa.String(), nullable=False),
    ]
