"""Emulated occupancy strips with labels, in the class ratio of the published data set.

The labelled layers of the CMS drift tubes behind arXiv:1808.00911 (5,668 good, 612 bad) are not public. These stand
in for them. What makes them hard is meant to be what makes real ones hard:

* Layers have 47 to 96 channels and 10 to 3,000 mean counts a channel: half of all strips have fewer than 200.
* Good strips are uneven: slope and bulge, channel efficiencies that scatter by 8 %, readout boards of 16
  channels that differ by 5 %, ends at which a channel is half as long, and in every third strip a channel that
  is dead or hot *alone*, which is no matter for a shift.
* Bad strips are such strips with one region of 3 channels to a third of the layer that is dead, inefficient
  (10 to 60 % of the hits left) or hot (1.6 to 5 times the hits).
* People label what they can see: a bad strip's region misses or exceeds what is expected there by at least
  five standard deviations of counting. ``visible=False`` labels every spoilt strip bad, seen or not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

GOOD, BAD = 5668, 612
LENGTHS = (47, 96)
MEAN_COUNTS = (10.0, 3000.0)
KINDS = ("dead", "inefficient", "hot")
BOARD = 16
VISIBLE_SIGMA = 5.0
"""Standard deviations of counting in the region at which a person sees it."""


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """Counts (channels,) of one layer; ``kind`` is empty for a good one.

    ``region`` counts the channels hit, ``significance`` is how far off they are in standard deviations of counting.
    """

    counts: Float32
    kind: str = ""
    region: int = 0
    significance: float = 0.0

    @property
    def bad(self) -> bool:
        """Whether it was spoilt."""
        return bool(self.kind)


def emulate(rng: np.random.Generator, good: int = GOOD, bad: int = BAD, *, visible: bool = True) -> Sequence[Strip]:
    """Good and bad strips, shuffled."""
    strips = [Strip(rng.poisson(_strip(rng)).astype(np.float32)) for _ in range(good)]
    while len(strips) < good + bad:
        spoilt = _spoilt(rng, KINDS[len(strips) % len(KINDS)])
        if spoilt.significance >= VISIBLE_SIGMA or not visible:
            strips.append(spoilt)
    return [strips[place] for place in rng.permutation(len(strips))]


def _strip(rng: np.random.Generator) -> Floats:
    """Expected counts of a good strip."""
    channels = int(rng.integers(LENGTHS[0], LENGTHS[1] + 1))
    mean: Floats = np.exp(rng.uniform(*np.log(MEAN_COUNTS))) * _profile(channels, rng)
    if rng.random() < 1 / 3:
        mean[rng.integers(channels)] *= rng.choice([0.0, rng.uniform(2.0, 10.0)])
    return mean


def _spoilt(rng: np.random.Generator, kind: str) -> Strip:
    mean = _strip(rng)
    region = int(np.exp(rng.uniform(np.log(3), np.log(len(mean) // 3 + 1))))
    first = int(rng.integers(len(mean) - region + 1))
    expected = mean[first : first + region].sum()
    factor = _factor(kind, rng)
    mean[first : first + region] *= factor
    significance = abs(1 - factor) * expected / np.sqrt(max(expected, 1.0))
    return Strip(rng.poisson(mean).astype(np.float32), kind, region, float(significance))


def _profile(channels: int, rng: np.random.Generator) -> Floats:
    along = np.linspace(-1, 1, channels)
    smooth = 1 + rng.uniform(-0.35, 0.35) * along + rng.uniform(-0.2, 0.2) * (1 - along**2)
    boards = np.repeat(rng.normal(1, 0.05, channels // BOARD + 1), BOARD)[:channels]
    profile: Floats = smooth * boards * np.exp(0.08 * rng.standard_normal(channels))
    profile[[0, -1]] *= rng.uniform(0.4, 1.0, 2)
    return profile


def _factor(kind: str, rng: np.random.Generator) -> float:
    if kind == "dead":
        return 0.0
    return float(rng.uniform(0.1, 0.6) if kind == "inefficient" else np.exp(rng.uniform(*np.log([1.6, 5.0]))))
