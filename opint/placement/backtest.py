"""Back-tests of policies on past weeks: cold and remote reads, and the disk and network used.

At the end of each week a policy decides from what was read until then; its copies exist when the next week begins. A
read is cold if its dataset lies on no disk, and remote if on none of the reader's region. In the week in which it is
made a dataset is read where it was made, which no policy changes, and goes to tape.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from opint.placement.decision import Budget, Prices, apply_decision, check_decision
from opint.placement.demand import region_shares
from opint.placement.policies import Policy, PolicyInput
from opint.placement.replicas import Replicas
from opint.placement.sites import TB
from opint.popularity.history import History, Label
from streams.arrays import Float64, Indices


@dataclass(frozen=True, eq=False)
class Scenario:
    """The part of the past that no policy changes.

    ``reads`` (n, R, T) are the reads by region of the disks. ``probability`` has for each week that is played the
    forecast (n,) for it, made at the end of the week before. ``replicas`` lie there before the first of these weeks;
    a dataset that is made later goes to the tape ``archive`` (n,), a row of the RSEs.
    """

    history: History
    reads: Float64
    replicas: Replicas
    archive: Indices
    probability: Mapping[int, Float64]
    label: Label
    budget: Budget
    prices: Prices


@dataclass(frozen=True, slots=True)
class WeekResult:
    """The result of one week: reads, and TB (1e12 bytes) on disk, copied and deleted."""

    week: int
    reads: float
    cold: float
    remote: float
    disk_tb: float
    copied_tb: float
    deleted_tb: float


@dataclass(frozen=True, slots=True)
class BacktestTotals:
    """Sums over the weeks; disk in TB × weeks."""

    reads: float
    cold: float
    remote: float
    disk_tb_weeks: float
    copied_tb: float
    deleted_tb: float


def play(world: Scenario, policy: Policy) -> Iterator[WeekResult]:
    """Run a policy through the scenario, week by week.

    Raises:
        PlacementError: the policy makes a forbidden decision.
    """
    replicas = world.replicas
    for week, probability in sorted(world.probability.items()):
        last_week = week - 1
        replicas = with_free_space(replicas)
        share = region_shares(world.reads[:, :, : last_week + 1].sum(axis=2))
        policy_input = PolicyInput(
            world.history.until(last_week), replicas, world.label, probability, share, world.budget, world.prices
        )
        decision = policy(policy_input)
        check_decision(decision, replicas, world.budget)
        after = apply_decision(decision, replicas)
        copied = replicas.size_bytes[decision.copy_dataset].sum()
        yield _week_result(world, week, after, float(copied), float(replicas.bytes[decision.delete].sum()))
        replicas = _end_of_week(world, week, after)


def add_up(weeks: Iterator[WeekResult]) -> BacktestTotals:
    """The sums over all weeks."""
    names = ("reads", "cold", "remote", "disk_tb", "copied_tb", "deleted_tb")
    rows = np.array([[getattr(week, name) for name in names] for week in weeks]).reshape(-1, len(names))
    return BacktestTotals(*(float(total) for total in rows.sum(axis=0)))


def with_free_space(replicas: Replicas) -> Replicas:
    """The same replicas at RSEs whose free space is the capacity that the replicas leave."""
    return replace(
        replicas,
        rses=tuple(
            replace(rse, free_bytes=int(max(0.0, rse.capacity_bytes - used)))
            for rse, used in zip(replicas.rses, replicas.used_bytes, strict=True)
        ),
    )


def _week_result(world: Scenario, week: int, after: Replicas, copied: float, deleted: float) -> WeekResult:
    exists = world.history.exists[:, week - 1]
    reads = world.reads[:, :, week] * exists[:, None]
    in_region = np.zeros(reads.shape, dtype=np.bool_)
    in_region[after.dataset[after.on_disk], after.region[after.rse[after.on_disk]]] = True
    on_disk = in_region.any(axis=1)
    return WeekResult(
        week,
        float(reads.sum()),
        float(reads[~on_disk].sum()),
        float(reads[on_disk][~in_region[on_disk]].sum()),
        float(after.bytes[after.on_disk].sum()) / TB,
        copied / TB,
        deleted / TB,
    )


def _end_of_week(world: Scenario, week: int, replicas: Replicas) -> Replicas:
    """The replicas with the new datasets on tape, and the last reads."""
    new = np.flatnonzero(world.history.known_since == week)
    read = world.history.measures["naccess"][:, week] > 0
    day = np.datetime64(world.history.weeks.start(week))
    return replace(
        replicas,
        dataset=np.concatenate([replicas.dataset, new]),
        rse=np.concatenate([replicas.rse, world.archive[new]]),
        locked=np.concatenate([replicas.locked, np.zeros(len(new), dtype=np.bool_)]),
        rule=(*replicas.rule, *[""] * len(new)),
        last_read=np.where(read, day, replicas.last_read),
    )
