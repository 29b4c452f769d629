"""The scorers, by name, in the order in which their scores are stored."""

from collections.abc import Mapping
from types import MappingProxyType

from dqm.scorers.autoencoder import AutoencoderScorer
from dqm.scorers.base import Scorer
from dqm.scorers.direct import ChiSquareScorer, PullScorer
from dqm.scorers.kolmogorov import KolmogorovScorer
from dqm.scorers.occupancy_map import OccupancyMapScorer
from dqm.scorers.occupancy_strip import OccupancyStripScorer

_ALL: tuple[type[Scorer], ...] = (
    PullScorer,
    ChiSquareScorer,
    KolmogorovScorer,
    AutoencoderScorer,
    OccupancyMapScorer,
    OccupancyStripScorer,
)

REGISTRY: Mapping[str, type[Scorer]] = MappingProxyType({scorer.name: scorer for scorer in _ALL})
