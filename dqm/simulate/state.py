"""What moves the shapes of a good detector: pileup, slow drift from fill to fill, ageing."""

import numpy as np

from dqm.arrays import Float64
from streams.records import Conditions, LumisectionKey

DRIFTS = 4
WAVES = 6
SIZE = DRIFTS + 2
"""Numbers in a state: pileup, ageing and the drifts, each of about unit variance over some years."""

_PILEUP_MEAN, _PILEUP_SPREAD = 48.0, 12.0
_FILL_MIDDLE, _FILL_SPREAD = 9900.0, 400.0


class DetectorState:
    """A random but smooth function of conditions, fixed by its generator.

    Each drift is a sum of waves over the fill number with periods of 300 to 3000 fills (some months to some years),
    which makes a stationary process of unit variance that can be asked at any fill, in any order.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        """Draw the waves."""
        self._frequency = 2 * np.pi / np.exp(rng.uniform(np.log(300), np.log(3000), (DRIFTS, WAVES)))
        self._phase = rng.uniform(0, 2 * np.pi, (DRIFTS, WAVES))

    def at(self, key: LumisectionKey, conditions: Conditions) -> Float64:
        """The state (SIZE,) at one lumisection; where the fill is unknown the run number stands for it."""
        fill = float(conditions.fill if conditions.fill is not None else key.run)
        pileup = _PILEUP_MEAN if conditions.pileup is None else conditions.pileup
        drifts = np.sqrt(2 / WAVES) * np.cos(self._frequency * fill + self._phase).sum(axis=1)
        ageing = np.clip((fill - _FILL_MIDDLE) / _FILL_SPREAD, -2, 2)
        crowding = np.clip((pileup - _PILEUP_MEAN) / _PILEUP_SPREAD, -3, 3)
        return np.concatenate([[crowding, ageing], drifts])


def loadings(count: int, modes: int, rng: np.random.Generator) -> Float64:
    """(count, modes, SIZE) unit vectors: how much each mode of each ME follows each part of the state."""
    directions = rng.standard_normal((count, modes, SIZE))
    return np.asarray(directions / np.linalg.norm(directions, axis=2, keepdims=True))
