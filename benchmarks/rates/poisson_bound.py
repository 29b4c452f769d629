"""What the counts themselves allow: an ideal likelihood ratio of rates that halve, over three lumisections.

It knows what to expect exactly, that nothing but counting scatters, and by what factor rates change, and it looks at
the sum of every three consecutive lumisections that are judged (J. Neyman, E. Pearson, Phil. Trans. A 231 (1933) 289).
Its limit is that at which good counts, drawn again, raise as many incidents as ours did. No method that sees these
counts alone finds more in three lumisections with as few false incidents.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import poisson

Float64 = npt.NDArray[np.float64]
FACTOR, LENGTH = 0.5, 3
LIMITS = np.arange(0.0, 12.0, 0.1)
"""Logarithms of the likelihood ratio at which false incidents are counted."""
_DRAWS = 10
_APART = 20
"""Lumisections after which a false incident is another one."""


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Counts (L, n) that are expected of good lumisections in order, NaN: not judged; ``runs`` (L,) they are of."""

    expected: Float64
    runs: npt.NDArray[np.intp]

    def windows(self) -> Float64:
        """Sums (L - 2, n) of each lumisection and the two after it, NaN where these are no three of one run."""
        sums: Float64 = np.lib.stride_tricks.sliding_window_view(self.expected, LENGTH, axis=0).sum(axis=-1)
        sums[self.runs[LENGTH - 1 :] != self.runs[: 1 - LENGTH]] = np.nan
        return sums

    def false_incidents(self, rng: np.random.Generator) -> Float64:
        """How many incidents (limits,) good counts raise on average at each of LIMITS."""
        whole = self.windows()
        counted = np.zeros(len(LIMITS))
        for _ in range(_DRAWS):
            drawn = Counts(rng.poisson(np.nan_to_num(self.expected)).astype(np.float64), self.runs).windows()
            ratio = (1 - FACTOR) * whole + drawn * np.log(FACTOR)
            for of_rate in ratio.T:
                counted += [_separate(np.flatnonzero(of_rate >= limit)) for limit in LIMITS]
        return counted / _DRAWS


def limit_for(false: float, counts: Sequence[Counts], rng: np.random.Generator) -> float:
    """The limit at which all ``counts`` together raise no more than so many ``false`` incidents."""
    raised = sum((part.false_incidents(rng) for part in counts), np.zeros(len(LIMITS)))
    return float(LIMITS[np.argmax(raised <= false)])


def power(expected: Float64, limit: float) -> float:
    """Share of faults that are found where three lumisections had ``expected`` counts (trials,) without them."""
    most = ((1 - FACTOR) * expected - limit) / -np.log(FACTOR)
    return float(poisson.cdf(np.floor(most), FACTOR * expected).mean())


def _separate(rows: npt.NDArray[np.intp]) -> int:
    return int(len(rows) > 0) + int((np.diff(rows) > _APART).sum())
