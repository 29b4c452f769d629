"""308 runs of 2022 with the scores that AutoDQM gave 62 histograms: which runs are bad?

The published rule flags a histogram when its score is above a threshold, and a run when three histograms are
flagged. Small runs are bad more often than large ones, and scores grow with statistics; so a score can look good
by telling how large a run is. Ours is made independent of run size: each logarithmic score, and each histogram's
share of the run's entries, is a robust line in the logarithm of run size among the good runs of training; a run is
as bad as the mean of its absolute deviations, in robust standard deviations. It learns from good runs alone.
"""

import csv
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.dqm.ranking import auc, auc_draws
from benchmarks.dqm.table import files
from benchmarks.report import Progress, Result
from dqm.statistics.robust import fit_lines, scale

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Cells = npt.NDArray[np.intp]

FLAGGED = 0.05
"""Share of good runs that may be flagged."""
FLAGS = 3
"""Flagged histograms that make a run bad in the published rule."""
FOLDS = 5
SIZE_BINS = 4

_ABSENT = -99.0
_LEAST, _MOST = -6.0, 8.0
_DRAWS = 400
_QUICK_DRAWS = 50
_CHOSEN = "the form of the score was chosen among some 130 variants on this same table, which flatters it"


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
    def features(self) -> Floats:
        """Logarithms of all scores and of entries per run size (runs, 248)."""
        shares = np.log1p(self.entries) - self.size[:, None]
        scores = np.log(np.maximum(self.chi2, 1e-2)), np.log1p(np.maximum(self.pull, 0.0)), np.log(self.pca)
        return np.hstack([*scores, shares])


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """Bad runs caught where 5 % of good runs are flagged; AUC in all and inside bins of run size."""
    runs = read(*files(data, "autodqm/betab_scores.csv", "autodqm/pca_scores.csv"))
    found = []
    for seed in seeds:
        progress(f"cross-validation, seed {seed}")
        found.append(validate(runs, np.random.default_rng(seed)))
    ranks = np.mean([one.margins for one in found], axis=0)
    rng = np.random.default_rng(seeds[0])
    draws = _QUICK_DRAWS if quick else _DRAWS
    return {
        "autodqm_bad_caught_at_5pct": _caught(found, runs, rng),
        "autodqm_good_flagged": Result(float(np.mean([one.flagged[~runs.bad].mean() for one in found])), "share"),
        "autodqm_auc": _ranking(ranks, -runs.size, runs.bad, rng, draws),
        "autodqm_auc_in_size_bins": _in_bins(ranks, runs),
        **{f"autodqm_published_{name}": _published(scores, runs.bad) for name, scores in _kinds(runs).items()},
    }


@dataclass(frozen=True, slots=True, eq=False)
class Validated:
    """Of each run, by the fold that held it out: whether it was flagged, and its score less the threshold."""

    flagged: Flags
    margins: Floats


def validate(runs: Runs, rng: np.random.Generator) -> Validated:
    """Cross-validation; the threshold of a fold comes from another one among its training runs."""
    margins = np.empty(len(runs.bad))
    features, size = runs.features, runs.size
    for train, held in _folds(runs.bad, np.arange(len(runs.bad)), rng):
        good = train[~runs.bad[train]]
        inner = [deviations(features, size, own)[rest] for own, rest in _folds(runs.bad, good, rng)]
        threshold = float(np.quantile(np.concatenate(inner), 1.0 - FLAGGED))
        margins[held] = deviations(features, size, good)[held] - threshold
    return Validated(margins > 0, margins)


def deviations(features: Floats, size: Floats, good: Cells) -> Floats:
    """Mean absolute deviation (runs,) from the lines of the ``good`` runs; an absent histogram says nothing."""
    design = np.repeat(np.column_stack([np.ones_like(size), size])[:, None], features.shape[1], axis=1)
    lines = fit_lines(design[good], features[good], np.zeros(2))
    residuals = features - np.einsum("lnk,nk->ln", design, lines)
    spread = np.maximum(scale(residuals[good]), 1e-6)
    absolute: Floats = np.abs(np.nan_to_num(np.clip(residuals / spread, _LEAST, _MOST))).mean(axis=1)
    return absolute


def published(scores: Floats, bad: Flags) -> tuple[float, float]:
    """Share of good and of bad runs flagged by the published rule, at its step nearest to 5 % of good runs.

    One step goes half-way between the k-th and the next highest score of all good runs, for each histogram.
    """
    ordered = np.sort(scores[~bad], axis=0)[::-1]
    steps = []
    for upper, lower in itertools.pairwise(ordered):
        flagged = (scores > (upper + lower) / 2).sum(axis=1) >= FLAGS
        steps.append((float(flagged[~bad].mean()), float(flagged[bad].mean())))
    return min(steps, key=lambda step: abs(step[0] - FLAGGED))


def read(betab: Path, pca: Path) -> Runs:
    """Both tables in the order of runs."""
    one, other = _columns(betab), _columns(pca)
    if not np.array_equal(one["run_number"], other["run_number"]):
        raise ValueError(f"{betab} and {pca} are not of the same runs")
    chi2, pull = _ending(one, "_chi2_score_beta"), _ending(one, "_pull_score_beta")
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


def _folds(bad: Flags, among: Cells, rng: np.random.Generator) -> list[tuple[Cells, Cells]]:
    """Rows of training and held-out rows of each fold; good and bad are dealt out apart."""
    dealt = [np.array_split(rng.permutation(among[bad[among] == kind]), FOLDS) for kind in (True, False)]
    held = [np.concatenate(parts) for parts in zip(*dealt, strict=True)]
    return [(np.setdiff1d(among, one), one) for one in held]


def _kinds(runs: Runs) -> dict[str, Floats]:
    # An absent histogram is never flagged.
    return {"chi2": np.nan_to_num(runs.chi2, nan=-1), "pull": np.nan_to_num(runs.pull, nan=-1), "pca": runs.pca}


def _caught(found: Sequence[Validated], runs: Runs, rng: np.random.Generator) -> Result:
    """Share of bad runs caught, beside the best published one; the interval resamples bad runs."""
    each = np.mean([one.flagged[runs.bad] for one in found], axis=0)
    draws = rng.choice(each, (2000, len(each))).mean(axis=1)
    low, high = np.percentile(draws, [2.5, 97.5])
    kinds = {name: published(scores, runs.bad) for name, scores in _kinds(runs).items()}
    best = max(kinds, key=lambda name: kinds[name][1])
    flagged, caught = kinds[best]
    folds = [float(one.flagged[runs.bad].mean()) for one in found]
    return Result(
        float(each.mean()),
        "share",
        float(low),
        float(high),
        int(runs.bad.sum()),
        f"AutoDQM {best}, thresholds fitted to the same good runs, {flagged:.1%} of them flagged",
        caught,
        float(each.mean()) / caught,
        f"folds of seeds give {min(folds):.3f} to {max(folds):.3f}; {_CHOSEN}",
    )


def _ranking(margins: Floats, peer: Floats, bad: Flags, rng: np.random.Generator, draws: int) -> Result:
    value, other = auc(margins, bad), auc(peer, bad)
    low, high = np.percentile(auc_draws(margins, bad, rng, draws), [2.5, 97.5])
    return Result(value, "AUC", float(low), float(high), len(bad), "small run size alone", other, value / other)


def _in_bins(margins: Floats, runs: Runs) -> Result:
    """Mean AUC inside quartiles of run size, weighted by their pairs of a good and a bad run."""
    value, pairs = inside(margins, runs.size, runs.bad)
    other, _ = inside(-runs.size, runs.size, runs.bad)
    note = f"{SIZE_BINS} bins of equal numbers, weighted by pairs"
    return Result(value, "AUC", n=pairs, peer="small run size alone", peer_value=other, ratio=value / other, note=note)


def inside(scores: Floats, size: Floats, bad: Flags) -> tuple[float, int]:
    """Mean AUC over bins of ``size``, and the number of pairs compared."""
    areas, pairs = [], []
    for rows in np.array_split(np.argsort(size, kind="stable"), SIZE_BINS):
        wrong = int(bad[rows].sum())
        if 0 < wrong < len(rows):
            areas.append(auc(scores[rows], bad[rows]))
            pairs.append(wrong * (len(rows) - wrong))
    return float(np.average(areas, weights=pairs)), sum(pairs)


def _published(scores: Floats, bad: Flags) -> Result:
    flagged, caught = published(scores, bad)
    return Result(caught, "share", n=int(bad.sum()), note=f"{flagged:.1%} of the good runs it was fitted to flagged")
