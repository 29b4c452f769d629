"""Incidents with the conditions in which they were seen last."""

from collections.abc import Collection
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Row, and_, select

from opint.store.incidents import IS_ACTIVE, Incident
from opint.store.tables import incident, lumisection

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
