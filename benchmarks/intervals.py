"""95% intervals for the figures of benchmarks."""

import math

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv, stdtrit

Z = 1.959964


def poisson(count: int) -> tuple[float, float]:
    """Exact (Garwood 1936) interval for the mean of a Poisson count."""
    low = 0.0 if count == 0 else float(gammaincinv(count, 0.025))
    return low, float(gammaincinv(count + 1, 0.975))


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """Wilson's (1927) score interval for a share; ``trials`` must be positive."""
    share = hits / trials
    middle = share + Z**2 / (2 * trials)
    spread = Z * math.sqrt(share * (1 - share) / trials + Z**2 / (4 * trials**2))
    scale = 1 + Z**2 / trials
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def bootstrap_mean(values: npt.ArrayLike, rng: np.random.Generator, draws: int = 2000) -> tuple[float, float]:
    """Percentile bootstrap interval for a mean (Efron 1979); resamples whole values."""
    data = np.asarray(values, dtype=float)
    means = rng.choice(data, (draws, len(data))).mean(axis=1)
    return float(np.percentile(means, 2.5)), float(np.percentile(means, 97.5))


def student(values: npt.ArrayLike) -> tuple[float, float]:
    """Student's (1908) interval for the mean of a few values, such as one for each seed; NaN for a single one."""
    data = np.asarray(values, dtype=float)
    if len(data) < 2:
        return math.nan, math.nan
    reach = float(stdtrit(len(data) - 1, 0.975) * data.std(ddof=1) / math.sqrt(len(data)))
    return float(data.mean() - reach), float(data.mean() + reach)
