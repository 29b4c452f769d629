"""Suggestions for caches, each with its trial and its history; the newest trial of a rule replaces the one before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Float,
    Row,
    String,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    select,
)

from opint.store.sql import columns_of, replacing
from opint.store.tables import LongName, Name, cache_trial, metadata, serial

if TYPE_CHECKING:
    from rl_cache.trials.suggestions import Suggestion

suggestion = Table(
    "suggestion",
    metadata,
    Column("cache", Name, primary_key=True, comment="which cache it is for, as the operator calls it"),
    Column("kind", Name, primary_key=True, comment="refuse, quota, pin or prefetch"),
    Column("target", LongName, primary_key=True, comment="a directory or a dataset"),
    Column("share", Float, nullable=False, comment="of the capacity, for a quota"),
    Column("target_type", String, nullable=False, comment="tier, directory, dataset or cache"),
    Column("target_files", BigInteger, nullable=False, comment="that were read"),
    Column("target_bytes", BigInteger, nullable=False, comment="of these files"),
    Column(
        "saved_per_day", Float, nullable=False, comment="bytes not read from afar, or hours not waited, as unit says"
    ),
    Column("saved_low", Float, nullable=False),
    Column("saved_high", Float, nullable=False),
    Column("saved_by_day", JSON, nullable=False, comment="one number for each day of the trial"),
    Column("written_bytes_per_day", Float, nullable=False, comment="bytes a day that are written less"),
    Column("unit", String, nullable=False, comment="of what is saved: B or h"),
    Column("vain_bytes_per_day", Float, nullable=False, comment="bytes a day that a prefetch fetched in vain"),
    Column("reason", Text, nullable=False),
    Column("status", String, nullable=False, comment="on trial, active or withdrawn"),
    Column("status_reason", Text, nullable=False),
    Column("updated_s", Float, nullable=False),
)

suggestion_event = Table(
    "suggestion_event",
    metadata,
    Column("id", serial, primary_key=True, autoincrement=True),
    Column("cache", Name, nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("target", String, nullable=False),
    Column("event", String, nullable=False, comment="a status, ended, accepted or rejected"),
    Column("actor", String, nullable=False, comment="empty for what nightshift did itself"),
    Column("reason", Text, nullable=False),
    Column("at_s", Float, nullable=False),
)

Ruling = Literal["accepted", "rejected"]
RULINGS = ("accepted", "rejected")
ENDED = "ended"
"""The event of a rule that is not suggested any more."""


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A suggestion whose status is another one now."""

    cache: str
    kind: str
    target: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class SuggestionEvent:
    """An entry of a suggestion's history."""

    kind: str
    target: str
    event: Annotated[str, Field(description="a status, ended, accepted or rejected")]
    actor: Annotated[str, Field(description="empty for what nightshift did itself")]
    reason: str
    at_s: float


@dataclass(frozen=True, slots=True)
class StoredSuggestion:
    """A suggestion, the status of its trial, and the newest decision of people about it."""

    kind: Annotated[str, Field(description="refuse, quota, pin or prefetch")]
    target: Annotated[str, Field(description="a directory or a dataset")]
    share: Annotated[float, Field(description="of the capacity, for a quota")]
    target_type: Annotated[str, Field(description="tier, directory, dataset or cache")]
    target_files: Annotated[int, Field(description="that were read")]
    target_bytes: Annotated[int, Field(description="of these files")]
    saved_per_day: Annotated[
        float, Field(description="bytes that LRU would have missed more, or hours that readers would have waited more")
    ]
    saved_low: float
    saved_high: float
    saved_by_day: list[float]
    written_bytes_per_day: Annotated[float, Field(description="bytes a day that are written less")]
    unit: Annotated[str, Field(description="of what is saved: B or h")]
    vain_bytes_per_day: Annotated[float, Field(description="bytes a day that a prefetch fetched in vain")]
    reason: str
    status: Annotated[str, Field(description="on trial, active or withdrawn")]
    status_reason: str
    updated_s: float
    decision: Annotated[str | None, Field(description="accepted or rejected; null if nobody has decided")] = None
    actor: str | None = None
    decision_reason: str | None = None
    decided_s: float | None = None


_COLUMNS = [field for field in StoredSuggestion.__dataclass_fields__ if field in suggestion.c]


def keep(tx: Connection, cache: str, suggestions: Iterable["Suggestion"], now_s: float) -> None:
    """Store what is suggested for a cache now; rules that are not suggested any more go away, their history stays."""
    before = {(row.kind, row.target): row.status for row in of_cache(tx, cache)}
    tx.execute(delete(suggestion).where(suggestion.c.cache == cache))
    rows = [row_of(cache, proposal, now_s) for proposal in suggestions]
    if rows:
        tx.execute(replacing(tx, suggestion), rows)
    now = {(row["kind"], row["target"]): row for row in rows}
    changes = [_status_change(row) for rule, row in now.items() if before.get(rule) != row["status"]]
    ended = [StatusChange(cache, *rule, ENDED, "not suggested any more") for rule in before if rule not in now]
    _record(tx, [*changes, *ended], now_s)


def rejudge(tx: Connection, cache: str, suggestions: Iterable["Suggestion"], now_s: float) -> list[StatusChange]:
    """Store what these suggestions have come to, the others stay; those whose status changed by it."""
    before = {(row.kind, row.target): row.status for row in of_cache(tx, cache)}
    rows = [
        row_of(cache, proposal, now_s) for proposal in suggestions if (proposal.kind.value, proposal.target) in before
    ]
    if rows:
        tx.execute(replacing(tx, suggestion), rows)
    changes = [_status_change(row) for row in rows if row["status"] != before[row["kind"], row["target"]]]
    _record(tx, changes, now_s)
    return changes


def decide(
    tx: Connection, cache: str, kind: str, target: str, ruling: Ruling, actor: str, reason: str, now_s: float
) -> bool:
    """Store what ``actor`` decides about a suggestion; False if there is none. Earlier decisions stay on record."""
    at = suggestion.c
    if tx.execute(select(at.kind).where(at.cache == cache, at.kind == kind, at.target == target)).first() is None:
        return False
    event = {"cache": cache, "kind": kind, "target": target, "event": ruling}
    tx.execute(insert(suggestion_event), event | {"actor": actor, "reason": reason, "at_s": now_s})
    return True


def of_cache(tx: Connection, cache: str) -> Sequence[Row[Any]]:
    """The rows of a cache, the greatest saving first."""
    order = suggestion.c.saved_per_day.desc()
    return tx.execute(select(suggestion).where(suggestion.c.cache == cache).order_by(order)).all()


def with_decisions(tx: Connection, cache: str) -> list[StoredSuggestion]:
    """What is suggested for a cache with the newest decision about each, the greatest saving first."""
    rule, event = suggestion.c, suggestion_event.c
    last = (
        select(event.kind, event.target, func.max(event.id).label("id"))
        .where(event.cache == cache, event.event.in_(RULINGS))
        .group_by(event.kind, event.target)
        .subquery()
    )
    decision = (
        event.event.label("decision"),
        event.actor,
        event.reason.label("decision_reason"),
        event.at_s.label("decided_s"),
    )
    query = (
        select(*(rule[name] for name in _COLUMNS), *decision)
        .outerjoin(last, and_(last.c.kind == rule.kind, last.c.target == rule.target))
        .outerjoin(suggestion_event, event.id == last.c.id)
        .where(rule.cache == cache)
    )
    rows = tx.execute(query.order_by(rule.saved_per_day.desc(), rule.kind, rule.target))
    return [StoredSuggestion(**row._mapping) for row in rows]


def history(tx: Connection, cache: str, limit: int) -> list[SuggestionEvent]:
    """What became of a cache's suggestions, the newest first."""
    query = select(*columns_of(suggestion_event, SuggestionEvent)).where(suggestion_event.c.cache == cache)
    return [SuggestionEvent(*row) for row in tx.execute(query.order_by(suggestion_event.c.id.desc()).limit(limit))]


def caches(tx: Connection) -> Sequence[str]:
    """Caches that anything is suggested for, by name."""
    return tx.scalars(select(suggestion.c.cache).distinct().order_by(suggestion.c.cache)).all()


def tried_through_s(tx: Connection, cache: str) -> int | None:
    """Time of the newest access that the caches in shadow have served; None where there are none."""
    newest: int | None = tx.scalar(select(cache_trial.c.through_s).where(cache_trial.c.cache == cache))
    return newest


def row_of(cache: str, proposal: "Suggestion", now_s: float) -> dict[str, Any]:
    """The row that a suggestion is stored as."""
    return {
        "cache": cache,
        "kind": proposal.kind.value,
        "target": proposal.target,
        "share": proposal.share,
        "target_type": proposal.target_type.value,
        "target_files": proposal.target_files,
        "target_bytes": proposal.target_bytes,
        "saved_per_day": proposal.saved_per_day,
        "saved_low": proposal.low,
        "saved_high": proposal.high,
        "saved_by_day": list(proposal.saved_by_day),
        "written_bytes_per_day": proposal.written_bytes_per_day,
        "unit": proposal.unit.value,
        "vain_bytes_per_day": proposal.vain_bytes_per_day,
        "reason": proposal.reason,
        "status": proposal.judgement.status.value,
        "status_reason": proposal.judgement.reason,
        "updated_s": now_s,
    }


def _status_change(row: dict[str, Any]) -> StatusChange:
    return StatusChange(row["cache"], row["kind"], row["target"], row["status"], row["status_reason"])


def _record(tx: Connection, changes: Sequence[StatusChange], now_s: float) -> None:
    rows = [
        {"cache": change.cache, "kind": change.kind, "target": change.target, "event": change.status}
        | {"actor": "", "reason": change.reason, "at_s": now_s}
        for change in changes
    ]
    if rows:
        tx.execute(insert(suggestion_event), rows)
