"""Incidents with the conditions in which they were seen last, and since when these have been so."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, Row, and_, false, func, select, tuple_

from opint.store.incidents import IS_ACTIVE, Incident
from opint.store.tables import incident, lumisection
from streams.keys import LumisectionKey

MOST_NUMBERS = 500
"""Numbers in one statement."""

_row = incident.c
_NAMES = [field.name for field in fields(Incident)]
_QUERY = select(incident, lumisection.c.conditions).outerjoin(
    lumisection,
    and_(
        lumisection.c.dataset == _row.dataset,
        lumisection.c.run == _row.last_run,
        lumisection.c.ls == _row.last_ls,
    ),
)


def of_numbers(tx: Connection, numbers: Collection[int]) -> list[tuple[Incident, dict[str, Any]]]:
    """Incidents of these numbers, each with the conditions of its newest lumisection, empty if that is not stored."""
    ordered = sorted(numbers)
    return [
        _read(row)
        for start in range(0, len(ordered), MOST_NUMBERS)
        for row in tx.execute(_QUERY.where(_row.id.in_(ordered[start : start + MOST_NUMBERS])))
    ]


def active(tx: Connection) -> list[tuple[Incident, dict[str, Any]]]:
    """The same of all incidents that are not resolved, in the order of their numbers."""
    return [_read(row) for row in tx.execute(_QUERY.where(IS_ACTIVE).order_by(_row.id))]


def _read(row: Row[Any]) -> tuple[Incident, dict[str, Any]]:
    return Incident(**{name: row._mapping[name] for name in _NAMES}), row.conditions or {}


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first lumisection of a state of affairs, and when it was published (s since 1970)."""

    key: LumisectionKey
    published_s: float


def beginning(tx: Connection, dataset: str, key: LumisectionKey, bits: Sequence[str], ahead: int) -> Beginning | None:
    """When a state began in which a dataset was at ``key``, or up to ``ahead`` lumisections later in the run.

    None if it was not in it then. The state is that all of these status bits are off or, without any, that beams are
    not stable. What is not known ends it.
    """
    head, declared = lumisection.c, lumisection.c.conditions
    on = [declared["dcs", bit].as_boolean() for bit in bits] or [declared["beams_stable"].as_boolean()]
    lasting = func.coalesce(and_(*(~bit for bit in on)), false())
    place, oldest_first = tuple_(head.run, head.ls), (head.run, head.ls)
    stored = select(head.run, head.ls, head.published_s).where(head.dataset == dataset)
    near = stored.where(head.run == key.run, head.ls.between(key.ls, key.ls + ahead), lasting)
    there = tx.execute(near.order_by(head.ls).limit(1)).one_or_none()
    if there is None:
        return None
    before = stored.where(place <= (there.run, there.ls))
    interrupted = before.where(~lasting).order_by(head.run.desc(), head.ls.desc()).limit(1)
    if (edge := tx.execute(interrupted).one_or_none()) is not None:
        before = before.where(place > (edge.run, edge.ls))
    first = tx.execute(before.order_by(*oldest_first).limit(1)).one()
    return Beginning(LumisectionKey(first.run, first.ls), first.published_s)
