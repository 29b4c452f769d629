"""Intervals over weeks: weeks are drawn again, since datasets of one week have its conferences in common.

B. Efron, Ann. Statist. 7 (1979) 1; percentiles of 95 %. Two models are measured on the same draws, so that their
difference has an interval of its own.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from opint.popularity.metrics import Counts
from opint.popularity.rolling import WeekForecast

Weights = npt.NDArray[np.int64]
Measure = Callable[[Weights], float]
"""From how often each week is drawn to a number."""

DRAWS = 1000


def interval(
    weeks: int, rng: np.random.Generator, measure: Measure, baseline: Measure | None = None
) -> tuple[float, float]:
    """Ends of the interval of ``measure``, or of its difference from ``baseline``, over so many weeks."""
    draws = []
    for _ in range(DRAWS):
        weights = np.bincount(rng.integers(0, weeks, weeks), minlength=weeks)
        draws.append(measure(weights) - (0.0 if baseline is None else baseline(weights)))
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return float(low), float(high)


class F1:
    """F1 of the forecasts of several weeks together; NaN if nothing was popular and nothing forecast."""

    def __init__(self, weeks: Sequence[WeekForecast]) -> None:
        """Count each week once."""
        each = [Counts.of(forecast.forecast, forecast.popular) for forecast in weeks]
        self._counts = np.array(
            [
                (forecast.true_positives, forecast.false_positives, forecast.false_negatives, forecast.true_negatives)
                for forecast in each
            ]
        )

    def __call__(self, weights: Weights) -> float:
        """With weeks drawn so often."""
        return Counts(*(int(count) for count in weights @ self._counts)).f1


class AveragePrecision:
    """Average precision of the forecasts of several weeks together; NaN if nothing was popular."""

    def __init__(self, weeks: Sequence[WeekForecast]) -> None:
        """Sort once, not for each draw."""
        probability = np.concatenate([forecast.probability for forecast in weeks])
        order = np.argsort(-probability, kind="stable")
        ordered = probability[order]
        self._last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
        self._popular = np.concatenate([forecast.popular for forecast in weeks])[order]
        self._week = np.repeat(np.arange(len(weeks)), [len(forecast.dataset) for forecast in weeks])[order]

    def __call__(self, weights: Weights) -> float:
        """With weeks drawn so often."""
        drawn = weights[self._week].astype(np.float64)
        hits, forecasts = np.cumsum(drawn * self._popular)[self._last], np.cumsum(drawn)[self._last]
        if hits[-1] == 0:
            return float("nan")
        return float((np.diff(hits, prepend=0) * hits / np.maximum(forecasts, 1.0)).sum() / hits[-1])
