"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None

COUNTED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""Numbers given by the database: SQLite counts plain integers alone."""


def upgrade() -> None:
    """Create all tables."""
    _streams()
    _lumisections()
    _models()
    _incidents()
    _notifications()
    _hotline()
    _popularity()
    _placement()
    _caches()
    _workflows()
    _labels()
    _accounts()
    _shifts()


def downgrade() -> None:
    """Drop all tables, those that others refer to last, and their indexes with them."""
    for table in (
        "shift_note",
        "sign_in_event",
        "api_token",
        "session",
        "account",
        "label",
        "suggestion_event",
        "workflow_outcome",
        "workflow_suggestion",
        "workflow_decision",
        "workflow_snapshot",
        "workflow_error",
        "workflow_class",
        "workflow_task",
        "message_count",
        "message_class",
        "suggestion",
        "cache_curve",
        "cache_day",
        "cache_trial",
        "placement_decision",
        "placement_line",
        "placement_plan",
        "popularity_model_choice",
        "popularity_score",
        "popularity_forecast",
        "hotline_state",
        "hotline_hour",
        "hotline_marking",
        "hotline_event",
        "reference_acceptance",
        "notice",
        "outbox",
        "message",
        "silence",
        "feedback",
        "audit",
        "occurrence",
        "short_fault",
        "incident",
        "certification_centre",
        "rate_level",
        "alarm_level",
        "run_sums",
        "reference",
        "shadow_summary",
        "promotion",
        "model_version",
        "evidence",
        "ls_summary",
        "ls_score",
        "lumisection",
        "catalogue",
        "heartbeat",
        "source_offset",
        "dead_letter",
    ):
        op.drop_table(table)


def _streams() -> None:
    op.create_table(
        "dead_letter",
        sa.Column("id", COUNTED, autoincrement=True, nullable=False),
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
    op.create_index(op.f("ix_dead_letter_received_s"), "dead_letter", ["received_s"])
    op.create_table(
        "source_offset",
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("consumer_group", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=True, comment="null: claimed, nothing processed yet"),
        sa.Column("owner", sa.String(), nullable=False, comment="the consumer that may write; others are fenced"),
        sa.Column("updated_s", sa.Float(), nullable=False),
        sa.Column("topic_id", sa.String(), server_default="", nullable=False, comment="empty: not known"),
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
        postgresql_where=sa.text("closed_s IS NULL"),
        sqlite_where=sa.text("closed_s IS NULL"),
    )
    op.create_index(op.f("ix_lumisection_updated_s"), "lumisection", ["updated_s"])
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
        sa.Column(
            "largest", sa.LargeBinary(), nullable=True, comment="members, errors, features: dqm.core.largest_errors"
        ),
        sa.Column("bands", sa.LargeBinary(), nullable=True, comment="7 x n float32: dqm.core.state"),
        sa.Column("amounts", sa.LargeBinary(), nullable=True, comment="3 x n float32: dqm.core.state"),
        sa.Column("verdict_p", sa.Float(), nullable=True),
        sa.Column("verdict_qualities", sa.LargeBinary(), nullable=True, comment="n uint8; null: not closed"),
        sa.Column("verdict_reasons", sa.LargeBinary(), nullable=True, comment="n uint8; null: not closed"),
        sa.ForeignKeyConstraint(["catalogue"], ["catalogue.digest"], name=op.f("fk_ls_score_catalogue")),
        sa.PrimaryKeyConstraint("dataset", "run", "ls", "subsystem", "model_version", name=op.f("pk_ls_score")),
    )
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


def _models() -> None:
    op.create_table(
        "model_version",
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("manifest", sa.JSON(), nullable=False),
        sa.Column("first_used_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_model_version")),
    )
    op.create_table(
        "promotion",
        sa.Column("id", COUNTED, autoincrement=True, nullable=False),
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
    op.create_table(
        "reference",
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("subsystem", sa.String(), nullable=False),
        sa.Column("model_version", sa.String(), nullable=False),
        sa.Column("adaptive", sa.Boolean(), nullable=False, comment="whether the template judges the run"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("share", sa.LargeBinary(), nullable=False, comment="the template's shapes, compressed"),
        sa.Column("wander", sa.LargeBinary(), nullable=False, comment="relative variance of good shapes, compressed"),
        sa.Column("size", sa.LargeBinary(), nullable=False),
        sa.Column("usable", sa.LargeBinary(), nullable=False, comment="monitoring elements whose template may judge"),
        sa.Column(
            "drift", sa.LargeBinary(), nullable=False, comment="share of entries that lies elsewhere than in the frozen"
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
    op.create_table(
        "run_sums",
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("subsystem", sa.String(), nullable=False),
        sa.Column("model_version", sa.String(), nullable=False),
        sa.Column("counts", sa.LargeBinary(), nullable=False, comment="trusted, then held; compressed"),
        sa.Column("leaning", sa.LargeBinary(), nullable=False, comment="counts times standardised pileup in steps"),
        sa.Column("histograms", sa.LargeBinary(), nullable=False),
        sa.Column("updated_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "run", "subsystem", "model_version", name=op.f("pk_run_sums")),
    )
    op.create_index(op.f("ix_run_sums_updated_s"), "run_sums", ["updated_s"])
    op.create_table(
        "certification_centre",
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("subsystem", sa.String(), nullable=False),
        sa.Column("model_version", sa.String(), nullable=False),
        sa.Column("shift", sa.LargeBinary(), nullable=False, comment="of the centre about which the run is certified"),
        sa.Column("residuals", sa.LargeBinary(), nullable=False, comment="what the run leaves: dqm.core.drift"),
        sa.Column("updated_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "run", "subsystem", "model_version", name=op.f("pk_certification_centre")),
    )
    op.create_index(op.f("ix_certification_centre_updated_s"), "certification_centre", ["updated_s"])
    op.create_table(
        "rate_level",
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("stretch", sa.BigInteger(), nullable=False, comment="of the run: dqm.rates.levels.state"),
        sa.Column("model_version", sa.String(), nullable=False),
        sa.Column("levels", sa.LargeBinary(), nullable=False, comment="before the stretch, as JSON"),
        sa.Column("updated_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "run", "stretch", "model_version", name=op.f("pk_rate_level")),
    )
    op.create_index(op.f("ix_rate_level_updated_s"), "rate_level", ["updated_s"])
    op.create_table(
        "alarm_level",
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("model_version", sa.String(), nullable=False),
        sa.Column("p_value", sa.Float(), nullable=False, comment="at or below which its content alarms"),
        sa.Column("declared", sa.Float(), nullable=False, comment="that of the budget"),
        sa.Column("good_runs", sa.Integer(), nullable=False, comment="called good when it was chosen"),
        sa.Column("chosen_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "run", "model_version", name=op.f("pk_alarm_level")),
    )
    op.create_index(op.f("ix_alarm_level_chosen_s"), "alarm_level", ["chosen_s"])


def _incidents() -> None:
    op.create_table(
        "incident",
        sa.Column("id", COUNTED, autoincrement=True, nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("subsystem", sa.String(), nullable=False),
        sa.Column(
            "family", sa.String(), nullable=False, comment="content, frozen, missing, starved, shape or data-lost"
        ),
        sa.Column("element_group", sa.String(), nullable=False),
        sa.Column(
            "recurring_run",
            sa.BigInteger(),
            nullable=True,
            comment="the run whose short faults it stands for; null: none",
        ),
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
        sa.Column("acknowledged_until_s", sa.Float(), nullable=True, comment="null: until it ends or changes"),
        sa.Column(
            "acknowledged_basis", sa.Text(), nullable=True, comment="JSON: kind, severity and MEs when that was said"
        ),
        sa.Column("assigned_to", sa.String(), nullable=True),
        sa.Column("resolved_s", sa.Float(), nullable=True),
        sa.Column(
            "resolved_by", sa.String(), nullable=True, comment="a person, or 'nightshift' when it cleared by itself"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    op.create_index("ix_incident_history", "incident", ["fingerprint", "last_run", "last_ls"])
    op.create_index(
        "ix_incident_one_active",
        "incident",
        ["fingerprint"],
        unique=True,
        postgresql_where=sa.text("state <> 'resolved'"),
        sqlite_where=sa.text("state <> 'resolved'"),
    )
    op.create_index("ix_incident_agreement", "incident", ["model_version", "family"])
    op.create_index("ix_incident_reach", "incident", ["dataset", "last_run", "last_ls", "first_run"])
    op.create_index("ix_incident_resolved_s", "incident", ["resolved_s"])
    op.create_index("ix_incident_state", "incident", ["state", "severity"])
    op.create_index("ix_incident_updated_s", "incident", ["updated_s"])
    op.create_index("ix_incident_opened_s", "incident", ["opened_s"])
    op.create_index(op.f("ix_incident_subsystem"), "incident", ["subsystem"])
    op.create_table(
        "occurrence",
        sa.Column("incident_id", COUNTED, nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("ls", sa.BigInteger(), nullable=False),
        sa.Column("elements", sa.JSON(), nullable=False, comment="names of the MEs, worst first"),
        sa.Column("p_value", sa.Float(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_occurrence_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "run", "ls", name=op.f("pk_occurrence")),
    )
    op.create_table(
        "short_fault",
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("ls", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False, comment="of the incident that may take it in"),
        sa.Column("subsystem", sa.String(), nullable=False),
        sa.Column("family", sa.String(), nullable=False),
        sa.Column("element_group", sa.String(), nullable=False),
        sa.Column("elements", sa.JSON(), nullable=False, comment="names of the MEs, worst first"),
        sa.Column("size", sa.Integer(), nullable=False, comment="MEs of the folder"),
        sa.Column("p_value", sa.Float(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("model_version", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "run", "ls", "fingerprint", name=op.f("pk_short_fault")),
    )
    op.create_index("ix_short_fault_returns", "short_fault", ["fingerprint", "run"])
    op.create_table(
        "audit",
        sa.Column("id", COUNTED, autoincrement=True, nullable=False),
        sa.Column("incident_id", COUNTED, nullable=False),
        sa.Column("at_s", sa.Float(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False, comment="see opint.store.incidents.Action"),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_audit_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_incident_id"), "audit", ["incident_id"])
    op.create_table(
        "feedback",
        sa.Column("incident_id", COUNTED, nullable=False),
        sa.Column("verdict", sa.String(), nullable=False, comment="true or false-alarm; the last word of an operator"),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at_s", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_feedback_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_feedback")),
    )
    op.create_table(
        "reference_acceptance",
        sa.Column("id", COUNTED, autoincrement=True, nullable=False),
        sa.Column("stream", sa.String(), nullable=False, comment="kind of stream"),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("subsystem", sa.String(), nullable=False),
        sa.Column(
            "element",
            sa.String(),
            nullable=False,
            comment="the monitoring element or rate whose state is accepted",
        ),
        sa.Column("since_run", sa.BigInteger(), nullable=False, comment="learned from this lumisection on"),
        sa.Column("since_ls", sa.BigInteger(), nullable=False),
        sa.Column("until_run", sa.BigInteger(), nullable=False, comment="where it was accepted: good up to there"),
        sa.Column("until_ls", sa.BigInteger(), nullable=False),
        sa.Column("incident_id", COUNTED, nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at_s", sa.Float(), nullable=False),
        sa.Column("revoked_s", sa.Float(), nullable=True, comment="null: it stands"),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_reference_acceptance_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reference_acceptance")),
    )
    op.create_index(op.f("ix_reference_acceptance_incident_id"), "reference_acceptance", ["incident_id"])
    op.create_index("ix_reference_acceptance_stream_dataset", "reference_acceptance", ["stream", "dataset"])


def _notifications() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", COUNTED, autoincrement=True, nullable=False),
        sa.Column("incident_id", COUNTED, nullable=False),
        sa.Column("at_s", sa.Float(), nullable=False),
        sa.Column(
            "change", sa.String(), nullable=False, comment="opened, worsened, cleared …: the action in the audit trail"
        ),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("routed_s", sa.Float(), nullable=True, comment="when it was decided to whom it goes; null: not yet"),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_outbox_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_incident_id"), "outbox", ["incident_id"])
    op.create_index(
        "ix_outbox_waiting",
        "outbox",
        ["id"],
        postgresql_where=sa.text("routed_s IS NULL"),
        sqlite_where=sa.text("routed_s IS NULL"),
    )
    op.create_table(
        "message",
        sa.Column("id", COUNTED, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(), nullable=False, comment="Idempotency-Key: the same in all attempts"),
        sa.Column("receiver", sa.String(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False, comment="opint.notifications.content.Content"),
        sa.Column("incidents", sa.Integer(), nullable=False, comment="how many it is about"),
        sa.Column("composed_s", sa.Float(), nullable=False),
        sa.Column("due_s", sa.Float(), nullable=True, comment="when it is sent next; null: sent or dead"),
        sa.Column("state", sa.String(), nullable=False, comment="waiting, sent or dead"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claimed_by", sa.String(), nullable=False, comment="the dispatcher that sends it; empty: none"),
        sa.Column("claimed_until_s", sa.Float(), nullable=False),
        sa.Column("retried_s", sa.Float(), nullable=False, comment="since when it has been tried"),
        sa.Column("answered_s", sa.Float(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False, comment="of the last attempt"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("key", name=op.f("uq_message_key")),
    )
    op.create_index(
        "ix_message_due",
        "message",
        ["due_s"],
        postgresql_where=sa.text("due_s IS NOT NULL"),
        sqlite_where=sa.text("due_s IS NOT NULL"),
    )
    op.create_index("ix_message_receiver", "message", ["receiver", "composed_s"])
    op.create_index("ix_message_state", "message", ["state", "id"])
    op.create_table(
        "notice",
        sa.Column("id", COUNTED, autoincrement=True, nullable=False),
        sa.Column("incident_id", COUNTED, nullable=False),
        sa.Column("outbox_id", COUNTED, nullable=True, comment="the change; null for a repetition"),
        sa.Column("at_s", sa.Float(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False, comment="call, repeat, escalation or end"),
        sa.Column("detail", sa.Text(), nullable=False, comment="what changed"),
        sa.Column("route", sa.String(), nullable=False, comment="its name; empty: none fits"),
        sa.Column("receiver", sa.String(), nullable=False, comment="its name; empty: none"),
        sa.Column("due_s", sa.Float(), nullable=True, comment="when it is decided next; null: it is settled"),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, comment="why, in a sentence"),
        sa.Column("decided_s", sa.Float(), nullable=True),
        sa.Column("silence_id", COUNTED, nullable=True, comment="the silence that holds it back"),
        sa.Column("parent_id", COUNTED, nullable=True, comment="the incident that it follows from"),
        sa.Column("message_id", COUNTED, nullable=True, comment="the message that it went into"),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_notice_incident_id")),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox.id"], name=op.f("fk_notice_outbox_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
    )
    op.create_index(
        "ix_notice_due",
        "notice",
        ["due_s"],
        postgresql_where=sa.text("due_s IS NOT NULL"),
        sqlite_where=sa.text("due_s IS NOT NULL"),
    )
    op.create_index("ix_notice_incident", "notice", ["incident_id", "id"])
    op.create_index("ix_notice_outbox", "notice", ["outbox_id"])
    op.create_index("ix_notice_message", "notice", ["message_id"])
    op.create_index("ix_notice_silence", "notice", ["silence_id"])
    op.create_table(
        "silence",
        sa.Column("id", COUNTED, autoincrement=True, nullable=False),
        sa.Column("match", sa.JSON(), nullable=False, comment="conf.notifications.Matchers"),
        sa.Column(
            "incidents",
            sa.JSON(),
            nullable=True,
            comment="numbers: ends when all are resolved; null: ends at ends_s",
        ),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_s", sa.Float(), nullable=False),
        sa.Column("ends_s", sa.Float(), nullable=True, comment="null: until the incidents are resolved"),
        sa.Column("expired_s", sa.Float(), nullable=True, comment="when a person has ended it"),
        sa.Column("expired_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silence")),
    )
    op.create_index(op.f("ix_silence_ends_s"), "silence", ["ends_s"])


def _hotline() -> None:
    op.create_table(
        "hotline_event",
        sa.Column("id", COUNTED, autoincrement=True, nullable=False),
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
            "marking", sa.String(), nullable=False, comment="the newest of hotline_marking; empty if nobody has looked"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hotline_event")),
        sa.UniqueConstraint("dataset", "run", "event", name=op.f("uq_hotline_event_dataset_run_event")),
    )
    op.create_index(op.f("ix_hotline_event_kept_s"), "hotline_event", ["kept_s"])
    op.create_index(op.f("ix_hotline_event_run"), "hotline_event", ["run"])
    op.create_table(
        "hotline_marking",
        sa.Column("id", COUNTED, autoincrement=True, nullable=False),
        sa.Column("event_id", COUNTED, nullable=False),
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
        sa.Column("judged_events", sa.BigInteger(), nullable=False),
        sa.Column("kept_events", sa.BigInteger(), nullable=False),
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


def _popularity() -> None:
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
        "popularity_model_choice",
        sa.Column("catalogue", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("horizon", sa.Integer(), nullable=False),
        sa.Column("tier", sa.String(), nullable=False, comment="empty: all tiers without a line of their own"),
        sa.Column("model", sa.String(), nullable=False, comment="which forecasts"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since_s", sa.Float(), nullable=False, comment="since when this model"),
        sa.PrimaryKeyConstraint("catalogue", "label", "horizon", "tier", name=op.f("pk_popularity_model_choice")),
    )


def _placement() -> None:
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
        sa.Column("source", sa.String(), nullable=False, comment="planner or cache agent"),
        sa.Column("cache", sa.String(), nullable=False, comment="whose agent it is; empty for the planner's lines"),
        sa.PrimaryKeyConstraint("catalogue", "week", "line", name=op.f("pk_placement_line")),
    )
    op.create_table(
        "placement_decision",
        sa.Column("id", COUNTED, autoincrement=True, nullable=False),
        sa.Column("catalogue", sa.String(), nullable=False),
        sa.Column("line", sa.String(), nullable=False),
        sa.Column("decision", sa.String(), nullable=False, comment="accepted or rejected"),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_placement_decision")),
    )
    op.create_index(op.f("ix_placement_decision_line"), "placement_decision", ["line"])


def _caches() -> None:
    op.create_table(
        "cache_trial",
        sa.Column("cache", sa.String(), nullable=False),
        sa.Column("capacity_bytes", sa.BigInteger(), nullable=False),
        sa.Column("through_s", sa.BigInteger(), nullable=False, comment="time of the newest access that was tried"),
        sa.Column(
            "content",
            sa.LargeBinary(),
            nullable=False,
            comment="what the caches in shadow hold and counted, compressed",
        ),
        sa.Column("updated_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("cache", name=op.f("pk_cache_trial")),
    )
    op.create_table(
        "cache_day",
        sa.Column("cache", sa.String(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False, comment="counted from 1970; the last one may not be over"),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("read_bytes", sa.BigInteger(), nullable=False, comment="requested"),
        sa.Column(
            "misses",
            sa.BigInteger(),
            nullable=False,
            comment="of the cache in shadow under LRU, as the next two",
        ),
        sa.Column("missed_bytes", sa.BigInteger(), nullable=False),
        sa.Column("written_bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("cache", "day", name=op.f("pk_cache_day")),
    )
    op.create_table(
        "cache_curve",
        sa.Column("cache", sa.String(), nullable=False),
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("capacity_bytes", sa.BigInteger(), nullable=False),
        sa.Column("byte_miss_ratio", sa.Float(), nullable=False),
        sa.Column("request_miss_ratio", sa.Float(), nullable=False),
        sa.Column("written_per_read", sa.Float(), nullable=False, comment="bytes written of bytes read"),
        sa.Column("computed_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("cache", "policy", "capacity_bytes", name=op.f("pk_cache_curve")),
    )
    op.create_table(
        "suggestion_event",
        sa.Column("id", COUNTED, autoincrement=True, nullable=False),
        sa.Column("cache", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False, comment="a status, ended, accepted or rejected"),
        sa.Column("actor", sa.String(), nullable=False, comment="empty for what nightshift did itself"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suggestion_event")),
    )
    op.create_index(op.f("ix_suggestion_event_cache"), "suggestion_event", ["cache"])
    op.create_table(
        "suggestion",
        sa.Column("cache", sa.String(), nullable=False, comment="which cache it is for, as the operator calls it"),
        sa.Column("kind", sa.String(), nullable=False, comment="refuse, quota, pin or prefetch"),
        sa.Column("target", sa.String(), nullable=False, comment="a directory or a dataset"),
        sa.Column("share", sa.Float(), nullable=False, comment="of the capacity, for a quota"),
        sa.Column("target_type", sa.String(), nullable=False, comment="tier, directory, dataset or cache"),
        sa.Column("target_files", sa.BigInteger(), nullable=False, comment="that were read"),
        sa.Column("target_bytes", sa.BigInteger(), nullable=False, comment="of these files"),
        sa.Column(
            "saved_per_day",
            sa.Float(),
            nullable=False,
            comment="bytes not read from afar, or hours not waited, as unit says",
        ),
        sa.Column("saved_low", sa.Float(), nullable=False),
        sa.Column("saved_high", sa.Float(), nullable=False),
        sa.Column("saved_by_day", sa.JSON(), nullable=False, comment="one number for each day of the trial"),
        sa.Column("written_bytes_per_day", sa.Float(), nullable=False, comment="bytes a day that are written less"),
        sa.Column("unit", sa.String(), nullable=False, comment="of what is saved: B or h"),
        sa.Column(
            "vain_bytes_per_day", sa.Float(), nullable=False, comment="bytes a day that a prefetch fetched in vain"
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.String(), nullable=False, comment="on trial, active or withdrawn"),
        sa.Column("status_reason", sa.Text(), nullable=False),
        sa.Column("updated_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("cache", "kind", "target", name=op.f("pk_suggestion")),
    )


def _workflows() -> None:
    op.create_table(
        "message_class",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("template", sa.Text(), nullable=False, comment="what its messages share; <*> where they differ"),
        sa.Column("example", sa.Text(), nullable=False, comment="its first message"),
        sa.Column("first_s", sa.Float(), nullable=False),
        sa.Column("last_s", sa.Float(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("jobs", sa.BigInteger(), nullable=False, comment="that gave these messages"),
        sa.Column("flagged_s", sa.Float(), nullable=True, comment="when it became an incident; null: never"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_message_class")),
    )
    op.create_index(op.f("ix_message_class_last_s"), "message_class", ["last_s"])
    op.create_table(
        "message_count",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("site", sa.String(), nullable=False, comment="empty where not told"),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False, comment="days since 1970"),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("jobs", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", "site", "day", name=op.f("pk_message_count")),
    )
    op.create_table(
        "workflow_task",
        sa.Column("id", COUNTED, autoincrement=True, nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("workflow", sa.String(), nullable=False),
        sa.Column("first_s", sa.Float(), nullable=False, comment="time of its first snapshot"),
        sa.Column("last_s", sa.Float(), nullable=False, comment="time of the newest report that it is in"),
        sa.Column(
            "snapshot_id",
            sa.BigInteger(),
            nullable=False,
            comment="the newest of workflow_snapshot; what follows is of it",
        ),
        sa.Column("campaign", sa.String(), nullable=False),
        sa.Column("priority", sa.BigInteger(), nullable=True),
        sa.Column("deadline_s", sa.Float(), nullable=True),
        sa.Column(
            "lost_wall_s", sa.Float(), nullable=True, comment="wall time of the failed jobs; null where not told"
        ),
        sa.Column("failed_jobs", sa.BigInteger(), nullable=False),
        sa.Column("bundle", sa.String(), nullable=False, comment="opint.actions.bundles.BundleKey"),
        sa.Column("code", sa.BigInteger(), nullable=False, comment="of the bundle"),
        sa.Column("site", sa.String(), nullable=False, comment="of the bundle; empty: several"),
        sa.Column("message_class", sa.Integer(), nullable=True, comment="of the bundle; null: no message"),
        sa.Column("suggested", sa.String(), nullable=False, comment="action; empty where none is suggested"),
        sa.Column("probability", sa.Float(), nullable=True, comment="of the suggested action"),
        sa.Column(
            "abstained",
            sa.Boolean(),
            nullable=False,
            comment="the probability is below what the declared precision needs",
        ),
        sa.Column(
            "decision", sa.String(), nullable=False, comment="accepted, changed or rejected; empty: nobody has decided"
        ),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("decided_s", sa.Float(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False, comment="succeeded or failed; empty where not known"),
        sa.Column("outcome_s", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workflow_task")),
        sa.UniqueConstraint("task", name=op.f("uq_workflow_task_task")),
    )
    op.create_index(op.f("ix_workflow_task_bundle"), "workflow_task", ["bundle"])
    op.create_index(op.f("ix_workflow_task_campaign"), "workflow_task", ["campaign"])
    op.create_index(op.f("ix_workflow_task_last_s"), "workflow_task", ["last_s"])
    op.create_index(op.f("ix_workflow_task_workflow"), "workflow_task", ["workflow"])
    op.create_table(
        "workflow_class",
        sa.Column("task_id", COUNTED, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="of message_class"),
        sa.Column("jobs", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["workflow_task.id"], name=op.f("fk_workflow_class_task_id")),
        sa.PrimaryKeyConstraint("task_id", "number", name=op.f("pk_workflow_class")),
    )
    op.create_index(op.f("ix_workflow_class_number"), "workflow_class", ["number"])
    op.create_table(
        "workflow_error",
        sa.Column("task_id", COUNTED, nullable=False),
        sa.Column("code", sa.BigInteger(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("site_good", sa.Integer(), nullable=False, comment="1, 0, or -1 where not told"),
        sa.Column("jobs", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["workflow_task.id"], name=op.f("fk_workflow_error_task_id")),
        sa.PrimaryKeyConstraint("task_id", "code", "site", "site_good", name=op.f("pk_workflow_error")),
    )
    op.create_index(op.f("ix_workflow_error_code"), "workflow_error", ["code"])
    op.create_index(op.f("ix_workflow_error_site"), "workflow_error", ["site"])
    op.create_table(
        "workflow_snapshot",
        sa.Column("id", COUNTED, autoincrement=True, nullable=False),
        sa.Column("task_id", COUNTED, nullable=False),
        sa.Column("digest", sa.String(), nullable=False, comment="streams.workflows.WorkflowFailures.digest"),
        sa.Column("time_s", sa.Float(), nullable=False),
        sa.Column("last_s", sa.Float(), nullable=False, comment="time of the newest report that repeated it"),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.Column("received_s", sa.Float(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False, comment="streams.codecs.workflows.json.write_snapshot"),
        sa.ForeignKeyConstraint(["task_id"], ["workflow_task.id"], name=op.f("fk_workflow_snapshot_task_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workflow_snapshot")),
    )
    op.create_index(op.f("ix_workflow_snapshot_digest"), "workflow_snapshot", ["digest"])
    op.create_index(op.f("ix_workflow_snapshot_received_s"), "workflow_snapshot", ["received_s"])
    op.create_index(op.f("ix_workflow_snapshot_task_id"), "workflow_snapshot", ["task_id"])
    op.create_table(
        "workflow_decision",
        sa.Column("id", COUNTED, autoincrement=True, nullable=False),
        sa.Column("task_id", COUNTED, nullable=False),
        sa.Column("snapshot_id", COUNTED, nullable=False, comment="what was looked at"),
        sa.Column("decision", sa.String(), nullable=False, comment="accepted, changed or rejected"),
        sa.Column(
            "action",
            sa.JSON(none_as_null=True),
            nullable=True,
            comment="opint.actions.action.RecoveryAction; null: nothing is done",
        ),
        sa.Column(
            "bundle", sa.String(), nullable=False, comment="decided with the others of this bundle; empty: alone"
        ),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at_s", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["snapshot_id"], ["workflow_snapshot.id"], name=op.f("fk_workflow_decision_snapshot_id")
        ),
        sa.ForeignKeyConstraint(["task_id"], ["workflow_task.id"], name=op.f("fk_workflow_decision_task_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workflow_decision")),
    )
    op.create_index(op.f("ix_workflow_decision_at_s"), "workflow_decision", ["at_s"])
    op.create_index(op.f("ix_workflow_decision_task_id"), "workflow_decision", ["task_id"])
    op.create_table(
        "workflow_suggestion",
        sa.Column("snapshot_id", COUNTED, nullable=False),
        sa.Column("predictor", sa.String(), nullable=False, comment="model, or rules beside a model"),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False, comment="opint.actions.action.Suggestion"),
        sa.Column("made_s", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["snapshot_id"], ["workflow_snapshot.id"], name=op.f("fk_workflow_suggestion_snapshot_id")
        ),
        sa.PrimaryKeyConstraint("snapshot_id", "predictor", name=op.f("pk_workflow_suggestion")),
    )
    op.create_table(
        "workflow_outcome",
        sa.Column("id", COUNTED, autoincrement=True, nullable=False),
        sa.Column("task_id", COUNTED, nullable=False),
        sa.Column("decision_id", COUNTED, nullable=True),
        sa.Column("succeeded", sa.Boolean(), nullable=False),
        sa.Column(
            "actor", sa.String(), nullable=False, comment="who says so; nightshift for the producer of the reports"
        ),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at_s", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["workflow_decision.id"], name=op.f("fk_workflow_outcome_decision_id")
        ),
        sa.ForeignKeyConstraint(["task_id"], ["workflow_task.id"], name=op.f("fk_workflow_outcome_task_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workflow_outcome")),
    )
    op.create_index(op.f("ix_workflow_outcome_decision_id"), "workflow_outcome", ["decision_id"])
    op.create_index(op.f("ix_workflow_outcome_task_id"), "workflow_outcome", ["task_id"])


def _labels() -> None:
    op.create_table(
        "label",
        sa.Column("id", COUNTED, autoincrement=True, nullable=False),
        sa.Column(
            "source",
            sa.String(),
            nullable=False,
            comment="name given at the import; 'settled' for what was decided here",
        ),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("first_ls", sa.BigInteger(), nullable=False),
        sa.Column("last_ls", sa.BigInteger(), nullable=False, comment="2^53 for all that follow"),
        sa.Column("subsystem", sa.String(), nullable=False, comment="empty: all of the detector"),
        sa.Column("flag", sa.String(), nullable=False, comment="good or bad"),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label")),
    )
    op.create_index(op.f("ix_label_run"), "label", ["run"])


def _accounts() -> None:
    op.create_table(
        "account",
        sa.Column("id", COUNTED, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("real_name", sa.String(), nullable=False, comment="stands on each action"),
        sa.Column("role", sa.String(), nullable=False, comment="viewer, shifter, expert or admin"),
        sa.Column("origin", sa.String(), nullable=False, comment="local, proxy, or the issuer of an OpenID provider"),
        sa.Column("subject", sa.String(), nullable=False, comment="what its origin knows the person by"),
        sa.Column("password_hash", sa.String(), nullable=True, comment="argon2id; null: signs in elsewhere"),
        sa.Column("created_s", sa.Float(), nullable=False),
        sa.Column("disabled_s", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("name", name=op.f("uq_account_name")),
        sa.UniqueConstraint("origin", "subject", name=op.f("uq_account_origin_subject")),
    )
    op.create_table(
        "session",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("created_s", sa.Float(), nullable=False),
        sa.Column("expires_s", sa.Float(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_session_account_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_session")),
    )
    op.create_index(op.f("ix_session_account_id"), "session", ["account_id"])
    op.create_index(op.f("ix_session_expires_s"), "session", ["expires_s"])
    op.create_table(
        "api_token",
        sa.Column("id", COUNTED, autoincrement=True, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False, comment="at most that of the account"),
        sa.Column("created_s", sa.Float(), nullable=False),
        sa.Column("expires_s", sa.Float(), nullable=False),
        sa.Column("used_s", sa.Float(), nullable=True),
        sa.Column("revoked_s", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_api_token_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_token_token_hash")),
    )
    op.create_index(op.f("ix_api_token_account_id"), "api_token", ["account_id"])
    op.create_table(
        "sign_in_event",
        sa.Column("id", COUNTED, autoincrement=True, nullable=False),
        sa.Column("at_s", sa.Float(), nullable=False),
        sa.Column("account", sa.String(), nullable=False, comment="as it was typed"),
        sa.Column(
            "event", sa.String(), nullable=False, comment="signed-in, refused, locked, signed-out, or what an admin did"
        ),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_event")),
    )
    op.create_index("ix_sign_in_event_event_at_s", "sign_in_event", ["event", "at_s"])


def _shifts() -> None:
    op.create_table(
        "shift_note",
        sa.Column("id", COUNTED, autoincrement=True, nullable=False),
        sa.Column("at_s", sa.Float(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False, comment="Markdown"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift_note")),
    )
    op.create_index(op.f("ix_shift_note_at_s"), "shift_note", ["at_s"])
    op.create_index("ix_audit_at_s", "audit", ["at_s"])
