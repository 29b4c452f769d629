"""What is expected to be read in the week that is planned."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opint.popularity.history import Float64, History
from opint.popularity.label import Label
from opint.popularity.rolling import WeekForecast

WEEKS_OF_ALL = 2.0
"""Reads of a popular week are the mean of the dataset's own popular weeks and so many of all datasets, others alike."""
READS_OF_ALL = 20.0
"""Where a dataset is read is what was seen of it, and so many reads as all datasets are read."""


@dataclass(frozen=True, eq=False)
class Demand:
    """Of n datasets: probability of being popular (n,), expected reads (n,), and their shares (n, R) by region."""

    names: tuple[str, ...]
    probability: Float64
    reads: Float64
    share: Float64

    def of(self, names: Sequence[str]) -> "Demand":
        """The same for other names; of one that is not known nothing is expected, anywhere alike."""
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
    """Of each of n datasets (n,), 0 of those of which nothing was forecast."""
    probability = np.zeros(n)
    probability[forecast.dataset] = forecast.probability
    return probability


def expected(history: History, label: Label, probability: Float64, share: Float64) -> Demand:
    """The demand that follows from probabilities (n,) of the week after the last one of ``history``."""
    popular = label.holds(history.measures[label.measure])
    many = _mean_reads(history, popular & history.exists, label.limit)
    few = _mean_reads(history, ~popular & history.exists, 0.0)
    return Demand(history.names, probability, probability * many + (1 - probability) * few, share)


def _mean_reads(history: History, weeks: npt.NDArray[np.bool_], otherwise: float) -> Float64:
    """Mean reads (n,) of those weeks (n, T) of each dataset; ``otherwise`` if nobody has one."""
    total = (history.measures["naccess"] * weeks).sum(axis=1, dtype=np.float64)
    count = weeks.sum(axis=1)
    overall = total.sum() / count.sum() if count.any() else otherwise
    mean: Float64 = (total + WEEKS_OF_ALL * overall) / (count + WEEKS_OF_ALL)
    return mean


def shares(seen: Float64) -> Float64:
    """Shares (n, R) of the reads of each dataset, from those ``seen`` (n, R) by region so far."""
    total = seen.sum()
    overall = seen.sum(axis=0) / total if total else np.full(seen.shape[1], 1 / seen.shape[1])
    share: Float64 = (seen + READS_OF_ALL * overall) / (seen.sum(axis=1, keepdims=True) + READS_OF_ALL)
    return share
