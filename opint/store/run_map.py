"""The map of monitoring elements against lumisections of one run, from one query."""

import numpy as np
import numpy.typing as npt
from pydantic import Field
from sqlalchemy import Connection, Row, select

from dqm.core.quality import Reason
from opint.store import catalogues
from opint.store.sql import Record
from opint.store.tables import BY_CURRENT, ls_score, lumisection


class RunMap(Record):
    """Monitoring elements against lumisections of one subsystem in one run.

    Row i belongs to ``elements[i]``, column j to ``lumisections[j]``. ``qualities`` and ``reasons`` hold
    one string per row with one character per column: the number of :class:`dqm.core.quality.Quality` or
    :class:`dqm.core.quality.Reason`, a letter from ``a`` = 10 on, and ``-`` where the ME was not expected.
    """

    dataset: str
    run: int
    subsystem: str
    lumisections: list[int]
    elements: list[str]
    qualities: list[str]
    reasons: list[str]
    p_values: list[list[float | None]] = Field(description="to 3 digits; null where nothing was inspected")
    reason_names: dict[str, str] = Field(description="name of every character that ``reasons`` may hold")


UNEXPECTED = 255
"""Stored nowhere: marks cells of MEs that a lumisection's catalogue does not have."""

CHARACTERS = np.frombuffer(b"0123456789abcdefghijklmnopqrstuvwxyz".ljust(UNEXPECTED, b"?") + b"-", dtype="S1")
"""How a small number is written in one character."""
_Row = Row[tuple[object, ...]]


def run_map(tx: Connection, dataset: str, run: int, subsystem: str) -> RunMap:
    """Qualities, reasons and p-values of all MEs of a subsystem in all lumisections of a run.

    ``p_values`` holds NaN for null, which orjson writes as such. Lumisections that are still open, and
    scores of model versions that did not make the verdict, are left out; so the map may be empty.
    """
    rows = _rows(tx, dataset, run, subsystem)
    names = {
        digest: catalogue.names for digest, catalogue in catalogues.load(tx, {row.catalogue for row in rows}).items()
    }
    elements = sorted({name for menu in names.values() for name in menu})
    place = {name: index for index, name in enumerate(elements)}
    where = {digest: np.array([place[name] for name in menu], dtype=np.intp) for digest, menu in names.items()}
    shape = (len(elements), len(rows))
    qualities, reasons = np.full(shape, UNEXPECTED, np.uint8), np.full(shape, UNEXPECTED, np.uint8)
    p_values = np.full(shape, np.nan, np.float32)
    for column, row in enumerate(rows):
        qualities[where[row.catalogue], column] = np.frombuffer(row.verdict_qualities, np.uint8)
        reasons[where[row.catalogue], column] = np.frombuffer(row.verdict_reasons, np.uint8)
        p_values[where[row.catalogue], column] = np.frombuffer(row.p_values, "<f4")
    return RunMap.model_construct(
        dataset=dataset,
        run=run,
        subsystem=subsystem,
        lumisections=[row.ls for row in rows],
        elements=elements,
        qualities=as_text(qualities),
        reasons=as_text(reasons),
        p_values=_three_digits(p_values).tolist(),
        reason_names={CHARACTERS[reason].decode(): reason.name for reason in Reason},
    )


def _rows(tx: Connection, dataset: str, run: int, subsystem: str) -> list[_Row]:
    score = ls_score.c
    query = (
        select(score.ls, score.catalogue, score.verdict_qualities, score.verdict_reasons, score.p_values)
        .join(lumisection, BY_CURRENT)
        .where(
            score.dataset == dataset,
            score.run == run,
            score.subsystem == subsystem,
            score.verdict_qualities.is_not(None),
        )
        .order_by(score.ls)
    )
    return list(tx.execute(query))


def as_text(cells: npt.NDArray[np.uint8]) -> list[str]:
    """One string for each row of small numbers (n, L), one of CHARACTERS for each cell."""
    return [row.tobytes().decode("ascii") for row in CHARACTERS[cells]]


def _three_digits(p_values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    exact = p_values.astype(np.float64)
    with np.errstate(divide="ignore"):
        scale = 10.0 ** np.clip(2 - np.floor(np.log10(exact)), 0, 22)
    rounded: npt.NDArray[np.float64] = np.rint(exact * scale) / scale
    return rounded
