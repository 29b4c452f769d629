"""Popularity of datasets: forecasts, scores, who forecasts; placement plans and what people decide."""

import sqlalchemy as sa
from alembic import op

revision = "r0010"
down_revision = "r0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "popularity_forecast",
        sa.Column("catalogue", sa.String(), nullable=False, comment="whose datasets, as the operator calls it"),
        sa.Column("label", sa.String(), nullable=False, comment="what counts as popular"),
        sa.Column("horizon", sa.Integer(), nullable=False, comment="weeks ahead"),
        sa.Column("week", sa.String(), nullable=False, comment="first day of the week that is forecast, ISO 8601"),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False, comment="yes, no or unsure"),
        sa.Column("new", sa.Boolean(), nullable=False, comment="whether it has hardly any history"),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("made_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint(
            "catalogue", "label", "horizon", "week", "dataset", name=op.f("pk_popularity_forecast")
        ),
    )
    op.create_index(op.f("ix_popularity_forecast_made_s"), "popularity_forecast", ["made_s"])
    op.create_table(
        "popularity_score",
        sa.Column("catalogue", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("horizon", sa.Integer(), nullable=False),
        sa.Column("week", sa.String(), nullable=False, comment="first day of the week that was forecast"),
        sa.Column(
            "tier", sa.String(), nullable=False, comment="a data tier, all, or new: datasets with hardly any history"
        ),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("true_positives", sa.BigInteger(), nullable=False),
        sa.Column("false_positives", sa.BigInteger(), nullable=False),
        sa.Column("false_negatives", sa.BigInteger(), nullable=False),
        sa.Column("true_negatives", sa.BigInteger(), nullable=False),
        sa.Column("auc", sa.Float(), nullable=True, comment="null where nothing, or everything, was popular"),
        sa.Column("average_precision", sa.Float(), nullable=True, comment="null where nothing was popular"),
        sa.Column("made_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint(
            "catalogue", "label", "horizon", "week", "tier", "model", name=op.f("pk_popularity_score")
        ),
    )
    op.create_index(op.f("ix_popularity_score_made_s"), "popularity_score", ["made_s"])
    op.create_table(
        "popularity_standing",
        sa.Column("catalogue", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("horizon", sa.Integer(), nullable=False),
        sa.Column("tier", sa.String(), nullable=False, comment="empty: all tiers without a line of their own"),
        sa.Column("model", sa.String(), nullable=False, comment="which forecasts"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since_s", sa.Float(), nullable=False, comment="since when this model"),
        sa.PrimaryKeyConstraint("catalogue", "label", "horizon", "tier", name=op.f("pk_popularity_standing")),
    )
    op.create_table(
        "placement_plan",
        sa.Column("catalogue", sa.String(), nullable=False),
        sa.Column("week", sa.String(), nullable=False, comment="first day of the week that is planned, ISO 8601"),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False, comment="reads saved, prices paid"),
        sa.Column("bound", sa.Float(), nullable=True, comment="no plan saves more; null where not known"),
        sa.Column("made_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("catalogue", "week", name=op.f("pk_placement_plan")),
    )
    op.create_index(op.f("ix_placement_plan_made_s"), "placement_plan", ["made_s"])
    op.create_table(
        "placement_line",
        sa.Column("catalogue", sa.String(), nullable=False),
        sa.Column("week", sa.String(), nullable=False),
        sa.Column("line", sa.String(), nullable=False, comment="opint.placement.plan.Line.id"),
        sa.Column("place", sa.Integer(), nullable=False, comment="in the plan, from 0"),
        sa.Column(
            "action",
            sa.String(),
            nullable=False,
            comment="copy or delete; of what is left out, what it would have been",
        ),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("rse", sa.String(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("benefit", sa.Float(), nullable=False, comment="reads saved, prices paid"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "rule", sa.String(), nullable=False, comment="the Rucio rule that holds the replica; empty if not known"
        ),
        sa.Column("refused", sa.String(), nullable=False, comment="why it is left out; empty for what is planned"),
        sa.PrimaryKeyConstraint("catalogue", "week", "line", name=op.f("pk_placement_line")),
    )
    op.create_table(
        "placement_decision",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("catalogue", sa.String(), nullable=False),
        sa.Column("line", sa.String(), nullable=False),
        sa.Column("decision", sa.String(), nullable=False, comment="accepted or rejected"),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_placement_decision")),
    )
    op.create_index(op.f("ix_placement_decision_line"), "placement_decision", ["line"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("placement_decision")
    op.drop_table("placement_line")
    op.drop_table("placement_plan")
    for table in ("popularity_standing", "popularity_score", "popularity_forecast"):
        op.drop_table(table)
