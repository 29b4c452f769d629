"""How well a score ranks bad above good."""

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def auc(scores: npt.NDArray[np.floating], bad: Flags) -> float:
    """Area under the ROC curve: the chance that a bad one scores above a good one, ties counting half."""
    ranks = rankdata(scores)
    n = int(bad.sum())
    return float((ranks[bad].sum() - n * (n + 1) / 2) / (n * (len(bad) - n)))


def auc_draws(scores: Floats, bad: Flags, rng: np.random.Generator, draws: int) -> Floats:
    """AUCs of ``draws`` bootstrap samples, good and bad resampled apart."""
    kinds = np.flatnonzero(bad), np.flatnonzero(~bad)
    result = np.empty(draws)
    for at in range(draws):
        rows = np.concatenate([rng.choice(kind, len(kind)) for kind in kinds])
        result[at] = auc(scores[rows], bad[rows])
    return result
