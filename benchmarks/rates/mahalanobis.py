"""The distance from the middle of all events, in units of how they spread together: the simple score.

P. Mahalanobis, Proc. Natl. Inst. Sci. India 2 (1936) 49, on the same scaled features as the network's.
"""

from dataclasses import dataclass

import numpy as np

from streams.arrays import Float32

_RIDGE = 1e-3
"""Share of the variance added on the diagonal: inputs that never vary have none."""


@dataclass(frozen=True, slots=True, eq=False)
class Mahalanobis:
    """``mean`` (w,) and the matrix ``whitening`` (w, w) that makes the events' covariance the unit matrix."""

    mean: Float32
    whitening: Float32

    @classmethod
    def of(cls, shown: Float32) -> "Mahalanobis":
        """Learned from events (n, w) as scaled."""
        covariance = np.cov(shown.T.astype(np.float64))
        covariance += _RIDGE * np.eye(len(covariance))
        whitening = np.linalg.cholesky(np.linalg.inv(covariance))
        return cls(shown.mean(axis=0), whitening.astype(np.float32))

    def scores(self, shown: Float32) -> Float32:
        """Squared distances (n,) of events (n, w)."""
        away = (shown - self.mean) @ self.whitening
        squares: Float32 = np.vecdot(away, away)
        return squares
