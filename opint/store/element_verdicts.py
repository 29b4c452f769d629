"""Which monitoring elements make a lumisection worse than good, for reports on files."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from dqm.core.quality import Quality, Reason
from opint.store import catalogues
from opint.store.catalogues import REAL, SMALL, unpack
from opint.store.sql import BY_CURRENT
from opint.store.tables import ls_score, lumisection
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
    known: dict[str, Catalogue] = {}
    for row in tx.execute(query):
        if row.catalogue not in known:
            known |= catalogues.load(tx, {row.catalogue})
        yield from _of(row, known[row.catalogue].names)


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
