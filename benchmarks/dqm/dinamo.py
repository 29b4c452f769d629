"""Runs of a drifting toy detector, judged in their order: the adaptive template against two simpler references.

The data are those of DINAMO's generator: Gaussians whose position and width drift and jump, counts that change by
a factor of twenty, and a tenth of bad runs with displaced shapes and dead bins. Our template sees no labels. One
peer is told after each run whether it was good, another never changes.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.dqm.ranking import auc_draws
from benchmarks.dqm.table import files
from benchmarks.report import Progress, Result
from dqm.histograms.references.adaptive import WITHIN, blank, follow
from dqm.statistics.classification import auc

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

ALPHA = 0.5
"""Weight of the old template in the label-fed peer."""
STATIC_RUNS = 50
"""Good runs at the beginning that make the static peer's template."""

_QUICK_RUNS = 600
_DRAWS = 400
_NOTE = "run order, no labels; our constants chosen on the first 1,500 runs of seed 0; interval: bootstrap of runs"


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """Scores (runs,) of the adaptive template, its distance alone, and which runs went into it."""

    scores: Floats
    distances: Floats
    learned: Flags


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """AUC of each file and their mean, beside both peers; the share of bad runs that went into the template."""
    paths = files(data, "dinamo/toy_seed0.npz", "dinamo/toy_seed1.npz")
    toys = [_toy(path, quick) for path in paths]
    ours = []
    for path, (counts, _) in zip(paths, toys, strict=True):
        progress(f"following {path.name}")
        ours.append(follow_all(counts))
    fed = [label_fed(counts, bad, chi2) for counts, bad in toys]
    by_share = [label_fed(counts, bad, share_distance) for counts, bad in toys]
    fixed = [static(counts, bad) for counts, bad in toys]
    truth = [bad for _, bad in toys]
    rng = np.random.default_rng(seeds[0])
    scores = [our.scores for our in ours]
    results = {
        "dinamo_auc": _mean(scores, truth, "label-fed EWMA, chi2", fed, rng, _NOTE),
        "dinamo_distance_auc": _mean(
            [our.distances for our in ours], truth, "static reference, chi2", fixed, rng, "distance to the template"
        ),
        "dinamo_auc_strongest_peer": _mean(
            scores, truth, "label-fed EWMA, distance of shares", by_share, rng, "as dinamo_auc, beside the best peer"
        ),
        "dinamo_bad_taken": _learned_bad_runs([our.learned for our in ours], truth),
    }
    for at, path in enumerate(paths):
        item = _mean([scores[at]], [truth[at]], "label-fed EWMA, chi2", [fed[at]], rng, _NOTE)
        results[f"dinamo_auc_{path.stem.removeprefix('toy_')}"] = item
    return results


def follow_all(counts: Floats) -> Followed:
    """The adaptive template over all runs (runs, bins); each run is scored before it can change anything."""
    template = blank(1, counts.shape[1])
    recent: deque[Floats] = deque(maxlen=WITHIN - 1)
    steps = []
    for run in counts:
        template, step = follow(template, run[None], list(recent))
        recent.append(run[None])
        steps.append(step)
    return Followed(
        np.array([step.score[0] for step in steps]),
        np.array([step.distance[0] for step in steps]),
        np.array([bool(step.added[0] | step.adopted[0]) for step in steps]),
    )


def label_fed(counts: Floats, bad: Flags, statistic: Callable[[Floats, Floats], float]) -> Floats:
    """``statistic`` against an exponentially weighted template that takes every run labelled good, and no other."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    template = shares[np.argmin(bad)]
    scores = np.empty(len(counts))
    for at, run in enumerate(counts):
        scores[at] = statistic(run, template)
        if not bad[at]:
            template = ALPHA * template + (1.0 - ALPHA) * shares[at]
    return scores


def static(counts: Floats, bad: Flags) -> Floats:
    """Chi2 against the mean of the first good runs."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    template = shares[~bad][:STATIC_RUNS].mean(axis=0)
    return np.array([chi2(run, template) for run in counts])


def chi2(counts: Floats, share: Floats) -> float:
    """Pearson's chi2 per bin against a template scaled to the counts; one count guards empty bins."""
    expected = share * counts.sum()
    return float(((counts - expected) ** 2 / (expected + 1.0)).mean())


def share_distance(counts: Floats, share: Floats) -> float:
    """Squared differences of shares over the template's: a distance that forgets how many counts there are."""
    return float(((counts / counts.sum() - share) ** 2 / (share + 1e-4)).sum())


def _toy(path: Path, quick: bool) -> tuple[Floats, Flags]:
    with np.load(path) as toy:
        counts, bad = toy["counts"].astype(np.float64), toy["bad"]
    return (counts[:_QUICK_RUNS], bad[:_QUICK_RUNS]) if quick else (counts, bad)


def _mean(
    scores: Sequence[Floats],
    bad: Sequence[Flags],
    peer: str,
    peers: Sequence[Floats],
    rng: np.random.Generator,
    note: str,
) -> Result:
    """Mean AUC over files beside that of the peer."""
    value, other = (_average(auc, each, bad) for each in (scores, peers))
    draws = np.mean([auc_draws(score, truth, rng, _DRAWS) for score, truth in zip(scores, bad, strict=True)], axis=0)
    low, high = np.percentile(draws, [2.5, 97.5])
    n = sum(len(item) for item in bad)
    return Result(value, "AUC", float(low), float(high), n, peer, other, value / other, note)


def _average(of: Callable[[Floats, Flags], float], scores: Sequence[Floats], bad: Sequence[Flags]) -> float:
    return float(np.mean([of(score, truth) for score, truth in zip(scores, bad, strict=True)]))


def _learned_bad_runs(learned: Sequence[Flags], bad: Sequence[Flags]) -> Result:
    """Bad runs that went into the template, beside the share of good ones that did."""
    wrong = np.concatenate([item[truth] for item, truth in zip(learned, bad, strict=True)])
    right = np.concatenate([item[~truth] for item, truth in zip(learned, bad, strict=True)])
    return Result(
        float(wrong.mean()), "share", n=len(wrong), note=f"of bad runs; of good runs {right.mean():.3f} went in"
    )
