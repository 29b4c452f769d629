"""Events that the hotline keeps, what people say of them, its hours, and what it remembers of all events."""

import sqlalchemy as sa
from alembic import op

revision = "r0009"
down_revision = "r0008"
branch_labels = None
depends_on = None


def _serial() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "hotline_event",
        sa.Column("id", _serial(), autoincrement=True, nullable=False),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("ls", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.BigInteger(), nullable=False, comment="unique within a run"),
        sa.Column("model_version", sa.String(), nullable=False),
        sa.Column(
            "score", sa.Float(), nullable=False, comment="what the model makes of the event; the greater, the stranger"
        ),
        sa.Column("p_value", sa.Float(), nullable=False, comment="as calibrated, before the correction for drift"),
        sa.Column(
            "once_in_hours",
            sa.Float(),
            nullable=False,
            comment="hours of live time in which one such event was expected",
        ),
        sa.Column("features", sa.JSON(), nullable=False, comment="value by name"),
        sa.Column("unusual", sa.JSON(), nullable=False, comment="dqm.events.model.Unusual, the dearest first"),
        sa.Column(
            "usual", sa.JSON(), nullable=False, comment="by name, the ends of the central 95 % of training events"
        ),
        sa.Column("conditions", sa.JSON(), nullable=False, comment="of its lumisection; dcs left out"),
        sa.Column("kept_s", sa.Float(), nullable=False),
        sa.Column(
            "marking",
            sa.String(),
            nullable=False,
            comment="the newest of hotline_marking; empty if nobody has looked",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hotline_event")),
        sa.UniqueConstraint("dataset", "run", "event", name=op.f("uq_hotline_event_dataset_run_event")),
    )
    op.create_index(op.f("ix_hotline_event_kept_s"), "hotline_event", ["kept_s"])
    op.create_index(op.f("ix_hotline_event_run"), "hotline_event", ["run"])
    op.create_table(
        "hotline_marking",
        sa.Column("id", _serial(), autoincrement=True, nullable=False),
        sa.Column("event_id", _serial(), nullable=False),
        sa.Column("at_s", sa.Float(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("marking", sa.String(), nullable=False, comment="interesting, known or detector"),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["hotline_event.id"], name=op.f("fk_hotline_marking_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hotline_marking")),
    )
    op.create_index(op.f("ix_hotline_marking_event_id"), "hotline_marking", ["event_id"])
    op.create_table(
        "hotline_hour",
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("model_version", sa.String(), nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False, comment="of live time, counted from 0"),
        sa.Column("live_s", sa.Float(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False, comment="events judged"),
        sa.Column("kept", sa.BigInteger(), nullable=False),
        sa.Column("updated_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "model_version", "hour", name=op.f("pk_hotline_hour")),
    )
    op.create_index(op.f("ix_hotline_hour_updated_s"), "hotline_hour", ["updated_s"])
    op.create_table(
        "hotline_state",
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("model_version", sa.String(), nullable=False),
        sa.Column("ladder", sa.JSON(), nullable=False, comment="dqm.events.level.Ladder"),
        sa.Column("updated_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "model_version", name=op.f("pk_hotline_state")),
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("hotline_state", "hotline_hour", "hotline_marking", "hotline_event"):
        op.drop_table(table)
