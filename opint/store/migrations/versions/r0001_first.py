"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create all tables."""
    _streams()
    _lumisections()
    _judgements()
    _incidents()
    _histories()


def downgrade() -> None:
    """Drop all tables."""
    op.drop_table("occurrence")
    op.drop_table("ls_score")
    op.drop_index(op.f("ix_audit_incident_id"), table_name="audit")
    op.drop_table("audit")
    op.drop_table("source_offset")
    op.drop_table("model_version")
    op.drop_index(op.f("ix_lumisection_updated_s"), table_name="lumisection")
    op.drop_index(
        "ix_lumisection_open",
        table_name="lumisection",
        postgresql_where=sa.text("closed_s IS NULL"),
        sqlite_where=sa.text("closed_s IS NULL"),
    )
    op.drop_table("lumisection")
    op.drop_table("ls_summary")
    op.drop_index(op.f("ix_incident_subsystem"), table_name="incident")
    op.drop_index("ix_incident_history", table_name="incident")
    op.drop_index("ix_incident_reach", table_name="incident")
    op.drop_index(
        "ix_incident_one_active",
        table_name="incident",
        postgresql_where=sa.text("state <> 'resolved'"),
        sqlite_where=sa.text("state <> 'resolved'"),
    )
    op.drop_table("incident")
    op.drop_table("heartbeat")
    op.drop_table("evidence")
    op.drop_index(op.f("ix_dead_letter_received_s"), table_name="dead_letter")
    op.drop_table("dead_letter")
    op.drop_table("catalogue")


def _streams() -> None:
    op.create_table(
        "dead_letter",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("message_offset", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("message_key", sa.LargeBinary(), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=False, comment="the first bytes, up to stream.dead_letter_bytes"),
        sa.Column("raw_size", sa.BigInteger(), nullable=False),
        sa.Column("received_s", sa.Float(), nullable=False),
        sa.Column("replayed_s", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letter")),
        sa.UniqueConstraint(
            "cluster",
            "topic",
            "partition",
            "message_offset",
            "reason",
            "field",
            name=op.f("uq_dead_letter_cluster_topic_partition_message_offset_reason_field"),
        ),
    )
    op.create_index(op.f("ix_dead_letter_received_s"), "dead_letter", ["received_s"], unique=False)
    op.create_table(
        "source_offset",
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("consumer_group", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=True, comment="null: claimed, nothing processed yet"),
        sa.Column("owner", sa.String(), nullable=False, comment="the consumer that may write; others are fenced"),
        sa.Column("updated_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("cluster", "consumer_group", "topic", "partition", name=op.f("pk_source_offset")),
    )
    op.create_table(
        "heartbeat",
        sa.Column("daemon", sa.String(), nullable=False, comment="host:pid:start"),
        sa.Column("started_s", sa.Float(), nullable=False),
        sa.Column("at_s", sa.Float(), nullable=False),
        sa.Column(
            "state", sa.String(), nullable=False, comment="running, waiting (with the reason in detail) or stopped"
        ),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("histograms", sa.BigInteger(), nullable=False),
        sa.Column("lag", sa.JSON(), nullable=False, comment="topic[partition] -> messages"),
        sa.PrimaryKeyConstraint("daemon", name=op.f("pk_heartbeat")),
    )


def _lumisections() -> None:
    op.create_table(
        "catalogue",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("elements", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_catalogue")),
    )
    op.create_table(
        "lumisection",
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("ls", sa.BigInteger(), nullable=False),
        sa.Column("conditions", sa.JSON(), nullable=False),
        sa.Column("model_version", sa.String(), nullable=False),
        sa.Column(
            "origin",
            sa.String(),
            nullable=False,
            comment="LumisectionState.origin: partition of its first part; it is "
            "overtaken once stream.watermark_lumisections later lumisections have been seen on the same origin",
        ),
        sa.Column("first_seen_s", sa.Float(), nullable=False),
        sa.Column("published_s", sa.Float(), nullable=False, comment="when its newest part was published"),
        sa.Column("updated_s", sa.Float(), nullable=False),
        sa.Column("closed_s", sa.Float(), nullable=True, comment="null: still being assembled"),
        sa.Column("closed_because", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "run", "ls", name=op.f("pk_lumisection")),
    )
    op.create_index(
        "ix_lumisection_open",
        "lumisection",
        ["first_seen_s"],
        unique=False,
        postgresql_where=sa.text("closed_s IS NULL"),
        sqlite_where=sa.text("closed_s IS NULL"),
    )
    op.create_index(op.f("ix_lumisection_updated_s"), "lumisection", ["updated_s"], unique=False)
    op.create_table(
        "ls_score",
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("ls", sa.BigInteger(), nullable=False),
        sa.Column("subsystem", sa.String(), nullable=False),
        sa.Column("model_version", sa.String(), nullable=False),
        sa.Column("catalogue", sa.String(), nullable=False),
        sa.Column("scorers", sa.JSON(), nullable=False),
        sa.Column("present", sa.LargeBinary(), nullable=False, comment="n bool"),
        sa.Column("p_values", sa.LargeBinary(), nullable=False, comment="n float32"),
        sa.Column("scores", sa.LargeBinary(), nullable=False, comment="scorers x n float32"),
        sa.Column("digests", sa.LargeBinary(), nullable=False, comment="n uint64"),
        sa.Column("reasons", sa.LargeBinary(), nullable=False, comment="n uint8: as far as an ME can be judged alone"),
        sa.Column("verdict_p", sa.Float(), nullable=True),
        sa.Column("verdict_qualities", sa.LargeBinary(), nullable=True, comment="n uint8; null: not closed"),
        sa.Column("verdict_reasons", sa.LargeBinary(), nullable=True, comment="n uint8; null: not closed"),
        sa.ForeignKeyConstraint(["catalogue"], ["catalogue.digest"], name=op.f("fk_ls_score_catalogue")),
        sa.PrimaryKeyConstraint("dataset", "run", "ls", "subsystem", "model_version", name=op.f("pk_ls_score")),
    )


def _judgements() -> None:
    op.create_table(
        "ls_summary",
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("subsystem", sa.String(), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("ls", sa.BigInteger(), nullable=False),
        sa.Column("quality", sa.Integer(), nullable=False),
        sa.Column("p_value", sa.Float(), nullable=True),
        sa.Column("good", sa.Integer(), nullable=False),
        sa.Column("warning", sa.Integer(), nullable=False),
        sa.Column("bad", sa.Integer(), nullable=False),
        sa.Column("not_inspected", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "subsystem", "run", "ls", name=op.f("pk_ls_summary")),
    )
    op.create_table(
        "evidence",
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("ls", sa.BigInteger(), nullable=False),
        sa.Column("subsystem", sa.String(), nullable=False),
        sa.Column("me", sa.String(), nullable=False),
        sa.Column("p_value", sa.Float(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="JSON of dqm.core.quality.Evidence"),
        sa.PrimaryKeyConstraint("dataset", "run", "ls", "subsystem", "me", name=op.f("pk_evidence")),
    )
    op.create_table(
        "model_version",
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("manifest", sa.JSON(), nullable=False),
        sa.Column("first_used_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_model_version")),
    )


def _incidents() -> None:
    op.create_table(
        "incident",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("subsystem", sa.String(), nullable=False),
        sa.Column(
            "family", sa.String(), nullable=False, comment="content, frozen, missing, starved, shape or data-lost"
        ),
        sa.Column("element_group", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="the fault most often named by the evidence"),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False, comment="warning or critical"),
        sa.Column("state", sa.String(), nullable=False, comment="open, acknowledged or resolved"),
        sa.Column("first_run", sa.BigInteger(), nullable=True),
        sa.Column("first_ls", sa.BigInteger(), nullable=True),
        sa.Column("last_run", sa.BigInteger(), nullable=True),
        sa.Column("last_ls", sa.BigInteger(), nullable=True),
        sa.Column("lumisections", sa.Integer(), nullable=False, comment="how many occurrences"),
        sa.Column("elements", sa.Integer(), nullable=False, comment="most MEs in one lumisection"),
        sa.Column("model_version", sa.String(), nullable=False),
        sa.Column("opened_s", sa.Float(), nullable=False),
        sa.Column("updated_s", sa.Float(), nullable=False),
        sa.Column("acknowledged_s", sa.Float(), nullable=True),
        sa.Column("acknowledged_by", sa.String(), nullable=True),
        sa.Column("resolved_s", sa.Float(), nullable=True),
        sa.Column(
            "resolved_by", sa.String(), nullable=True, comment="a person, or 'nightshift' when it cleared by itself"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    op.create_index(
        "ix_incident_one_active",
        "incident",
        ["fingerprint"],
        unique=True,
        postgresql_where=sa.text("state <> 'resolved'"),
        sqlite_where=sa.text("state <> 'resolved'"),
    )
    op.create_index("ix_incident_history", "incident", ["fingerprint", "last_run", "last_ls"], unique=False)
    op.create_index("ix_incident_reach", "incident", ["dataset", "last_run", "last_ls"], unique=False)
    op.create_index(op.f("ix_incident_subsystem"), "incident", ["subsystem"], unique=False)


def _histories() -> None:
    op.create_table(
        "occurrence",
        sa.Column("incident_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("ls", sa.BigInteger(), nullable=False),
        sa.Column("elements", sa.JSON(), nullable=False, comment="names of the MEs, worst first"),
        sa.Column("p_value", sa.Float(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_occurrence_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "run", "ls", name=op.f("pk_occurrence")),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("incident_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at_s", sa.Float(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False, comment="see opint.store.incidents.Action"),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_audit_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_incident_id"), "audit", ["incident_id"], unique=False)
