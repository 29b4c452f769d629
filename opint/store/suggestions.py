"""Suggestions for caches, each with its trial; the newest trial of a rule takes the place of the one before."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, delete, select

from opint.store.tables import suggestion
from opint.store.upserts import replacing

if TYPE_CHECKING:
    from rl_cache.suggestion import Suggestion


def keep(tx: Connection, cache: str, suggestions: Iterable["Suggestion"], now_s: float) -> None:
    """Store what is suggested for a cache now; rules that are not suggested any more go away."""
    tx.execute(delete(suggestion).where(suggestion.c.cache == cache))
    rows = [_row(cache, one, now_s) for one in suggestions]
    if rows:
        tx.execute(replacing(tx, suggestion), rows)


def of_cache(tx: Connection, cache: str) -> Sequence[Row[Any]]:
    """The rows of a cache, the greatest saving first."""
    order = suggestion.c.saved_bytes_per_day.desc()
    return tx.execute(select(suggestion).where(suggestion.c.cache == cache).order_by(order)).all()


def _row(cache: str, one: "Suggestion", now_s: float) -> dict[str, object]:
    return {
        "cache": cache,
        "kind": one.kind.value,
        "target": one.target,
        "share": one.share,
        "saved_bytes_per_day": one.saved_bytes_per_day,
        "saved_low": one.low,
        "saved_high": one.high,
        "written_bytes_per_day": one.written_bytes_per_day,
        "reason": one.reason,
        "standing": one.judgement.standing.value,
        "standing_reason": one.judgement.reason,
        "updated_s": now_s,
    }
