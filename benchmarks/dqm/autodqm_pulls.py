"""The pulls of AutoDQM (arXiv:2501.13789), of which its tests take the largest and the mean square."""

import numpy as np
import numpy.typing as npt

from dqm.statistics.beta_binomial import exact_pulls

TOLERANCE = 0.01

Floats = npt.NDArray[np.float64]


def pulls(counts: Floats, reference: Floats) -> Floats:
    """Beta-binomial pulls (R, bins); those that a change of the expectation by the tolerance explains are zero."""
    expected = reference / reference.sum(axis=1, keepdims=True) * counts.sum(axis=1, keepdims=True)
    near = np.clip(counts, (1 - TOLERANCE) * expected, (1 + TOLERANCE) * expected)
    # The count nearest to what was found that the tolerance allows takes the place of the expectation.
    scaled = reference * np.divide(near, expected, out=np.ones_like(near), where=expected > 0)
    return exact_pulls(counts, scaled)
