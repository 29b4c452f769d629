"""Trigger rates as seen and as expected: of one lumisection, and of a run from one query."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field
from sqlalchemy import Connection, Row, select

from dqm.core.quality import Reason
from dqm.core.state import Bands
from opint.store import catalogues
from opint.store.catalogues import SMALL, unpack, unpack_numbers
from opint.store.run_map import UNEXPECTED
from opint.store.runs import datasets, runs_before, subsystems
from opint.store.sql import Record
from opint.store.tables import BY_CURRENT, ls_score, lumisection
from streams.records import LUMISECTION_SECONDS, Catalogue, LumisectionKey

Float32 = npt.NDArray[np.float32]
Cells = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class LumisectionRates:
    """Bands and reasons (n,) in the order of ``catalogue``.

    ``prescale_index`` is the prescale column that was declared, None where it is not known.
    """

    catalogue: Catalogue
    bands: Bands
    reasons: Cells
    prescale_index: int | None


def load_lumisection(tx: Connection, dataset: str, key: LumisectionKey, subsystem: str) -> LumisectionRates | None:
    """As the current model saw it; None where there is none."""
    score = ls_score.c
    query = (
        select(score.catalogue, score.bands, score.verdict_reasons, lumisection.c.conditions)
        .join(lumisection, BY_CURRENT)
        .where(score.dataset == dataset, score.run == key.run, score.ls == key.ls, score.subsystem == subsystem)
    )
    row = tx.execute(query).first()
    if row is None or row.bands is None:
        return None
    catalogue = catalogues.load(tx, {row.catalogue})[row.catalogue]
    n = len(catalogue)
    reasons = np.zeros(n, dtype=np.uint8) if row.verdict_reasons is None else unpack(row.verdict_reasons, SMALL, (n,))
    return LumisectionRates(
        catalogue, unpack_numbers(Bands, row.bands, n), reasons, row.conditions.get("prescale_index")
    )


SUBSYSTEM = "Trigger"
EDGE = 2.576
"""Standard deviations of a normal distribution that hold 99 %, as a band does."""
LEAST_WIDTH_HZ = 0.375**0.5 / LUMISECTION_SECONDS
"""Standard deviation of a count whose mean is next to nothing, as the transform of F. Anscombe (1948) has it."""

TOGETHER = np.isin(np.arange(256), (Reason.SEED_MOVED, Reason.ALL_MOVED, Reason.WRONG_PRESCALES))
"""By reason, whether rates moved with those that the expectation is made of."""


@dataclass(frozen=True, eq=False)
class RunRates:
    """Rates of one run: n elements (seeds, each followed by its paths) against L lumisections.

    ``bands`` are arrays (n, L) as in :class:`dqm.core.state.Bands`, NaN where there is none; ``reasons`` (n, L)
    uint8, UNEXPECTED where the menu has no such rate; ``p_values`` (n, L). ``conditions`` are those of each lumisection
    as stored.
    """

    dataset: str
    run: int
    elements: list[str]
    lumisections: list[int]
    conditions: list[Mapping[str, Any]]
    bands: Bands
    reasons: Cells
    p_values: Float32

    @cached_property
    def pulls(self) -> Float32:
        """How far rates lie from what is expected (n, L), 2.6 being the edge of the band on that side.

        Where a rate moved with its seed or with all, it is as far as it lies from the curve in pileup, if that is more:
        what is expected given the seed moves with the seed. No width is smaller than that of a rate of which next to
        nothing is expected in a lumisection.
        """
        bands = self.bands
        with np.errstate(invalid="ignore", divide="ignore"):
            above = bands.observed >= bands.expected
            width = np.where(above, bands.high - bands.expected, bands.expected - bands.low) / EDGE
            pull = (bands.observed - bands.expected) / np.maximum(width, LEAST_WIDTH_HZ)
            # The band lies about the expectation; about a higher curve it would be wider in proportion.
            wider = width * np.maximum(bands.curve / bands.expected, 1.0)
            by_curve = (bands.observed - bands.curve) / np.maximum(wider, LEAST_WIDTH_HZ)
            together = TOGETHER[self.reasons] & (np.abs(by_curve) > np.abs(pull))
        farther: Float32 = np.where(together, by_curve, pull).astype(np.float32)
        return farther

    @cached_property
    def groups(self) -> npt.NDArray[np.intp]:
        """Row (n,) of the seed of each rate; of a rate whose seed is not there, its own."""
        place = {name: row for row, name in enumerate(self.elements)}
        return np.array([place.get(seed_of(name), row) for row, name in enumerate(self.elements)], dtype=np.intp)


def seed_of(element: str) -> str:
    """The seed's element of a rate: ``SEED/SEED`` of ``SEED/PATH``."""
    seed = element.partition("/")[0]
    return f"{seed}/{seed}"


def recent(tx: Connection, limit: int) -> list[tuple[str, int]]:
    """Dataset and number of the newest runs with trigger rates, newest first."""
    newest = []
    for dataset in datasets(tx):
        if SUBSYSTEM in subsystems(tx, dataset):
            newest += [(run, dataset) for _, run in zip(range(limit), runs_before(tx, dataset, None), strict=False)]
    return [(dataset, run) for run, dataset in sorted(newest, reverse=True)[:limit]]


def run_rates(tx: Connection, dataset: str, run: int) -> RunRates | None:
    """Everything stored of the rates of a run; None if nothing is.

    Lumisections that are still open, and scores of models that did not make the verdict, are left out.
    """
    rows = _score_rows(tx, dataset, run)
    if not rows:
        return None
    names = {
        digest: catalogue.names for digest, catalogue in catalogues.load(tx, {row.catalogue for row in rows}).items()
    }
    elements = _ordered({name for menu in names.values() for name in menu})
    place = {name: at for at, name in enumerate(elements)}
    where = {digest: np.array([place[name] for name in menu], dtype=np.intp) for digest, menu in names.items()}
    shape = (len(rows), len(elements))
    # Filled by lumisection, as it is stored: by rate, every number would lie on another page of memory.
    bands = np.full((len(fields(Bands)), *shape), np.nan, np.float32)
    reasons = np.full(shape, UNEXPECTED, np.uint8)
    p_values = np.full(shape, np.nan, np.float32)
    for at, row in enumerate(rows):
        columns = where[row.catalogue]
        bands[:, at, columns] = unpack_numbers(Bands, row.bands, len(columns)).as_array()
        reasons[at, columns] = np.frombuffer(row.verdict_reasons, np.uint8)
        p_values[at, columns] = np.frombuffer(row.p_values, "<f4")
    return RunRates(
        dataset,
        run,
        elements,
        [row.ls for row in rows],
        [row.conditions for row in rows],
        Bands.from_array(np.ascontiguousarray(bands.transpose(0, 2, 1))),
        np.ascontiguousarray(reasons.T),
        np.ascontiguousarray(p_values.T),
    )


def versions_before(tx: Connection, dataset: str, run: int) -> dict[str, int]:
    """By element, the versions of the rates that the newest lumisection of the run before has; 0 for one without."""
    score = ls_score.c
    query = (
        select(score.catalogue, score.bands)
        .join(lumisection, BY_CURRENT)
        .where(score.dataset == dataset, score.run < run, score.subsystem == SUBSYSTEM, score.bands.is_not(None))
        .order_by(score.run.desc(), score.ls.desc())
        .limit(1)
    )
    row = tx.execute(query).first()
    if row is None:
        return {}
    names = catalogues.load(tx, {row.catalogue})[row.catalogue].names
    bands = unpack_numbers(Bands, row.bands, len(names))
    present = np.isfinite(bands.observed)
    numbers = np.nan_to_num(bands.version).astype(int)
    return {name: int(numbers[at]) for at, name in enumerate(names) if present[at]}


def model_of(tx: Connection, dataset: str, run: int) -> str | None:
    """The version of the model that judges the rates of a run; None if none does."""
    score = ls_score.c
    query = (
        select(score.model_version)
        .join(lumisection, BY_CURRENT)
        .where(score.dataset == dataset, score.run == run, score.subsystem == SUBSYSTEM)
        .order_by(score.ls.desc())
        .limit(1)
    )
    return tx.scalar(query)


def alarming(rates: RunRates) -> npt.NDArray[np.bool_]:
    """Cells (n, L) that are bad, or missing, stuck or else a reason to look."""
    cells: npt.NDArray[np.bool_] = _ALARMS[rates.reasons]
    return cells


_ALARMS = np.zeros(256, dtype=np.bool_)
_ALARMS[[reason for reason in Reason if reason.alarms]] = True


def _ordered(names: set[str]) -> list[str]:
    """By seed, the seed itself first."""
    return sorted(names, key=lambda name: (name.partition("/")[0], name != seed_of(name), name))


def _score_rows(tx: Connection, dataset: str, run: int) -> list[Row[Any]]:
    score = ls_score.c
    query = (
        select(
            score.ls,
            score.catalogue,
            score.bands,
            score.verdict_reasons,
            score.p_values,
            lumisection.c.conditions,
        )
        .join(lumisection, BY_CURRENT)
        .where(score.dataset == dataset, score.run == run, score.subsystem == SUBSYSTEM)
        .where(score.verdict_reasons.is_not(None), score.bands.is_not(None))
        .order_by(score.ls)
    )
    return list(tx.execute(query))


class RateMap(Record):
    """All rates of a run against its lumisections: row i is ``elements[i]``, character j ``lumisections[j]``."""

    dataset: str
    run: int
    lumisections: list[int]
    elements: list[str] = Field(description="SEED/SEED for a seed, SEED/PATH for its paths, which follow it")
    groups: list[int] = Field(description="for each row, the row of its seed")
    states: list[str] = Field(description="numbers of reasons, letters from a = 10 on; - is not in the menu")
    pulls: list[str] = Field(
        description="letters from a = -6 to y = +6 in steps of 0.5, 2.6 being the edge of the band; - is none"
    )
    reason_names: dict[str, str] = Field(description="name of every character that states may hold")
    alarms: list[str] = Field(description="names of the reasons that alarm")


class Rate(Record):
    """One rate of a run by lumisection, in Hz; null where there is nothing."""

    element: str
    run: int
    lumisections: list[int]
    observed: list[float | None]
    expected: list[float | None]
    low: list[float | None] = Field(description="where the band begins that holds 99 % of good lumisections")
    high: list[float | None]
    curve: list[float | None] = Field(description="what pileup alone makes of it")
    prescale: list[float | None] = Field(description="declared, with that of the seed; 0: off")
    pull: list[float | None]
    p_value: list[float | None]
    reason: list[str] = Field(description="empty where the menu has no such rate")
    alarm: list[bool]
    pileup: list[float | None]
    live: list[float | None] = Field(description="recorded over delivered luminosity")
    prescale_index: list[int | None]
    prescale_name: list[str | None]
    version: list[float | None] = Field(description="of the path; null where it has none")
