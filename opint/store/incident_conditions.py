"""Incidents with the conditions in which they were seen last, and since when these have been so."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, false, func, select, tuple_

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
    return [_read(row) for chunk in _chunks(numbers) for row in tx.execute(_QUERY.where(_row.id.in_(chunk)))]


def _chunks(numbers: Collection[int]) -> list[list[int]]:
    ordered = sorted(numbers)
    return [ordered[start : start + MOST_NUMBERS] for start in range(0, len(ordered), MOST_NUMBERS)]


def active(tx: Connection) -> list[tuple[Incident, dict[str, Any]]]:
    """The same of all incidents that are not resolved, in the order of their numbers."""
    return [_read(row) for row in tx.execute(_QUERY.where(IS_ACTIVE).order_by(_row.id))]


def _read(row: Row[Any]) -> tuple[Incident, dict[str, Any]]:
    return Incident(**{name: row._mapping[name] for name in _NAMES}), row.conditions or {}


def _lasting(bits: Sequence[str]) -> ColumnElement[bool]:
    """Whether all of these status bits are off in a lumisection or, without any, beams are not stable."""
    declared = lumisection.c.conditions
    on = [declared["dcs", bit].as_boolean() for bit in bits] or [declared["beams_stable"].as_boolean()]
    return func.coalesce(and_(*(~bit for bit in on)), false())


def reached(tx: Connection, numbers: Collection[int], bits: Sequence[str], ahead: int) -> dict[int, LumisectionKey]:
    """By incident, the first lumisection in a state from its newest one up to ``ahead`` later; without those of none.

    The state is that of :func:`beginning`.
    """
    near = and_(
        lumisection.c.dataset == _row.dataset,
        lumisection.c.run == _row.last_run,
        lumisection.c.ls.between(_row.last_ls, _row.last_ls + ahead),
        _lasting(bits),
    )
    query = select(_row.id, _row.last_run, func.min(lumisection.c.ls)).join(lumisection, near).group_by(_row.id)
    return {
        number: LumisectionKey(run, ls)
        for chunk in _chunks(numbers)
        for number, run, ls in tx.execute(query.where(_row.id.in_(chunk)))
    }


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first lumisection of a state of affairs, and when it was published (s since 1970)."""

    key: LumisectionKey
    published_s: float


def beginning(tx: Connection, dataset: str, key: LumisectionKey, bits: Sequence[str]) -> Beginning:
    """When the state began in which a dataset is at ``key``: these status bits off or, without any, no stable beams.

    What is not known ends it.
    """
    head = lumisection.c
    place = tuple_(head.run, head.ls)
    upto = select(head.run, head.ls, head.published_s).where(head.dataset == dataset, place <= (key.run, key.ls))
    interrupted = upto.where(~_lasting(bits)).order_by(head.run.desc(), head.ls.desc()).limit(1)
    if (edge := tx.execute(interrupted).one_or_none()) is not None:
        upto = upto.where(place > (edge.run, edge.ls))
    first = tx.execute(upto.order_by(head.run, head.ls).limit(1)).one()
    return Beginning(LumisectionKey(first.run, first.ls), first.published_s)
