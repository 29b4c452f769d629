"""308 runs of 2022 with the scores that AutoDQM gave 62 histograms: which runs are bad?

The published rule flags a histogram when its score is above a threshold, and a run when three histograms are
flagged. Small runs are bad more often than large ones, and scores grow with statistics; so a score can look good
by telling how large a run is. Ours is made independent of run size (:mod:`benchmarks.dqm.autodqm_runs`): a run is
as bad as its deviations from what good runs of its size have.

How deviations become one score is learned from the bad runs in the training part of each fold
(:mod:`benchmarks.dqm.autodqm_head`). Beside it stand forms that have nothing to learn
(:mod:`benchmarks.dqm.autodqm_forms`), of which one is chosen there. Thresholds are taken there too: what is held out
takes no part in anything.
"""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.dqm import autodqm_head
from benchmarks.dqm.autodqm_forms import FORMS, Form
from benchmarks.dqm.autodqm_runs import Flags, Floats, Runs, Validated, deviations, folds, read
from benchmarks.dqm.ranking import auc_draws
from benchmarks.dqm.table import files
from benchmarks.report import Progress, Result
from dqm.statistics.classification import auc

FLAGGED = 0.05
"""Share of good runs that may be flagged."""
FLAGS = 3
"""Flagged histograms that make a run bad in the published rule."""
SIZE_BINS = 4

_DRAWS = 400
_QUICK_DRAWS = 50


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """Bad runs caught where 5 % of good runs are flagged; AUC in all and inside bins of run size."""
    runs = read(*files(data, "autodqm/betab_scores.csv", "autodqm/pca_scores.csv"))
    heads, forms = [], []
    for seed in seeds:
        progress(f"cross-validation, seed {seed}")
        repeats = 1 if quick else autodqm_head.REPEATS
        heads.append(autodqm_head.validate(runs, np.random.default_rng(seed), FLAGGED, repeats))
        forms.append(validate(runs, np.random.default_rng(seed), FORMS))
    learned, chosen = np.array([item.scores for item in heads]), np.array([item.scores for item in forms])
    strengths = Counter(strength for item in heads for strength in item.chosen)
    rng = np.random.default_rng(seeds[0])
    draws = _QUICK_DRAWS if quick else _DRAWS
    return {
        "autodqm_bad_caught_at_5pct": _caught(learned, runs, rng, f"inverse ridge: folds {dict(strengths)}"),
        "autodqm_good_flagged": _flagged(learned, runs),
        "autodqm_auc": _ranking(learned.mean(axis=0), -runs.size, runs.bad, rng, draws),
        "autodqm_auc_in_size_bins": _in_bins(learned.mean(axis=0), runs),
        "autodqm_bad_caught_form": _caught(chosen, runs, rng, _most_frequent(forms)),
        "autodqm_good_flagged_form": _flagged(chosen, runs),
        "autodqm_auc_form": _ranking(chosen.mean(axis=0), -runs.size, runs.bad, rng, draws),
        "autodqm_auc_in_size_bins_form": _in_bins(chosen.mean(axis=0), runs),
        **{f"autodqm_published_{name}": _published(scores, runs.bad) for name, scores in _kinds(runs).items()},
    }


def validate(runs: Runs, rng: np.random.Generator, forms: Sequence[Form]) -> Validated[Form]:
    """Cross-validation; form and threshold of a fold come from another one among its training runs."""
    numbers, size, bad = runs.numbers, runs.size, runs.bad
    scores, chosen = np.empty(len(bad)), []
    for train, test in folds(bad, np.arange(len(bad)), rng):
        inner = np.empty((len(forms), len(bad)))
        for own, validation in folds(bad, train, rng):
            deviating = deviations(numbers, size, own[~bad[own]])[validation]
            inner[:, validation] = [form.score(deviating) for form in forms]
        best = _best(inner[:, train], bad[train])
        middle, threshold = np.quantile(inner[best, train[~bad[train]]], [0.5, 1.0 - FLAGGED])
        outer = forms[best].score(deviations(numbers, size, train[~bad[train]])[test])
        scores[test] = (outer - middle) / (threshold - middle)
        chosen.append(forms[best])
    return Validated(scores, tuple(chosen))


def _best(scores: Floats, bad: Flags) -> int:
    """The row (forms, runs) that catches most bad runs where 5 % of good ones are flagged; of equals by AUC."""
    limits = np.quantile(scores[:, ~bad], 1.0 - FLAGGED, axis=1)
    caught = (scores[:, bad] > limits[:, None]).mean(axis=1)
    return max(range(len(scores)), key=lambda at: (caught[at], auc(scores[at], bad)))


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


def _kinds(runs: Runs) -> dict[str, Floats]:
    # An absent histogram is never flagged.
    return {"chi2": np.nan_to_num(runs.chi2, nan=-1), "pull": np.nan_to_num(runs.pull, nan=-1), "pca": runs.pca}


def _most_frequent(result: Sequence[Validated[Form]]) -> str:
    """Which form was chosen most often."""
    counted = Counter(form for item in result for form in item.chosen)
    form, times = counted.most_common(1)[0]
    sides = "both sides" if form.both_sides else "above"
    return (
        f"form chosen among {len(FORMS)} in the training part of each fold; most often, {times} of {counted.total()}, "
        f"{form.summary} of {'+'.join(form.kinds)}, {sides}"
    )


def _flagged(scores: Floats, runs: Runs) -> Result:
    return Result(float((scores[:, ~runs.bad] > 1.0).mean()), "share", n=int((~runs.bad).sum()))


def _caught(scores: Floats, runs: Runs, rng: np.random.Generator, note: str) -> Result:
    """Share of bad runs caught by ``scores`` (seeds, R), beside the best published one.

    The interval resamples bad runs.
    """
    caught_by = scores[:, runs.bad] > 1.0
    each = caught_by.mean(axis=0)
    draws = rng.choice(each, (2000, len(each))).mean(axis=1)
    low, high = np.percentile(draws, [2.5, 97.5])
    kinds = {name: published(table, runs.bad) for name, table in _kinds(runs).items()}
    best = max(kinds, key=lambda name: kinds[name][1])
    flagged, caught = kinds[best]
    by_seed = caught_by.mean(axis=1)
    return Result(
        float(each.mean()),
        "share",
        float(low),
        float(high),
        int(runs.bad.sum()),
        f"AutoDQM {best}, thresholds fitted to the same good runs, {flagged:.1%} of them flagged",
        caught,
        float(each.mean()) / caught,
        f"folds of seeds give {by_seed.min():.3f} to {by_seed.max():.3f}; {note}",
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
