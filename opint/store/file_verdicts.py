"""The verdicts of a store in rows, for programs."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, select

from dqm.core.quality import Quality
from opint.store import short_faults
from opint.store.element_verdicts import problems
from opint.store.tables import dead_letter, incident, ls_summary

NUMBERS = ("good", "warning", "bad", "not_inspected")
"""How many elements have each quality."""


def verdicts(tx: Connection, only_problems: bool) -> Iterator[dict[str, Any]]:
    """Each lumisection and subsystem with the elements that are not good, worst first."""
    elements = groupby(problems(tx), key=lambda found: (found.dataset, found.run, found.ls, found.subsystem))
    place, of_place = next(elements, (None, iter(())))
    row = ls_summary.c
    # The same order as that of the elements, so that both are read once.
    for summary in tx.execute(select(ls_summary).order_by(row.dataset, row.run, row.ls, row.subsystem)):
        poor = []
        if place == (summary.dataset, summary.run, summary.ls, summary.subsystem):
            poor = [
                {"element": e.element, "quality": _word(e.quality), "reason": e.reason.name, "p_value": e.p_value}
                for e in of_place
            ]
            place, of_place = next(elements, (None, iter(())))
        if not (only_problems and Quality(summary.quality) is Quality.GOOD):
            yield {
                "dataset": summary.dataset,
                "run": summary.run,
                "ls": summary.ls,
                "subsystem": summary.subsystem,
                "quality": _word(Quality(summary.quality)),
                **{name: getattr(summary, name) for name in NUMBERS},
                "p_value": summary.p_value,
                "elements": poor,
            }


def incidents(tx: Connection) -> list[dict[str, Any]]:
    """Number, severity and title of each incident, oldest first."""
    column = incident.c
    query = select(column.id, column.severity, column.title).order_by(column.id)
    return [dict(row) for row in tx.execute(query).mappings()]


def recorded(tx: Connection) -> list[dict[str, Any]]:
    """Each fault of one lumisection that belongs to no ordinary incident, oldest first."""
    return [fault.model_dump(mode="json") for fault in short_faults.every(tx)]


def unusable(tx: Connection) -> list[dict[str, Any]]:
    """Reason, field and detail of each record that could not be used, oldest first."""
    column = dead_letter.c
    query = select(column.reason, column.field, column.detail).order_by(column.id)
    return [dict(row) for row in tx.execute(query).mappings()]


def _word(quality: Quality) -> str:
    return quality.name.lower().replace("_", " ")
