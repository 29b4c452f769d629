"""The scorers, by name, in the order in which their scores are stored."""

from collections.abc import Mapping
from types import MappingProxyType

from dqm.scorers.autoencoder import AutoencoderScorer
from dqm.scorers.base import Scorer
from dqm.scorers.chi_square import ChiSquareScorer
from dqm.scorers.kolmogorov import KolmogorovScorer
from dqm.scorers.pull import PullScorer

REGISTRY: Mapping[str, type[Scorer]] = MappingProxyType(
    {scorer.name: scorer for scorer in (PullScorer, ChiSquareScorer, KolmogorovScorer, AutoencoderScorer)}
)
