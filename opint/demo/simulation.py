"""Endless or bounded streams of simulated histograms, trigger rates and events, with faults planned as they come."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from dqm.simulate import events, rate_plan, rates
from dqm.simulate.conditions import from_oms, generate
from dqm.simulate.detector import Detector, SimulatedLumisection, stream
from dqm.simulate.faults import Fault
from dqm.simulate.plan import plan_faults
from dqm.simulate.rate_faults import RateFault
from dqm.simulate.rates import Trigger
from dqm.simulate.truth import with_rare_events_noted, write_faults
from streams.records import Conditions, EventFeatures, HistogramBatch, LumisectionKey, TriggerRates

PLAN_LUMISECTIONS = 300
FAULT_LUMISECTIONS = 20
FILL_LUMISECTIONS = 600
ENDLESS_FILLS = 1_000_000

Lumisection = tuple[LumisectionKey, Conditions]


PlannedFault = TypeVar("PlannedFault")
"""A fault of histograms or of rates."""


def faulty(
    detector: Detector,
    conditions: Iterable[Lumisection],
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

    def plan(rng: np.random.Generator, usable: Sequence[Lumisection], count: int) -> list[Fault]:
        keys = [key for key, _ in usable]
        return plan_faults(rng, detector.catalogues, keys, count=count, length=FAULT_LUMISECTIONS)

    write = None if truth is None else partial(write_faults, truth)
    for chunk, planned in _planned(islice(conditions, skip, _end(skip, limit)), faults, seed, plan, write):
        yield from stream(detector, chunk, planned, seed)


def faulty_rates(
    trigger: Trigger,
    conditions: Iterable[Lumisection],
    skip: int,
    limit: int | None,
    faults: int,
    seed: int,
    truth: Path | None,
) -> Iterator[TriggerRates]:
    """Trigger rates in the same way: equal conditions give the same runs and lumisections."""

    def plan(rng: np.random.Generator, usable: Sequence[Lumisection], count: int) -> list[RateFault]:
        # Without a prescale column nothing runs, so nothing can be wrong.
        running = [lumisection for lumisection in usable if lumisection[1].prescale_index is not None]
        count = min(count, len(running) // 2)
        return rate_plan.plan_faults(rng, trigger, running, count=count, length=FAULT_LUMISECTIONS)

    write = None if truth is None else partial(write_faults, truth)
    for chunk, planned in _planned(islice(conditions, skip, _end(skip, limit)), faults, seed, plan, write):
        yield from (lumisection.rates for lumisection in rates.stream(trigger, chunk, planned, seed))


def events_of(
    conditions: Iterable[Lumisection],
    skip: int,
    limit: int | None,
    rate_hz: float,
    rare_share: float,
    seed: int,
    truth: Path | None,
) -> Iterator[EventFeatures]:
    """Event features in the same way; the rare events so far stand in the file ``truth``."""
    simulated = events.stream(islice(conditions, skip, _end(skip, limit)), rate_hz, rare_share, seed)
    yield from (
        lumisection.features
        for lumisection in (simulated if truth is None else with_rare_events_noted(truth, simulated))
    )


def conditions_of(table: Path | None, good_only: bool, seed: int) -> Iterator[Lumisection]:
    """Real lumisections of a parquet table, or endless generated ones if there is none."""
    return endless(seed, good_only) if table is None else from_oms(table, good_only=good_only)


def endless(seed: int, good_only: bool) -> Iterator[Lumisection]:
    """Fill after fill of generated conditions, shorter than real ones so that a watcher sees some.

    ``good_only`` leaves those with stable beams.
    """
    fills = generate(np.random.default_rng([seed, 3]), fills=ENDLESS_FILLS, stable=FILL_LUMISECTIONS)
    return (lumisection for lumisection in fills if lumisection[1].beams_stable or not good_only)


def batches_of(lumisections: Iterable[SimulatedLumisection]) -> Iterator[HistogramBatch]:
    """All their batches, in order."""
    for lumisection in lumisections:
        yield from lumisection.batches


def _end(skip: int, limit: int | None) -> int | None:
    return None if limit is None else skip + limit


def _planned(
    lumisections: Iterator[Lumisection],
    faults: int,
    seed: int,
    plan: Callable[[np.random.Generator, Sequence[Lumisection], int], list[PlannedFault]],
    write: Callable[[Sequence[PlannedFault]], None] | None,
) -> Iterator[tuple[list[Lumisection], list[PlannedFault]]]:
    """Lumisections, 300 at a time, with the faults planned for them; ``write`` is given all that are known so far."""
    rng = np.random.default_rng([seed, 1])
    planned_so_far: list[PlannedFault] = []
    while chunk := list(islice(lumisections, PLAN_LUMISECTIONS)):
        usable = [lumisection for lumisection in chunk if lumisection[1].beams_stable is not False]
        count = min(faults, len(usable) // 2)
        planned = plan(rng, usable, count) if count else []
        planned_so_far += planned
        if write is not None:
            write(planned_so_far)
        yield chunk, planned
