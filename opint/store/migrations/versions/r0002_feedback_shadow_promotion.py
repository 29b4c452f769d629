"""Operators' words on incidents, verdicts of a model in shadow, and promotions."""

import sqlalchemy as sa
from alembic import op

revision = "r0002"
down_revision = "r0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the three tables."""
    op.create_table(
        "feedback",
        sa.Column("incident_id", _serial(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False, comment="true or false-alarm; the last word of an operator"),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at_s", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_feedback_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_feedback")),
    )
    _shadow()
    _promotion()


def downgrade() -> None:
    """Drop them."""
    op.drop_index(op.f("ix_promotion_slot"), table_name="promotion")
    op.drop_table("promotion")
    op.drop_table("shadow_summary")
    op.drop_table("feedback")


def _serial() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _shadow() -> None:
    op.create_table(
        "shadow_summary",
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("ls", sa.BigInteger(), nullable=False),
        sa.Column("subsystem", sa.String(), nullable=False),
        sa.Column(
            "model_version", sa.String(), nullable=False, comment="of a bundle that judges beside the current one"
        ),
        sa.Column("quality", sa.Integer(), nullable=False),
        sa.Column("p_value", sa.Float(), nullable=True),
        sa.Column("good", sa.Integer(), nullable=False),
        sa.Column("warning", sa.Integer(), nullable=False),
        sa.Column("bad", sa.Integer(), nullable=False),
        sa.Column("not_inspected", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "run", "ls", "subsystem", "model_version", name=op.f("pk_shadow_summary")),
    )


def _promotion() -> None:
    op.create_table(
        "promotion",
        sa.Column("id", _serial(), autoincrement=True, nullable=False),
        sa.Column("slot", sa.String(), nullable=False, comment="the dqm.model of the settings that it stands for"),
        sa.Column("name", sa.String(), nullable=False, comment="folder of the bundle below dqm.models"),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("previous", sa.String(), nullable=False, comment="version that judged before; empty: none"),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promotion")),
    )
    op.create_index(op.f("ix_promotion_slot"), "promotion", ["slot"])
