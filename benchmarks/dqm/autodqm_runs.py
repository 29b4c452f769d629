"""308 runs of 2022 with the scores that AutoDQM gave 62 histograms, made independent of how large a run is.

Each logarithmic score, and each histogram's share of the run's entries, is a robust line (or parabola) in the logarithm
of run size among good runs; what counts are the deviations from it, in robust standard deviations.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from dqm.statistics.robust import fit_lines, scale

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Cells = npt.NDArray[np.intp]

Choice = TypeVar("Choice")

FOLDS = 5

_ABSENT = -99.0
_LEAST, _MOST = -6.0, 8.0


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Scores (runs, 62) of each kind, NaN where a histogram was absent; entries; which runs are bad."""

    chi2: Floats
    pull: Floats
    pca: Floats
    entries: Floats
    bad: Flags

    @property
    def size(self) -> Floats:
        """Logarithm of run size, from the histograms' entries relative to the middle run: their median."""
        logs = np.log1p(self.entries)
        middle: Floats = np.median(logs - np.median(logs, axis=0), axis=1)
        return middle

    @property
    def numbers(self) -> Floats:
        """Logarithms of all scores, and of entries per run size: (runs, kinds, histograms)."""
        shares = np.log1p(self.entries) - self.size[:, None]
        scores = np.log(np.maximum(self.chi2, 1e-2)), np.log1p(np.maximum(self.pull, 0.0)), np.log(self.pca)
        return np.stack([*scores, shares], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Validated(Generic[Choice]):
    """Of each run (R,), by the fold that held it out: its score, 0 at the middle of good runs and 1 at the threshold.

    ``chosen`` is what was chosen in the training part, for each fold.
    """

    scores: Floats
    chosen: tuple[Choice, ...]


def deviations(numbers: Floats, size: Floats, good: Cells, degree: int = 1) -> Floats:
    """Deviations (runs, kinds, histograms) from the lines of the ``good`` runs; an absent histogram says nothing.

    Lines are polynomials of ``degree`` in the logarithm of run size.
    """
    flat = numbers.reshape(len(numbers), -1)
    design = np.repeat(np.vander(size, degree + 1)[:, None], flat.shape[1], axis=1)
    lines = fit_lines(design[good], flat[good], np.zeros(degree + 1))
    residuals = flat - np.einsum("lnk,nk->ln", design, lines)
    spread = np.maximum(scale(residuals[good]), 1e-6)
    deviating: Floats = np.nan_to_num(np.clip(residuals / spread, _LEAST, _MOST)).reshape(numbers.shape)
    return deviating


def read(betab: Path, pca: Path) -> Runs:
    """Both tables in the order of runs."""
    item, other = _columns(betab), _columns(pca)
    if not np.array_equal(item["run_number"], other["run_number"]):
        raise ValueError(f"{betab} and {pca} are not of the same runs")
    chi2, pull = _ending(item, "_chi2_score_beta"), _ending(item, "_pull_score_beta")
    absent = chi2 == _ABSENT
    return Runs(
        np.where(absent, np.nan, chi2),
        np.where(absent, np.nan, pull),
        _ending(other, "_chi2prime"),
        _ending(other, "_integral"),
        other["label"] == 1,
    )


def _columns(path: Path) -> dict[str, Floats]:
    with path.open(newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["run_number"]))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0] if name != "algo"}


def _ending(columns: Mapping[str, Floats], suffix: str) -> Floats:
    return np.column_stack([values for name, values in columns.items() if name.endswith(suffix)])


def folds(bad: Flags, among: Cells, rng: np.random.Generator) -> list[tuple[Cells, Cells]]:
    """Rows of training and held-out rows of each fold; good and bad are dealt out apart."""
    dealt = [np.array_split(rng.permutation(among[bad[among] == kind]), FOLDS) for kind in (True, False)]
    test_folds = [np.concatenate(parts) for parts in zip(*dealt, strict=True)]
    return [(np.setdiff1d(among, item), item) for item in test_folds]
