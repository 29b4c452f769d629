"""Events that the hotline keeps, and what it remembers of all events."""

import sqlalchemy as sa
from alembic import op

revision = "r0009"
down_revision = "r0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "hotline_event",
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.BigInteger(), nullable=False, comment="unique within a run"),
        sa.Column("ls", sa.BigInteger(), nullable=False),
        sa.Column("model_version", sa.String(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False, comment="what it costs to explain the event, in nats"),
        sa.Column("p_value", sa.Float(), nullable=False, comment="as calibrated, before the correction for drift"),
        sa.Column(
            "once_in_hours",
            sa.Float(),
            nullable=False,
            comment="hours of live time in which one such event was expected",
        ),
        sa.Column("features", sa.JSON(), nullable=False, comment="value by name"),
        sa.Column("unusual", sa.JSON(), nullable=False, comment="dqm.hotline.unusual.Unusual, the dearest first"),
        sa.Column("kept_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "run", "event", name=op.f("pk_hotline_event")),
    )
    op.create_index(op.f("ix_hotline_event_kept_s"), "hotline_event", ["kept_s"])
    op.create_table(
        "hotline_state",
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("model_version", sa.String(), nullable=False),
        sa.Column("ladder", sa.JSON(), nullable=False, comment="dqm.hotline.level.Ladder"),
        sa.Column("updated_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "model_version", name=op.f("pk_hotline_state")),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("hotline_state")
    op.drop_index(op.f("ix_hotline_event_kept_s"), table_name="hotline_event")
    op.drop_table("hotline_event")
