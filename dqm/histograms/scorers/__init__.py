"""The scorers, by name, in the order in which their scores are stored."""

from collections.abc import Mapping
from types import MappingProxyType

from dqm.histograms.scorers.autoencoder import AutoencoderScorer
from dqm.histograms.scorers.base import Scorer
from dqm.histograms.scorers.direct import ChiSquareScorer, PullScorer
from dqm.histograms.scorers.kolmogorov import KolmogorovScorer
from dqm.histograms.scorers.occupancy_map import OccupancyMapScorer
from dqm.histograms.scorers.occupancy_strip import OccupancyStripScorer

_ALL: tuple[type[Scorer], ...] = (
    PullScorer,
    ChiSquareScorer,
    KolmogorovScorer,
    AutoencoderScorer,
    OccupancyMapScorer,
    OccupancyStripScorer,
)

REGISTRY: Mapping[str, type[Scorer]] = MappingProxyType({scorer.name: scorer for scorer in _ALL})
