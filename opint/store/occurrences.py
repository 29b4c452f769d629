"""The lumisections in which incidents were seen: rows in and out, and what they add up to."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, delete, func, select, tuple_, union_all, update

from opint.store.sql import replacing
from opint.store.tables import occurrence
from streams.keys import LumisectionKey

NAMELESS_KINDS = ("", "unknown")
"""Kinds of occurrences that name no fault."""

MOST_SEEKS = 200
"""Incidents that one statement looks for: SQLite takes at most 500 parts of a union."""

_row = occurrence.c


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One lumisection in which an incident was seen; ``elements`` are ME names, worst first."""

    incident: int
    key: LumisectionKey
    elements: tuple[str, ...]
    p_value: float | None
    kind: str


@dataclass(frozen=True, slots=True)
class Extent:
    """What the occurrences of one incident add up to.

    ``commonest_kind`` is that of most occurrences, ``newest_kinds`` are those of the newest, newest first.
    """

    first: LumisectionKey | None
    last: LumisectionKey | None
    lumisections: int
    elements: int
    commonest_kind: str
    newest_kinds: Sequence[str]


def add(tx: Connection, records: Sequence[Occurrence]) -> None:
    """Store occurrences; one that exists is overwritten."""
    rows = [
        {
            "incident_id": record.incident,
            "run": record.key.run,
            "ls": record.key.ls,
            "elements": list(record.elements),
            "p_value": record.p_value,
            "kind": record.kind,
        }
        for record in records
    ]
    if rows:
        tx.execute(replacing(tx, occurrence), rows)


def remove(tx: Connection, number: int, keys: Iterable[LumisectionKey]) -> None:
    """Remove occurrences of one incident."""
    rows = [{"number": number, "at_run": key.run, "at_ls": key.ls} for key in keys]
    if rows:
        tx.execute(_REMOVE, rows)


def move(tx: Connection, number: int, into: int) -> None:
    """Give all occurrences of one incident to another; where both have one, the other's own stays."""
    own = occurrence.alias("own").c
    both = select(own.run).where(own.incident_id == into, own.run == _row.run, own.ls == _row.ls).exists()
    tx.execute(update(occurrence).where(_row.incident_id == number, ~both).values(incident_id=into))
    tx.execute(delete(occurrence).where(_row.incident_id == number))


def between(
    tx: Connection, numbers: Collection[int], first: LumisectionKey, last: LumisectionKey
) -> dict[int, list[Occurrence]]:
    """Occurrences of incidents from ``first`` to ``last``, both included, in (run, LS) order."""
    place = tuple_(_row.run, _row.ls)
    query = (
        select(occurrence)
        .where(_row.incident_id.in_(sorted(numbers)))
        .where(place >= (first.run, first.ls), place <= (last.run, last.ls))
        .order_by(_row.run, _row.ls)
    )
    by_incident: dict[int, list[Occurrence]] = defaultdict(list)
    for row in tx.execute(query):
        by_incident[row.incident_id].append(_occurrence(row))
    return by_incident


def last_before(tx: Connection, numbers: Collection[int], key: LumisectionKey) -> dict[int, Occurrence]:
    """By incident, its newest occurrence before ``key``; without those that have none."""
    before = tuple_(_row.run, _row.ls) < (key.run, key.ls)
    rows = _of_each(tx, numbers, select(occurrence).where(before).order_by(_row.run.desc(), _row.ls.desc()), 1)
    return {number: _occurrence(row) for number, (row,) in rows.items()}


def opening(tx: Connection, numbers: Collection[int], most: int) -> dict[int, list[LumisectionKey]]:
    """By incident, the first ``most`` lumisections in which it was seen."""
    query = select(_row.incident_id, _row.run, _row.ls).order_by(_row.run, _row.ls)
    return {
        number: [LumisectionKey(row.run, row.ls) for row in rows]
        for number, rows in _of_each(tx, numbers, query, most).items()
    }


def opening_kinds(tx: Connection, numbers: Collection[int]) -> dict[int, str]:
    """By incident, the kind of its first occurrence that names one; without those of which none does."""
    named = select(_row.incident_id, _row.kind).where(_row.kind.not_in(NAMELESS_KINDS))
    rows = _of_each(tx, numbers, named.order_by(_row.run, _row.ls), 1)
    return {number: row.kind for number, (row,) in rows.items()}


def extents(tx: Connection, numbers: Collection[int], newest: int) -> dict[int, Extent]:
    """By incident, what its stored occurrences add up to, with the kinds of the ``newest``; reads all of them."""
    if not numbers:
        return {}
    kinds = (
        select(_row.incident_id, _row.kind, func.count().label("number"), _MOST_ELEMENTS.label("elements"))
        .where(_row.incident_id.in_(sorted(numbers)))
        .group_by(_row.incident_id, _row.kind)
    )
    by_kind: dict[int, list[Any]] = defaultdict(list)
    for row in tx.execute(kinds):
        by_kind[row.incident_id].append(row)
    places = select(_row.incident_id, _row.run, _row.ls, _row.kind)
    last = _of_each(tx, numbers, places.order_by(_row.run.desc(), _row.ls.desc()), newest)
    first = _of_each(tx, numbers, places.order_by(_row.run, _row.ls), 1)
    return {number: _extent(by_kind[number], first.get(number, []), last.get(number, [])) for number in numbers}


def _extent(kinds: Sequence[Any], first: Sequence[Any], newest: Sequence[Any]) -> Extent:
    commonest = min(kinds, key=lambda row: (row.kind in NAMELESS_KINDS, -row.number, row.kind), default=None)
    ends = [LumisectionKey(rows[0].run, rows[0].ls) if rows else None for rows in (first, newest)]
    return Extent(
        first=ends[0],
        last=ends[1],
        lumisections=sum(row.number for row in kinds),
        elements=max((row.elements for row in kinds), default=0),
        commonest_kind="" if commonest is None else commonest.kind,
        newest_kinds=[row.kind for row in newest],
    )


def _of_each(tx: Connection, numbers: Collection[int], query: Select[Any], most: int) -> dict[int, list[Row[Any]]]:
    """By incident, the first ``most`` rows of ``query`` on occurrences: a seek for each of them, in few statements."""
    by_incident: dict[int, list[Row[Any]]] = defaultdict(list)
    ordered = sorted(numbers)
    for start in range(0, len(ordered), MOST_SEEKS):
        parts = [
            select(query.where(_row.incident_id == number).limit(most).subquery())
            for number in ordered[start : start + MOST_SEEKS]
        ]
        for row in tx.execute(union_all(*parts)):
            by_incident[row.incident_id].append(row)
    return by_incident


_MOST_ELEMENTS = func.coalesce(func.max(func.json_array_length(_row.elements)), 0)
_REMOVE = (
    delete(occurrence)
    .where(_row.incident_id == bindparam("number"))
    .where(_row.run == bindparam("at_run"), _row.ls == bindparam("at_ls"))
)


def _occurrence(row: Row[Any]) -> Occurrence:
    return Occurrence(row.incident_id, LumisectionKey(row.run, row.ls), tuple(row.elements), row.p_value, row.kind)
