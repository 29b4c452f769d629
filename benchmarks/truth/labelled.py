"""Real histograms with people's labels, and the pieces in which they are learned from and judged."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from benchmarks.dqm.table import files
from streams.records import Axis, Catalogue, Conditions, HistogramBatch, LumisectionKey, MonitoringElement

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]

LEAST_ENTRIES = 500
"""Runs with fewer that nobody listed are left out: people's lists are not complete."""
FIRST_RUN, SECOND_RUN, UP_TO = 297056, 297178, 700
"""Labelled lumisections to learn from: those of the first run, and of the second up to this number."""


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Histograms ``counts`` (L, bins) of one monitoring element in order of time.

    ``runs`` and ``lumisections`` (L,) are numbers (0: of the whole run), ``bad`` (L,) what people say, ``seconds`` (L,)
    how long each took, NaN where that is not known.
    """

    name: str
    counts: Floats
    runs: npt.NDArray[np.int64]
    lumisections: npt.NDArray[np.int64]
    bad: Flags
    seconds: Floats

    def shuffled(self, rng: np.random.Generator) -> "Labelled":
        """The same runs in another order: what drifts no longer does. Of whole runs only."""
        order = rng.permutation(len(self.runs))
        return Labelled(
            self.name, self.counts[order], self.runs, self.lumisections, self.bad[order], self.seconds[order]
        )

    def batches(self, places: Places) -> list[HistogramBatch]:
        """Those at ``places``, as they are read."""
        axes = (Axis(self.counts.shape[1], 0.0, float(self.counts.shape[1])),)
        catalogue = Catalogue.of([MonitoringElement(f"{self.name}/truth", axes)])
        return [
            HistogramBatch(
                LumisectionKey(int(self.runs[at]), int(self.lumisections[at])),
                f"/{self.name}/Run2017/DQM",
                self.name,
                Conditions(),
                catalogue,
                (self.counts[at][None].astype(np.float32),),
                np.zeros((1, 2)),
                self.counts[at].sum(keepdims=True),
            )
            for at in places
        ]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Places that are learned from and, later, those that are judged; ``size`` is how many good ones were learned."""

    size: int
    runs: int
    learned: Places
    judged: Places

    def thinned(self, step: int) -> "Split":
        """Every ``step``-th of those that are judged."""
        return replace(self, judged=self.judged[::step])

    def shortened(self, most: int) -> "Split":
        """The first ``most`` of those that are judged: what follows the runs before needs all of them."""
        return replace(self, judged=self.judged[:most])


def whole_runs(data: Path) -> Labelled:
    """CSC segment times of 2017."""
    table, listed = files(data, "csc/segments_time_combined.parquet", "csc/bad_runs.csv")
    with listed.open(newline="") as file:
        bad = {int(row["run"]) for row in csv.DictReader(file)}
    rows = sorted(pq.read_table(table).to_pylist(), key=lambda row: row["run"])
    rows = [row for row in rows if row["run"] in bad or row["entries"] >= LEAST_ENTRIES]
    return Labelled(
        "CSC",
        np.array([row["counts"] for row in rows], dtype=np.float64),
        _whole(rows, "run"),
        np.zeros(len(rows), dtype=np.int64),
        np.array([row["run"] in bad for row in rows]),
        np.array([row["duration"] for row in rows], dtype=np.float64),
    )


def lumisections(data: Path) -> Labelled:
    """Charge of the first pixel layer, 2017B."""
    (table,) = files(data, "labelled_ls/pxlayer1_charge_2017B.parquet")
    rows = sorted(pq.read_table(table).to_pylist(), key=lambda row: (row["run"], row["ls"]))
    return Labelled(
        "Pixel",
        np.array([row["counts_with_flow"][1:-1] for row in rows], dtype=np.float64),
        _whole(rows, "run"),
        _whole(rows, "ls"),
        np.array([not row["label_good"] for row in rows]),
        np.full(len(rows), np.nan),
    )


def later_runs(labelled: Labelled, size: int) -> Split:
    """Learn from the first ``size`` good runs, judge all that come after them."""
    good = np.flatnonzero(~labelled.bad)[:size]
    return Split(size, size, good, np.arange(good[-1] + 1, len(labelled.bad)))


def scattered_runs(labelled: Labelled, size: int, rng: np.random.Generator) -> Split:
    """Learn from ``size`` good runs at random, judge all others in order of time."""
    learned = np.sort(rng.choice(np.flatnonzero(~labelled.bad), size, replace=False))
    return Split(size, size, learned, np.setdiff1d(np.arange(len(labelled.bad)), learned))


def later_lumisections(labelled: Labelled, size: int) -> Split:
    """Learn from the first ``size`` good lumisections of two runs (0: all), judge those of the rest and of others."""
    early = (labelled.runs == FIRST_RUN) | ((labelled.runs == SECOND_RUN) & (labelled.lumisections <= UP_TO))
    pool = np.flatnonzero(early & ~labelled.bad)
    learned = pool[: size or len(pool)]
    return Split(len(learned), len(set(labelled.runs[learned])), learned, np.flatnonzero(~early))


def _whole(rows: Sequence[dict[str, Any]], name: str) -> npt.NDArray[np.int64]:
    return np.array([row[name] for row in rows], dtype=np.int64)
