"""From the score of a lumisection to monitoring elements and the numbers of each that speak against it."""

import numpy as np
import numpy.typing as npt

from dqm.certification.largest import Largest
from dqm.certification.summaries import NAMES, NUMBERS
from dqm.quality import WorstFeature

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

MOST_FEATURES = 3
"""Features that are named of one ME."""


def shares(largest: Largest, elements: int) -> Float64:
    """The part (n,) that each ME has in the score of a lumisection, mean over the ensemble; the sum is 1, or 0."""
    found: Float64 = _feature_shares(largest, elements).reshape(elements, NUMBERS).sum(axis=1)
    return found


def worst_features(largest: Largest, row: int, observed: Float32, expected: Float32) -> tuple[WorstFeature, ...]:
    """The features of the ME ``row`` that are among the largest, worst first.

    ``observed`` and ``expected`` (7,) are its summaries and what good lumisections have under the same conditions.
    """
    own = _feature_shares(largest, row + 1)[row * NUMBERS :]
    errors = _mean_errors(largest, row)
    order = [int(one) for one in np.argsort(-own, kind="stable") if own[one] > 0][:MOST_FEATURES]
    return tuple(
        WorstFeature(NAMES[one], float(observed[one]), float(expected[one]), float(errors[one]), float(own[one]))
        for one in order
    )


def _feature_shares(largest: Largest, elements: int) -> Float64:
    total = largest.errors.sum(axis=1, dtype=np.float64)[:, None]
    part = largest.errors / np.where(total > 0, total, 1.0) / len(largest.errors)
    known = (largest.features >= 0) & (largest.features < elements * NUMBERS)
    weights = part[known].astype(np.float64)
    return np.bincount(largest.features[known], weights=weights, minlength=elements * NUMBERS).astype(np.float64)


def _mean_errors(largest: Largest, row: int) -> Float64:
    """Squared errors (7,) of the ME ``row``, mean over the members that hold it."""
    own = (largest.features >= 0) & (largest.features // NUMBERS == row)
    at = largest.features[own] % NUMBERS
    sums = np.bincount(at, weights=largest.errors[own], minlength=NUMBERS)
    return np.asarray(sums / np.maximum(np.bincount(at, minlength=NUMBERS), 1))
