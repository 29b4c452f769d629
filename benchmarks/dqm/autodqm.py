"""308 runs of 2022 with the scores that AutoDQM gave 62 histograms: which runs are bad?

The published rule flags a histogram when its score is above a threshold, and a run when three histograms are
flagged. Small runs are bad more often than large ones, and scores grow with statistics; so a score can look good
by telling how large a run is. Ours is made independent of run size: each logarithmic score, and each histogram's
share of the run's entries, is a robust line in the logarithm of run size among the good runs of training; a run is
as bad as its deviations from these, in robust standard deviations.

How deviations become one score (:mod:`benchmarks.dqm.autodqm_forms`) is chosen inside the training part of each
fold, by a cross-validation in which the bad runs of that part are known; so is the threshold. What is held out
takes no part in either. Beside it stands one form for all folds, which was chosen by looking at the whole table.
"""

import csv
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.dqm.autodqm_forms import FORMS, KINDS, Form
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
SEEN = Form(KINDS, True, "mean")
"""The form that was chosen by looking at all runs."""


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


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """Bad runs caught where 5 % of good runs are flagged; AUC in all and inside bins of run size."""
    runs = read(*files(data, "autodqm/betab_scores.csv", "autodqm/pca_scores.csv"))
    nested, seen = [], []
    for seed in seeds:
        progress(f"cross-validation, seed {seed}")
        nested.append(validate(runs, np.random.default_rng(seed), FORMS))
        seen.append(validate(runs, np.random.default_rng(seed), (SEEN,)))
    ranks = np.mean([item.scores for item in nested], axis=0)
    rng = np.random.default_rng(seeds[0])
    draws = _QUICK_DRAWS if quick else _DRAWS
    return {
        "autodqm_bad_caught_at_5pct": _caught(nested, runs, rng, _told(nested)),
        "autodqm_good_flagged": _flagged(nested, runs),
        "autodqm_auc": _ranking(ranks, -runs.size, runs.bad, rng, draws),
        "autodqm_auc_in_size_bins": _in_bins(ranks, runs),
        "autodqm_bad_caught_form_seen": _caught(
            seen, runs, rng, "this form was chosen on this same table, which flatters it"
        ),
        "autodqm_good_flagged_form_seen": _flagged(seen, runs),
        "autodqm_auc_in_size_bins_form_seen": _in_bins(np.mean([item.scores for item in seen], axis=0), runs),
        **{f"autodqm_published_{name}": _published(scores, runs.bad) for name, scores in _kinds(runs).items()},
    }


@dataclass(frozen=True, slots=True, eq=False)
class Validated:
    """Of each run, by the fold that held it out: its score, where 0 is the middle of good runs and 1 the threshold.

    ``forms`` are those chosen, one a fold.
    """

    scores: Floats
    forms: tuple[Form, ...]

    @property
    def flagged(self) -> Flags:
        """Which runs lie above the threshold."""
        above: Flags = self.scores > 1.0
        return above


def validate(runs: Runs, rng: np.random.Generator, forms: Sequence[Form]) -> Validated:
    """Cross-validation; form and threshold of a fold come from another one among its training runs."""
    numbers, size, bad = runs.numbers, runs.size, runs.bad
    scores, chosen = np.empty(len(bad)), []
    for train, held in _folds(bad, np.arange(len(bad)), rng):
        inner = np.empty((len(forms), len(bad)))
        for own, rest in _folds(bad, train, rng):
            deviating = deviations(numbers, size, own[~bad[own]])[rest]
            inner[:, rest] = [form.score(deviating) for form in forms]
        best = _best(inner[:, train], bad[train])
        middle, threshold = np.quantile(inner[best, train[~bad[train]]], [0.5, 1.0 - FLAGGED])
        outer = forms[best].score(deviations(numbers, size, train[~bad[train]])[held])
        scores[held] = (outer - middle) / (threshold - middle)
        chosen.append(forms[best])
    return Validated(scores, tuple(chosen))


def _best(scores: Floats, bad: Flags) -> int:
    """The row (forms, runs) that catches most bad runs where 5 % of good ones are flagged; of equals by AUC."""
    limits = np.quantile(scores[:, ~bad], 1.0 - FLAGGED, axis=1)
    caught = (scores[:, bad] > limits[:, None]).mean(axis=1)
    return max(range(len(scores)), key=lambda at: (caught[at], auc(scores[at], bad)))


def deviations(numbers: Floats, size: Floats, good: Cells) -> Floats:
    """Deviations (runs, kinds, histograms) from the lines of the ``good`` runs; an absent histogram says nothing."""
    flat = numbers.reshape(len(numbers), -1)
    design = np.repeat(np.column_stack([np.ones_like(size), size])[:, None], flat.shape[1], axis=1)
    lines = fit_lines(design[good], flat[good], np.zeros(2))
    residuals = flat - np.einsum("lnk,nk->ln", design, lines)
    spread = np.maximum(scale(residuals[good]), 1e-6)
    deviating: Floats = np.nan_to_num(np.clip(residuals / spread, _LEAST, _MOST)).reshape(numbers.shape)
    return deviating


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


def _folds(bad: Flags, among: Cells, rng: np.random.Generator) -> list[tuple[Cells, Cells]]:
    """Rows of training and held-out rows of each fold; good and bad are dealt out apart."""
    dealt = [np.array_split(rng.permutation(among[bad[among] == kind]), FOLDS) for kind in (True, False)]
    held = [np.concatenate(parts) for parts in zip(*dealt, strict=True)]
    return [(np.setdiff1d(among, item), item) for item in held]


def _kinds(runs: Runs) -> dict[str, Floats]:
    # An absent histogram is never flagged.
    return {"chi2": np.nan_to_num(runs.chi2, nan=-1), "pull": np.nan_to_num(runs.pull, nan=-1), "pca": runs.pca}


def _told(result: Sequence[Validated]) -> str:
    """Which form was chosen most often."""
    counted = Counter(form for item in result for form in item.forms)
    form, times = counted.most_common(1)[0]
    sides = "both sides" if form.both_sides else "above"
    return (
        f"form chosen among {len(FORMS)} in the training part of each fold; most often, {times} of {counted.total()}, "
        f"{form.summary} of {'+'.join(form.kinds)}, {sides}"
    )


def _flagged(result: Sequence[Validated], runs: Runs) -> Result:
    return Result(
        float(np.mean([item.flagged[~runs.bad].mean() for item in result])), "share", n=int((~runs.bad).sum())
    )


def _caught(result: Sequence[Validated], runs: Runs, rng: np.random.Generator, note: str) -> Result:
    """Share of bad runs caught, beside the best published one; the interval resamples bad runs."""
    each = np.mean([item.flagged[runs.bad] for item in result], axis=0)
    draws = rng.choice(each, (2000, len(each))).mean(axis=1)
    low, high = np.percentile(draws, [2.5, 97.5])
    kinds = {name: published(scores, runs.bad) for name, scores in _kinds(runs).items()}
    best = max(kinds, key=lambda name: kinds[name][1])
    flagged, caught = kinds[best]
    folds = [float(item.flagged[runs.bad].mean()) for item in result]
    return Result(
        float(each.mean()),
        "share",
        float(low),
        float(high),
        int(runs.bad.sum()),
        f"AutoDQM {best}, thresholds fitted to the same good runs, {flagged:.1%} of them flagged",
        caught,
        float(each.mean()) / caught,
        f"folds of seeds give {min(folds):.3f} to {max(folds):.3f}; {note}",
    )


def _ranking(scores: Floats, peer: Floats, bad: Flags, rng: np.random.Generator, draws: int) -> Result:
    value, other = auc(scores, bad), auc(peer, bad)
    low, high = np.percentile(auc_draws(scores, bad, rng, draws), [2.5, 97.5])
    return Result(value, "AUC", float(low), float(high), len(bad), "small run size alone", other, value / other)


def _in_bins(scores: Floats, runs: Runs) -> Result:
    """Mean AUC inside quartiles of run size, weighted by their pairs of a good and a bad run."""
    value, pairs = inside(scores, runs.size, runs.bad)
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
