"""The tables. Alembic's migrations make them; tests prove that both agree.

Times are float seconds since 1970 (UTC), so that both databases keep them alike. Arrays are packed
little-endian in catalogue order, so that a run's map of MEs against lumisections is one query.
Primary keys of what is read by lumisection (scores, evidence) begin with dataset, run and LS; summaries,
which are read as one subsystem's strip, begin with dataset and subsystem.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    text,
)

from opint.store.sql import IndexedText

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Name = IndexedText(512)
"""A name in a key: five of them fit into a row of a PostgreSQL index, which holds 2704 bytes."""

LongName = IndexedText(1024)
"""A topic, which for a file is its path, a folder or a dataset; fits into an index row beside three names."""

serial = BigInteger().with_variant(Integer, "sqlite")
"""An integer key that SQLite, too, counts up by itself."""

source_offset = Table(
    "source_offset",
    metadata,
    Column("cluster", Name, primary_key=True),
    Column("consumer_group", Name, primary_key=True),
    Column("topic", LongName, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", BigInteger, nullable=True, comment="null: claimed, nothing processed yet"),
    Column("owner", String, nullable=False, comment="the consumer that may write; others are fenced"),
    Column("updated_s", Float, nullable=False),
    Column("topic_id", String, nullable=False, server_default="", comment="empty: not known"),
)

dead_letter = Table(
    "dead_letter",
    metadata,
    Column("id", serial, primary_key=True, autoincrement=True),
    Column("cluster", Name, nullable=False),
    Column("topic", LongName, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("message_offset", BigInteger, nullable=False),
    Column("reason", String, nullable=False),
    Column("field", String, nullable=False),
    Column("detail", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("message_key", LargeBinary, nullable=True),
    Column("raw", LargeBinary, nullable=False, comment="the first bytes, up to stream.dead_letter_bytes"),
    Column("raw_size", BigInteger, nullable=False),
    Column("received_s", Float, nullable=False, index=True),
    Column("replayed_s", Float, nullable=True),
    UniqueConstraint("cluster", "topic", "partition", "message_offset", "reason", "field"),
)

catalogue = Table(
    "catalogue",
    metadata,
    Column("digest", Name, primary_key=True),
    Column("elements", JSON, nullable=False),
)

lumisection = Table(
    "lumisection",
    metadata,
    Column("dataset", Name, primary_key=True),
    Column("run", BigInteger, primary_key=True),
    Column("ls", BigInteger, primary_key=True),
    Column("conditions", JSON, nullable=False),
    Column("model_version", String, nullable=False),
    Column(
        "origin",
        String,
        nullable=False,
        comment="LumisectionState.origin: partition of its first part; it is "
        "overtaken once stream.watermark_lumisections later lumisections have been seen on the same origin",
    ),
    Column("first_seen_s", Float, nullable=False),
    Column("published_s", Float, nullable=False, comment="when its newest part was published"),
    Column("updated_s", Float, nullable=False, index=True),
    Column("closed_s", Float, nullable=True, comment="null: still being assembled"),
    Column("closed_because", String, nullable=False),
    Column("revision", Integer, nullable=False),
    Index(
        "ix_lumisection_open",
        "first_seen_s",
        postgresql_where=text("closed_s IS NULL"),
        sqlite_where=text("closed_s IS NULL"),
    ),
)

ls_summary = Table(
    "ls_summary",
    metadata,
    Column("dataset", Name, primary_key=True),
    Column("subsystem", Name, primary_key=True),
    Column("run", BigInteger, primary_key=True),
    Column("ls", BigInteger, primary_key=True),
    Column("quality", Integer, nullable=False),
    Column("p_value", Float, nullable=True),
    Column("good", Integer, nullable=False),
    Column("warning", Integer, nullable=False),
    Column("bad", Integer, nullable=False),
    Column("not_inspected", Integer, nullable=False),
)

shadow_summary = Table(
    "shadow_summary",
    metadata,
    Column("dataset", Name, primary_key=True),
    Column("run", BigInteger, primary_key=True),
    Column("ls", BigInteger, primary_key=True),
    Column("subsystem", Name, primary_key=True),
    Column("model_version", Name, primary_key=True, comment="of a bundle that judges beside the current one"),
    Column("quality", Integer, nullable=False),
    Column("p_value", Float, nullable=True),
    Column("good", Integer, nullable=False),
    Column("warning", Integer, nullable=False),
    Column("bad", Integer, nullable=False),
    Column("not_inspected", Integer, nullable=False),
)

ls_score = Table(
    "ls_score",
    metadata,
    Column("dataset", Name, primary_key=True),
    Column("run", BigInteger, primary_key=True),
    Column("ls", BigInteger, primary_key=True),
    Column("subsystem", Name, primary_key=True),
    Column("model_version", Name, primary_key=True),
    Column("catalogue", String, ForeignKey("catalogue.digest"), nullable=False),
    Column("scorers", JSON, nullable=False),
    Column("present", LargeBinary, nullable=False, comment="n bool"),
    Column("p_values", LargeBinary, nullable=False, comment="n float32"),
    Column("scores", LargeBinary, nullable=False, comment="scorers x n float32"),
    Column("digests", LargeBinary, nullable=False, comment="n uint64"),
    Column("reasons", LargeBinary, nullable=False, comment="n uint8: as far as an ME can be judged alone"),
    Column("largest", LargeBinary, nullable=True, comment="members, errors, features: dqm.core.largest_errors"),
    Column("bands", LargeBinary, nullable=True, comment="7 x n float32: dqm.core.state"),
    Column("amounts", LargeBinary, nullable=True, comment="3 x n float32: dqm.core.state"),
    Column("verdict_p", Float, nullable=True),
    Column("verdict_qualities", LargeBinary, nullable=True, comment="n uint8; null: not closed"),
    Column("verdict_reasons", LargeBinary, nullable=True, comment="n uint8; null: not closed"),
)

evidence = Table(
    "evidence",
    metadata,
    Column("dataset", Name, primary_key=True),
    Column("run", BigInteger, primary_key=True),
    Column("ls", BigInteger, primary_key=True),
    Column("subsystem", Name, primary_key=True),
    Column("me", Name, primary_key=True),
    Column("p_value", Float, nullable=True),
    Column("body", LargeBinary, nullable=False, comment="JSON of dqm.core.quality.Evidence"),
)

incident = Table(
    "incident",
    metadata,
    Column("id", serial, primary_key=True, autoincrement=True),
    Column("fingerprint", Name, nullable=False),
    Column("dataset", Name, nullable=False),
    Column("subsystem", Name, nullable=False, index=True),
    Column("family", String, nullable=False, comment="content, frozen, missing, starved, shape or data-lost"),
    Column("element_group", String, nullable=False),
    Column("recurring_run", BigInteger, nullable=True, comment="the run whose short faults it stands for; null: none"),
    Column("kind", String, nullable=False, comment="the fault most often named by the evidence"),
    Column("title", Text, nullable=False),
    Column("explanation", Text, nullable=False),
    Column("severity", String, nullable=False, comment="warning or critical"),
    Column("state", String, nullable=False, comment="open, acknowledged or resolved"),
    Column("first_run", BigInteger, nullable=True),
    Column("first_ls", BigInteger, nullable=True),
    Column("last_run", BigInteger, nullable=True),
    Column("last_ls", BigInteger, nullable=True),
    Column("lumisections", Integer, nullable=False, comment="how many occurrences"),
    Column("elements", Integer, nullable=False, comment="most MEs in one lumisection"),
    Column("model_version", String, nullable=False),
    Column("opened_s", Float, nullable=False),
    Column("updated_s", Float, nullable=False),
    Column("acknowledged_s", Float, nullable=True),
    Column("acknowledged_by", String, nullable=True),
    Column("acknowledged_until_s", Float, nullable=True, comment="null: until it ends or changes"),
    Column("acknowledged_basis", Text, nullable=True, comment="JSON: kind, severity and MEs when that was said"),
    Column("assigned_to", String, nullable=True),
    Column("resolved_s", Float, nullable=True),
    Column("resolved_by", String, nullable=True, comment="a person, or 'nightshift' when it cleared by itself"),
    Index("ix_incident_history", "fingerprint", "last_run", "last_ls"),
    Index("ix_incident_reach", "dataset", "last_run", "last_ls", "first_run"),
    Index("ix_incident_state", "state", "severity"),
    Index("ix_incident_updated_s", "updated_s"),
    Index("ix_incident_opened_s", "opened_s"),
    Index("ix_incident_resolved_s", "resolved_s"),
    Index("ix_incident_agreement", "model_version", "family"),
    Index(
        "ix_incident_one_active",
        "fingerprint",
        unique=True,
        postgresql_where=text("state <> 'resolved'"),
        sqlite_where=text("state <> 'resolved'"),
    ),
)

occurrence = Table(
    "occurrence",
    metadata,
    Column("incident_id", serial, ForeignKey("incident.id"), primary_key=True),
    Column("run", BigInteger, primary_key=True),
    Column("ls", BigInteger, primary_key=True),
    Column("elements", JSON, nullable=False, comment="names of the MEs, worst first"),
    Column("p_value", Float, nullable=True),
    Column("kind", String, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", serial, primary_key=True, autoincrement=True),
    Column("incident_id", serial, ForeignKey("incident.id"), nullable=False, index=True),
    Column("at_s", Float, nullable=False, index=True),
    Column("actor", String, nullable=False),
    Column("action", String, nullable=False, comment="see opint.store.incidents.Action"),
    Column("detail", Text, nullable=False),
)

feedback = Table(
    "feedback",
    metadata,
    Column("incident_id", serial, ForeignKey("incident.id"), primary_key=True),
    Column("verdict", String, nullable=False, comment="true or false-alarm; the last word of an operator"),
    Column("actor", String, nullable=False),
    Column("at_s", Float, nullable=False),
)

model_version = Table(
    "model_version",
    metadata,
    Column("version", Name, primary_key=True),
    Column("name", String, nullable=False),
    Column("path", Text, nullable=False),
    Column("manifest", JSON, nullable=False),
    Column("first_used_s", Float, nullable=False),
)

promotion = Table(
    "promotion",
    metadata,
    Column("id", serial, primary_key=True, autoincrement=True),
    Column("slot", Name, nullable=False, index=True, comment="the dqm.model of the settings that it stands for"),
    Column("name", String, nullable=False, comment="folder of the bundle below dqm.models"),
    Column("version", String, nullable=False),
    Column("previous", String, nullable=False, comment="version that judged before; empty: none"),
    Column("actor", String, nullable=False),
    Column("note", Text, nullable=False),
    Column("at_s", Float, nullable=False),
)

heartbeat = Table(
    "heartbeat",
    metadata,
    Column("daemon", Name, primary_key=True, comment="host:pid:start"),
    Column("started_s", Float, nullable=False),
    Column("at_s", Float, nullable=False),
    Column("state", String, nullable=False, comment="running, waiting (with the reason in detail) or stopped"),
    Column("detail", Text, nullable=False),
    Column("messages", BigInteger, nullable=False),
    Column("histograms", BigInteger, nullable=False),
    Column("lag", JSON, nullable=False, comment="topic[partition] -> messages"),
)

run_sums = Table(
    "run_sums",
    metadata,
    Column("dataset", Name, primary_key=True),
    Column("run", BigInteger, primary_key=True),
    Column("subsystem", Name, primary_key=True),
    Column("model_version", Name, primary_key=True),
    Column("counts", LargeBinary, nullable=False, comment="trusted, then held; compressed"),
    Column("leaning", LargeBinary, nullable=False, comment="counts times standardised pileup in steps"),
    Column("histograms", LargeBinary, nullable=False),
    Column("updated_s", Float, nullable=False, index=True),
)

reference = Table(
    "reference",
    metadata,
    Column("dataset", Name, primary_key=True),
    Column("run", BigInteger, primary_key=True),
    Column("subsystem", Name, primary_key=True),
    Column("model_version", Name, primary_key=True),
    Column("adaptive", Boolean, nullable=False, comment="whether the template judges the run"),
    Column("reason", Text, nullable=False),
    Column("share", LargeBinary, nullable=False, comment="the template's shapes, compressed"),
    Column("wander", LargeBinary, nullable=False, comment="relative variance of good shapes, compressed"),
    Column("size", LargeBinary, nullable=False),
    Column("usable", LargeBinary, nullable=False, comment="monitoring elements whose template may judge"),
    Column("drift", LargeBinary, nullable=False, comment="share of entries that lies elsewhere than in the frozen"),
    Column("newest_run", BigInteger, nullable=False, comment="the last run that the template followed; 0: none"),
    Column("runs", Integer, nullable=False),
    Column("pileup", Float, nullable=False, comment="standardised, of the newest run"),
    Column("chosen_s", Float, nullable=False, index=True),
)

cache_trial = Table(
    "cache_trial",
    metadata,
    Column("cache", Name, primary_key=True),
    Column("capacity_bytes", BigInteger, nullable=False),
    Column("through_s", BigInteger, nullable=False, comment="time of the newest access that was tried"),
    Column("content", LargeBinary, nullable=False, comment="what the caches in shadow hold and counted, compressed"),
    Column("updated_s", Float, nullable=False),
)

certification_centre = Table(
    "certification_centre",
    metadata,
    Column("dataset", Name, primary_key=True),
    Column("run", BigInteger, primary_key=True),
    Column("subsystem", Name, primary_key=True),
    Column("model_version", Name, primary_key=True),
    Column("shift", LargeBinary, nullable=False, comment="of the centre about which the run is certified"),
    Column("residuals", LargeBinary, nullable=False, comment="what the run leaves: dqm.core.drift"),
    Column("updated_s", Float, nullable=False, index=True),
)

rate_level = Table(
    "rate_level",
    metadata,
    Column("dataset", Name, primary_key=True),
    Column("run", BigInteger, primary_key=True),
    Column("stretch", BigInteger, primary_key=True, comment="of the run: dqm.rates.levels.state"),
    Column("model_version", Name, primary_key=True),
    Column("levels", LargeBinary, nullable=False, comment="before the stretch, as JSON"),
    Column("updated_s", Float, nullable=False, index=True),
)

BY_CURRENT = and_(
    lumisection.c.dataset == ls_score.c.dataset,
    lumisection.c.run == ls_score.c.run,
    lumisection.c.ls == ls_score.c.ls,
    lumisection.c.model_version == ls_score.c.model_version,
)
"""Scores of a lumisection by the model that judges it, and not by one in shadow or before."""
