"""What is remembered of a fault that comes back: earlier incidents of the same fingerprint."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, select

from opint.store.tables import audit, incident

WEEK_S = 7 * 86_400.0

_row = incident.c


@dataclass(frozen=True, slots=True)
class EarlierIncident:
    """An incident of the same fault before, how it ended, and what a person said of it last (empty: nothing)."""

    id: int
    opened_s: float
    resolved_s: float | None
    resolved_by: str | None
    comment: str


@dataclass(frozen=True, slots=True)
class Recurrence:
    """``times`` counts the incidents of one fault that opened in the week up to this one, itself included."""

    times: int
    newest: EarlierIncident


def recurrences(tx: Connection, numbers: Collection[int]) -> dict[int, Recurrence]:
    """By incident, how often its fault came in the last week; without those for which it is the first time."""
    own, other = incident.alias("own").c, incident.alias("other").c
    before = and_(
        other.fingerprint == own.fingerprint,
        other.id < own.id,
        other.opened_s <= own.opened_s,
        other.opened_s > own.opened_s - WEEK_S,
    )
    counted = (
        select(own.id, func.count().label("times"), func.max(other.id).label("newest"))
        .join_from(own.id.table, other.id.table, before)
        .where(own.id.in_(sorted(numbers)))
        .group_by(own.id)
    )
    rows = tx.execute(counted).all()
    newest = {row.newest for row in rows}
    earlier = {row.id: row for row in tx.execute(select(incident).where(_row.id.in_(sorted(newest))))}
    comments = _comments(tx, newest)
    return {
        row.id: Recurrence(
            row.times + 1,
            EarlierIncident(
                row.newest,
                earlier[row.newest].opened_s,
                earlier[row.newest].resolved_s,
                earlier[row.newest].resolved_by,
                comments.get(row.newest, ""),
            ),
        )
        for row in rows
    }


def _comments(tx: Connection, numbers: Collection[int]) -> dict[int, str]:
    """By incident, what a person wrote last."""
    deeds = ["commented", "resolved", "acknowledged", "confirmed", "called a false alarm"]
    newest = (
        select(func.max(audit.c.id))
        .where(audit.c.incident_id.in_(sorted(numbers)), audit.c.detail != "", audit.c.action.in_(deeds))
        .group_by(audit.c.incident_id)
    )
    query = select(audit.c.incident_id, audit.c.detail).where(audit.c.id.in_(newest))
    return {row.incident_id: row.detail for row in tx.execute(query)}
