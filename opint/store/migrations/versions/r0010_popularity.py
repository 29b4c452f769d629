"""Forecasts of the popularity of datasets, how good they were, and who forecasts."""

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


def downgrade() -> None:
    """Drop the tables."""
    for table in ("popularity_standing", "popularity_score", "popularity_forecast"):
        op.drop_table(table)
