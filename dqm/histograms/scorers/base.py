"""What a scorer is.

A scorer gives every ME of a group a number that is greater the less it looks like good lumisections. It knows
nothing of probabilities: calibration turns its scores into p-values.

Contract (tests/contracts/test_scorers.py walks the registry):

* ``score`` is pure: equal blocks give equal scores, nothing is changed, and nothing returned shares memory
  with what was given.
* A lumisection's scores do not depend on which others are in the block.
* Scores are finite for all counts from zero to 1e12 per bin.
* ``arrays`` and ``from_arrays`` round trip: the scores are the same bytes.
* A block of another shape is refused with a ShapeMismatchError that names the scorer and both shapes.

A scorer that ``judges`` only some kinds of ME is trained on those alone; what it says of others is not used.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

from conf.errors import NightshiftError
from dqm.histograms.features import FeatureBlock
from dqm.histograms.occupancy.shapes import Kind
from dqm.histograms.references.frozen import FrozenReference
from streams.arrays import Float32, Mask

Arrays = dict[str, Float32]

EVERYTHING = frozenset(Kind)

LEAST_PRECISION = 2.0
"""Networks do not look at bins where a doubling of the counts is not a pull of about two: some one expected count."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """What a scorer learns from: good lumisections of one group in time order.

    ``use`` (L, n) says which histograms of the block are to be used, ``shape`` is that of one histogram, and
    ``seed`` makes training repeatable.
    """

    block: FeatureBlock
    use: Mask
    reference: FrozenReference
    seed: int
    shape: tuple[int, ...]


class ShapeMismatchError(NightshiftError):
    """A block of features does not have the shape that the scorer was made for."""


class Scorer(Protocol):
    """One method of scoring for one group; see the module for the contract."""

    name: ClassVar[str]
    """Short, stable, and stored with every score."""
    version: ClassVar[int]
    """Rises when the same arrays give other scores."""
    least_histograms: ClassVar[int]
    """Good histograms of a group below which there is nothing to learn from."""
    judges: ClassVar[frozenset[Kind]]
    """Kinds of ME that it is made for."""

    @classmethod
    def fit(cls, training: TrainingData) -> Self:
        """Learn from good lumisections."""

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Inverse of :meth:`arrays`."""

    def arrays(self) -> Arrays:
        """All that was learned; loading it executes nothing."""

    def score(self, block: FeatureBlock) -> Float32:
        """Scores (L, n), greater is worse."""


def require_shape(name: str, expected: tuple[int, int], block: FeatureBlock) -> None:
    """Raise ShapeMismatchError unless the block has ``expected`` MEs and bins."""
    shape = block.pulls.shape[1:]
    if shape != expected:
        raise ShapeMismatchError(
            f"scorer {name!r} was made for {expected[0]} monitoring elements of {expected[1]} bins, "
            f"not for {shape[0]} of {shape[1]}; train a bundle on the present catalogue"
        )
