"""What others would do with the same histograms: simple scores, detectors of scikit-learn, and a rolling sketch."""

from collections.abc import Callable, Mapping

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import NearestNeighbors

from benchmarks.truth.labelled import Flags, Floats, Labelled, Split

COMPONENTS = 3
WINDOW = 100
STARVED_SHARE = 1e-3
DECLARED = 0.05

Score = Callable[[Floats, Floats], Floats]
"""Scores (J,) of the second histograms from what the first ones teach."""


def shares(counts: Floats) -> Floats:
    """Shares of all counts (L, bins); zero where there are none."""
    scaled: Floats = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    return scaled


def roots(counts: Floats) -> Floats:
    """Square roots of shares."""
    scaled: Floats = np.sqrt(shares(counts))
    return scaled


def principal(learned: Floats, judged: Floats) -> Floats:
    """Squared distance from three principal components; the worst tenth of training is left out, twice."""
    use = np.ones(len(learned), dtype=np.bool_)
    for trim in (True, True, False):
        mean = learned[use].mean(axis=0)
        count = min(COMPONENTS, max(0, int(use.sum()) - 2))
        away = learned[use] - mean
        # As many components as count of the smaller of the two products of the matrix with itself.
        values, sides = np.linalg.eigh(away @ away.T)
        vectors = (sides[:, ::-1][:, :count] / np.sqrt(np.maximum(values[::-1][:count], 1e-300))).T @ away
        if trim:
            own = _away(learned, mean, vectors)
            use = own <= np.quantile(own, 0.9)
    return _away(judged, mean, vectors)


def _away(rows: Floats, mean: Floats, vectors: Floats) -> Floats:
    away = rows - mean
    away = away - away @ vectors.T @ vectors
    squared: Floats = (away**2).sum(axis=1)
    return squared


def largest(learned: Floats, judged: Floats) -> Floats:
    """Largest share in units of the bin's median and MAD."""
    middle = np.median(learned, axis=0)
    spread = 1.4826 * np.median(np.abs(learned - middle), axis=0)
    away: Floats = (np.abs(judged - middle) / np.maximum(spread, 1e-6)).max(axis=1)
    return away


def nearest(learned: Floats, judged: Floats) -> Floats:
    """Distance to the fifth nearest of the learned ones (fewer where there are fewer)."""
    near = NearestNeighbors(n_neighbors=min(5, len(learned))).fit(learned)
    distance: Floats = near.kneighbors(judged)[0][:, -1]
    return distance


def forest(learned: Floats, judged: Floats) -> Floats:
    """Isolation forest (F. T. Liu et al., ICDM 2008)."""
    isolated: Floats = -IsolationForest(random_state=0).fit(learned).score_samples(judged)
    return isolated


def tails(learned: Floats, judged: Floats) -> Floats:
    """ECOD (Z. Li et al., IEEE TKDE 35 (2023) 12181) without its choice of side by skewness: the larger side counts."""
    ordered = np.sort(learned, axis=0)
    n = len(ordered)
    below = np.array(
        [np.searchsorted(ordered[:, bin_], judged[:, bin_], side="right") for bin_ in range(ordered.shape[1])]
    )
    above = np.array(
        [np.searchsorted(ordered[:, bin_], judged[:, bin_], side="left") for bin_ in range(ordered.shape[1])]
    )
    left, right = -np.log((below + 1) / (n + 1)).sum(axis=0), -np.log((n - above + 1) / (n + 1)).sum(axis=0)
    summed: Floats = np.maximum(left, right)
    return summed


def scores(labelled: Labelled, split: Split) -> Mapping[str, Floats]:
    """Of the judged ones (J,) by peer; each from what a split learns from, once."""
    counts, of_roots = shares(labelled.counts), roots(labelled.counts)
    learned, judged = split.learned, split.judged
    table: dict[str, Floats] = {
        "pca shares": principal(counts[learned], counts[judged]),
        "pca root shares": principal(of_roots[learned], of_roots[judged]),
        "largest share": largest(counts[learned], counts[judged]),
        "isolation forest": forest(of_roots[learned], of_roots[judged]),
        "nearest neighbours": nearest(of_roots[learned], of_roots[judged]),
        "ecod": tails(of_roots[learned], of_roots[judged]),
    }
    if np.isfinite(labelled.seconds).all():
        rate = np.log1p(labelled.counts.sum(axis=1)) - np.log(np.maximum(labelled.seconds, 1.0))
        table["lack against duration"] = np.median(rate[learned]) - rate[judged]
    return table


def rolling(labelled: Labelled, split: Split) -> tuple[Flags, Floats]:
    """Alarms and scores (J,) of the sketch: principal components refitted on the last hundred runs that had entries.

    The threshold comes from two-fold errors at half the declared rate; starved is below a thousandth of the median.
    """
    rows, entries = roots(labelled.counts), labelled.counts.sum(axis=1)
    known = list(split.learned)
    alarms, ranked = [], []
    for at in split.judged:
        window = np.array(known[-WINDOW:])
        even = np.arange(len(window)) % 2 == 0
        folds = ((even, ~even), (~even, even))
        errors = np.concatenate([principal(rows[window[one]], rows[window[other]]) for one, other in folds])
        limit = float(np.quantile(errors, 1.0 - DECLARED / 2))
        error = float(principal(rows[window], rows[at : at + 1])[0])
        starved = bool(entries[at] < STARVED_SHARE * np.median(entries[window]))
        alarms.append(starved or error > limit)
        ranked.append(1e6 - entries[at] if starved else error / limit)
        if not starved:
            known.append(at)
    return np.array(alarms), np.array(ranked)
