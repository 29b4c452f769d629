"""The verdicts of a store in rows, and the monitoring elements that made them, for reports on files."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from dqm.core.quality import Quality, Reason
from opint.store import catalogues, short_faults
from opint.store.catalogues import REAL, SMALL, unpack
from opint.store.tables import BY_CURRENT, dead_letter, incident, ls_score, ls_summary, lumisection
from streams.records import Catalogue


@dataclass(frozen=True, slots=True)
class ElementVerdict:
    """The verdict on one monitoring element in one lumisection; ``p_value`` is None where nothing was inspected."""

    dataset: str
    run: int
    ls: int
    subsystem: str
    element: str
    quality: Quality
    reason: Reason
    p_value: float | None


def problems(tx: Connection) -> Iterator[ElementVerdict]:
    """Elements that are bad, a warning or not as expected, by dataset, run, LS and subsystem; the worst come first."""
    score = ls_score.c
    query = (
        select(
            score.dataset,
            score.run,
            score.ls,
            score.subsystem,
            score.catalogue,
            score.p_values,
            score.verdict_qualities,
            score.verdict_reasons,
        )
        .join(lumisection, BY_CURRENT)
        .where(score.verdict_qualities.is_not(None))
        .order_by(score.dataset, score.run, score.ls, score.subsystem)
    )
    catalogue_by_digest: dict[str, Catalogue] = {}
    for row in tx.execute(query):
        if row.catalogue not in catalogue_by_digest:
            catalogue_by_digest |= catalogues.load(tx, {row.catalogue})
        yield from _of(row, catalogue_by_digest[row.catalogue].names)


def _of(row: Any, names: tuple[str, ...]) -> Iterator[ElementVerdict]:
    shape = (len(names),)
    qualities, reasons = unpack(row.verdict_qualities, SMALL, shape), unpack(row.verdict_reasons, SMALL, shape)
    p_values = unpack(row.p_values, REAL, shape)
    poor = qualities > Quality.GOOD
    alarming = np.isin(reasons, [reason for reason in Reason if reason.alarms])
    places = np.flatnonzero(poor | alarming)
    # NaN, of what has no p-value, sorts last among elements of one quality.
    for place in places[np.lexsort((p_values[places], -qualities[places].astype(int)))].tolist():
        p_value = float(p_values[place])
        yield ElementVerdict(
            row.dataset,
            row.run,
            row.ls,
            row.subsystem,
            names[place],
            Quality(int(qualities[place])),
            Reason(int(reasons[place])),
            None if np.isnan(p_value) else p_value,
        )


NUMBERS = ("good", "warning", "bad", "not_inspected")
"""How many elements have each quality."""


def verdicts(tx: Connection, only_problems: bool) -> Iterator[dict[str, Any]]:
    """Each lumisection and subsystem with the elements that are not good, worst first."""
    elements = groupby(problems(tx), key=lambda problem: (problem.dataset, problem.run, problem.ls, problem.subsystem))
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
