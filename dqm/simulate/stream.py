"""Lumisections one after the other, with their faults."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dqm.simulate.detector import Detector
from dqm.simulate.faults import Fault, active
from streams.records import Conditions, HistogramBatch, LumisectionKey


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedLumisection:
    """One lumisection: what is published, and the faults that are really there."""

    key: LumisectionKey
    batches: Sequence[HistogramBatch]
    faults: Sequence[Fault]


def stream(
    detector: Detector,
    conditions: Iterable[tuple[LumisectionKey, Conditions]],
    faults: Sequence[Fault],
    seed: int,
) -> Iterator[SimulatedLumisection]:
    """Simulate lumisections in the order of ``conditions``; each depends on seed, run and LS alone."""
    for key, at in conditions:
        yield SimulatedLumisection(
            key, detector.lumisection(key, at, generator(seed, key), faults), active(faults, key)
        )


def generator(seed: int, key: LumisectionKey) -> np.random.Generator:
    """The randomness of one lumisection."""
    return np.random.default_rng([seed, key.run, key.ls])
