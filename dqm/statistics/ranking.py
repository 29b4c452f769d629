"""How well a score ranks one kind above another."""

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from streams.arrays import Mask


def auc(scores: npt.NDArray[np.floating], bad: Mask) -> float:
    """Area under the ROC curve: the chance that a bad one scores above a good one, ties counting half."""
    ranks = rankdata(scores)
    n = int(bad.sum())
    return float((ranks[bad].sum() - n * (n + 1) / 2) / (n * (len(bad) - n)))
