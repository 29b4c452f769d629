"""The scorers, by name, in the order in which their scores are stored."""

from collections.abc import Mapping
from types import MappingProxyType

from dqm.histograms.scorers.autoencoder import AutoencoderScorer
from dqm.histograms.scorers.base import Scorer
from dqm.histograms.scorers.direct import ChiSquareScorer, PullScorer
from dqm.histograms.scorers.kolmogorov import KolmogorovScorer
from dqm.histograms.scorers.occupancy_map import OccupancyMapScorer
from dqm.histograms.scorers.occupancy_strip import OccupancyStripScorer
from dqm.histograms.scorers.shares import LargestShareScorer, ShareModesScorer

_ALL: tuple[type[Scorer], ...] = (
    PullScorer,
    ChiSquareScorer,
    KolmogorovScorer,
    AutoencoderScorer,
    OccupancyMapScorer,
    OccupancyStripScorer,
    ShareModesScorer,
    LargestShareScorer,
)

REGISTRY: Mapping[str, type[Scorer]] = MappingProxyType({scorer.name: scorer for scorer in _ALL})

OF_SHARES = (ShareModesScorer.name, LargestShareScorer.name)
"""What judges whole runs, where the spread between good runs is far larger than counting errors."""
ENTRIES = "entries"
"""Departure of the number of entries of a whole run from what is expected: stored and calibrated like a scorer's."""
OF_COUNTS = tuple(name for name in REGISTRY if name not in OF_SHARES)
"""What judges lumisections."""
