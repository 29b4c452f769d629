"""How well a score ranks bad above good."""

import numpy as np
import numpy.typing as npt

from dqm.statistics.classification import auc

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def auc_draws(scores: Floats, bad: Flags, rng: np.random.Generator, draws: int) -> Floats:
    """AUCs of ``draws`` bootstrap samples, good and bad resampled apart."""
    kinds = np.flatnonzero(bad), np.flatnonzero(~bad)
    result = np.empty(draws)
    for at in range(draws):
        rows = np.concatenate([rng.choice(kind, len(kind)) for kind in kinds])
        result[at] = auc(scores[rows], bad[rows])
    return result
