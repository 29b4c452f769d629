"""The expected reads in the planned week."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from opint.popularity.history import History, Label
from opint.popularity.walk_forward import WeekForecast
from streams.arrays import Float64, Mask

WEEKS_OF_ALL = 2.0
"""Reads of a popular week are the mean over the dataset's own popular weeks and this many average ones."""
READS_OF_ALL = 20.0
"""Regional shares of a dataset are those of its own reads and this many reads with the shares of all datasets."""


@dataclass(frozen=True, eq=False)
class Demand:
    """For n datasets: probability of being popular (n,), expected reads (n,), and their shares (n, R) by region."""

    names: tuple[str, ...]
    probability: Float64
    reads: Float64
    share: Float64

    def of(self, names: Sequence[str]) -> "Demand":
        """The demand for other names; an unknown dataset has no expected reads and equal shares."""
        place = {name: row for row, name in enumerate(self.names)}
        rows = np.array([place.get(name, len(self.names)) for name in names], dtype=np.intp)
        anywhere = np.full((1, self.share.shape[1]), 1 / self.share.shape[1])
        return Demand(
            tuple(names),
            np.append(self.probability, 0.0)[rows],
            np.append(self.reads, 0.0)[rows],
            np.vstack([self.share, anywhere])[rows],
        )


def probabilities(forecast: WeekForecast, n: int) -> Float64:
    """The probability of each of n datasets (n,), 0 for those without a forecast."""
    probability = np.zeros(n)
    probability[forecast.dataset] = forecast.probability
    return probability


def expected_demand(history: History, label: Label, probability: Float64, share: Float64) -> Demand:
    """The demand that follows from probabilities (n,) for the week after ``history``."""
    popular = label.holds(history.measures[label.measure])
    many = _mean_reads(history, popular & history.exists, label.limit)
    few = _mean_reads(history, ~popular & history.exists, 0.0)
    return Demand(history.names, probability, probability * many + (1 - probability) * few, share)


def _mean_reads(history: History, weeks: Mask, otherwise: float) -> Float64:
    """Mean reads (n,) of each dataset in the flagged ``weeks`` (n, T); ``otherwise`` if none is flagged."""
    total = (history.measures["naccess"] * weeks).sum(axis=1, dtype=np.float64)
    count = weeks.sum(axis=1)
    overall = total.sum() / count.sum() if count.any() else otherwise
    mean: Float64 = (total + WEEKS_OF_ALL * overall) / (count + WEEKS_OF_ALL)
    return mean


def region_shares(reads: Float64) -> Float64:
    """Shares (n, R) of the reads of each dataset by region, from the reads ``seen`` (n, R) so far."""
    total = reads.sum()
    overall = reads.sum(axis=0) / total if total else np.full(reads.shape[1], 1 / reads.shape[1])
    share: Float64 = (reads + READS_OF_ALL * overall) / (reads.sum(axis=1, keepdims=True) + READS_OF_ALL)
    return share
