"""What others would do with the same histograms: simple scores, PyOD, AutoDQM's tests, a rolling sketch."""

from collections.abc import Mapping
from importlib.util import find_spec

import numpy as np

from benchmarks.dqm import autodqm_pulls
from benchmarks.report import progress
from benchmarks.truth.labelled import Flags, Floats, Labelled, Split

COMPONENTS = 3
WINDOW = 100
STARVED_SHARE = 1e-3
DECLARED = 0.05
LEAST_OF_AUTOENCODER = 40
"""Histograms that PyOD's autoencoder is given at least: its batches hold 32."""


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


def autodqm(learned: Floats, judged: Floats) -> Mapping[str, Floats]:
    """AutoDQM's two tests of ``judged`` counts (J, bins) against the sum of the ``learned`` ones."""
    pulls = autodqm_pulls.pulls(judged, np.repeat(learned.sum(axis=0)[None], len(judged), axis=0))
    return {"autodqm pull": np.abs(pulls).max(axis=1), "autodqm chi2": (pulls**2).mean(axis=1)}


def outliers(learned: Floats, judged: Floats) -> Mapping[str, Floats]:
    """The detectors of PyOD with their defaults, as far as the learned ones are enough for them; none without PyOD."""
    if find_spec("pyod") is None:
        progress("PyOD is not installed: its detectors are left out (pip install 'nightshift[bench]')")
        return {}
    # It brings torch, which takes seconds to load.
    import torch
    from pyod.models.auto_encoder import AutoEncoder
    from pyod.models.ecod import ECOD
    from pyod.models.iforest import IForest
    from pyod.models.knn import KNN

    torch.set_num_threads(1)
    detectors = {
        "ecod": ECOD(),
        "isolation forest": IForest(random_state=0),
        "nearest neighbours": KNN(n_neighbors=min(5, len(learned) - 1)),
    }
    if len(learned) >= LEAST_OF_AUTOENCODER:
        detectors["autoencoder"] = AutoEncoder(random_state=0, verbose=0)
    return {name: detector.fit(learned).decision_function(judged) for name, detector in detectors.items()}


def scores(labelled: Labelled, split: Split) -> Mapping[str, Floats]:
    """Of the judged ones (J,) by peer; each from what a split learns from, once."""
    counts, of_roots = shares(labelled.counts), roots(labelled.counts)
    learned, judged = split.learned, split.judged
    table: dict[str, Floats] = {
        "pca shares": principal(counts[learned], counts[judged]),
        "pca root shares": principal(of_roots[learned], of_roots[judged]),
        "largest share": largest(counts[learned], counts[judged]),
        **autodqm(labelled.counts[learned], labelled.counts[judged]),
        **outliers(of_roots[learned], of_roots[judged]),
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
    learned = list(split.learned)
    alarms, ranked = [], []
    for at in split.judged:
        window = np.array(learned[-WINDOW:])
        even = np.arange(len(window)) % 2 == 0
        folds = ((even, ~even), (~even, even))
        errors = np.concatenate([principal(rows[window[item]], rows[window[other]]) for item, other in folds])
        limit = float(np.quantile(errors, 1.0 - DECLARED / 2))
        error = float(principal(rows[window], rows[at : at + 1])[0])
        starved = bool(entries[at] < STARVED_SHARE * np.median(entries[window]))
        alarms.append(starved or error > limit)
        ranked.append(1e6 - entries[at] if starved else error / limit)
        if not starved:
            learned.append(at)
    return np.array(alarms), np.array(ranked)
