"""Endless or bounded streams of simulated lumisections with faults planned as they come."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from dqm.simulate import truth as truths
from dqm.simulate.conditions import generate
from dqm.simulate.detector import Detector
from dqm.simulate.faults import Fault
from dqm.simulate.plan import plan_faults
from dqm.simulate.stream import SimulatedLumisection, stream
from streams.records import Conditions, HistogramBatch, LumisectionKey

PLAN_LUMISECTIONS = 300
FAULT_LUMISECTIONS = 20
FILL_LUMISECTIONS = 600
ENDLESS_FILLS = 1_000_000


def faulty(
    detector: Detector,
    conditions: Iterable[tuple[LumisectionKey, Conditions]],
    skip: int,
    limit: int | None,
    faults: int,
    seed: int,
    truth: Path | None,
) -> Iterator[SimulatedLumisection]:
    """Lumisections with ``faults`` faults in every 300; those planned so far stand in the file ``truth``.

    ``skip`` lumisections are left out at the beginning, at most ``limit`` follow. Equal arguments give
    equal streams.
    """
    rest = iter(islice(conditions, skip, None if limit is None else skip + limit))
    rng = np.random.default_rng([seed, 1])
    known: list[Fault] = []
    while chunk := list(islice(rest, PLAN_LUMISECTIONS)):
        keys = [key for key, at in chunk if at.beams_stable is not False]
        count = min(faults, len(keys) // 2)
        planned = []
        if count:
            planned = plan_faults(rng, detector.catalogues, keys, count=count, length=FAULT_LUMISECTIONS)
            known += planned
        if truth is not None:
            truths.write(truth, known)
        yield from stream(detector, chunk, planned, seed)


def endless(seed: int, good_only: bool) -> Iterator[tuple[LumisectionKey, Conditions]]:
    """Fill after fill of generated conditions, shorter than real ones so that a watcher sees some.

    ``good_only`` leaves those with stable beams.
    """
    fills = generate(np.random.default_rng([seed, 3]), fills=ENDLESS_FILLS, stable=FILL_LUMISECTIONS)
    return (one for one in fills if one[1].beams_stable or not good_only)


def batches_of(lumisections: Iterable[SimulatedLumisection]) -> Iterator[HistogramBatch]:
    """All their batches, in order."""
    for one in lumisections:
        yield from one.batches
