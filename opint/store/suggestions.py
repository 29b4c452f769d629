"""Suggestions for caches, each with its trial; the newest trial of a rule takes the place of the one before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, delete, select

from opint.store.sql import replacing
from opint.store.tables import cache_trial, suggestion

if TYPE_CHECKING:
    from rl_cache.trials.suggestions import Suggestion


@dataclass(frozen=True, slots=True)
class Turned:
    """A suggestion whose standing is another one now."""

    cache: str
    kind: str
    target: str
    standing: str
    reason: str


def keep(tx: Connection, cache: str, suggestions: Iterable["Suggestion"], now_s: float) -> None:
    """Store what is suggested for a cache now; rules that are not suggested any more go away."""
    tx.execute(delete(suggestion).where(suggestion.c.cache == cache))
    rows = [row_of(cache, proposal, now_s) for proposal in suggestions]
    if rows:
        tx.execute(replacing(tx, suggestion), rows)


def rejudge(tx: Connection, cache: str, suggestions: Iterable["Suggestion"], now_s: float) -> list[Turned]:
    """Store what these suggestions have come to, the others stay; those whose standing changed by it."""
    before = {(row.kind, row.target): row.standing for row in of_cache(tx, cache)}
    rows = [
        row_of(cache, proposal, now_s) for proposal in suggestions if (proposal.kind.value, proposal.target) in before
    ]
    if rows:
        tx.execute(replacing(tx, suggestion), rows)
    turned = [Turned(cache, row["kind"], row["target"], row["standing"], row["standing_reason"]) for row in rows]
    return [change for change in turned if change.standing != before[change.kind, change.target]]


def of_cache(tx: Connection, cache: str) -> Sequence[Row[Any]]:
    """The rows of a cache, the greatest saving first."""
    order = suggestion.c.saved_bytes_per_day.desc()
    return tx.execute(select(suggestion).where(suggestion.c.cache == cache).order_by(order)).all()


def caches(tx: Connection) -> Sequence[str]:
    """Caches that anything is suggested for, by name."""
    return tx.scalars(select(suggestion.c.cache).distinct().order_by(suggestion.c.cache)).all()


def tried_through_s(tx: Connection, cache: str) -> int | None:
    """Time of the newest access on which suggestions were tried; None if nothing is tried on this cache any more."""
    newest: int | None = tx.scalar(select(cache_trial.c.through_s).where(cache_trial.c.cache == cache))
    return newest


def row_of(cache: str, proposal: "Suggestion", now_s: float) -> dict[str, Any]:
    """The row that a suggestion is stored as."""
    return {
        "cache": cache,
        "kind": proposal.kind.value,
        "target": proposal.target,
        "share": proposal.share,
        "saved_bytes_per_day": proposal.saved_bytes_per_day,
        "saved_low": proposal.low,
        "saved_high": proposal.high,
        "written_bytes_per_day": proposal.written_bytes_per_day,
        "reason": proposal.reason,
        "standing": proposal.judgement.standing.value,
        "standing_reason": proposal.judgement.reason,
        "updated_s": now_s,
    }
