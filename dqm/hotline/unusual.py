"""What is unusual about an event: the features that cost most to explain, beside what is usual."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

MOST = 4
QUANTILES = np.array([0.0, 0.005, 0.025, 0.16, 0.5, 0.84, 0.975, 0.995, 1.0])
"""Of the training events, kept of each feature."""
CENTRAL_95 = [2, 6]
"""Places in QUANTILES of the ends of a feature's usual range."""


@dataclass(frozen=True, slots=True)
class Unusual:
    """One feature of an event.

    Attributes:
        feature: its name, with the unit.
        value: what the event has.
        cost: what the network pays for it beyond the mean event, in nats.
        low: end of the central 95 % of training events.
        high: the other end.
        below: share of training events with a smaller value.
    """

    feature: str
    value: float
    cost: float
    low: float
    high: float
    below: float


def unusual(features: Sequence[str], values: Float32, costs: Float32, usual: Float32) -> tuple[Unusual, ...]:
    """The features of an event with ``values`` (f,) that cost most, at most four, the dearest first.

    ``costs`` (f,) are those of the event less the mean ones, ``usual`` (f, 9) the features' :data:`QUANTILES`. A
    feature that costs no more than it usually does is not named.
    """
    order = [int(at) for at in np.argsort(-costs, kind="stable")[:MOST] if costs[at] > 0]
    return tuple(
        Unusual(
            features[at],
            float(values[at]),
            float(costs[at]),
            float(usual[at, CENTRAL_95[0]]),
            float(usual[at, CENTRAL_95[1]]),
            _below(float(values[at]), usual[at]),
        )
        for at in order
    )


def _below(value: float, quantiles: Float32) -> float:
    """Share of training events with a smaller value; of equal quantiles the first counts, for many values are whole."""
    different, first = np.unique(quantiles, return_index=True)
    return float(np.interp(value, different, QUANTILES[first]))
