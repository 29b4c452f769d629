"""Placement policies: what each deletes and copies before the next week, decided from the same input.

``forecast`` is the plan that nightshift suggests; the others are what it is compared with: the same plan made by
persistence, LRU deletion, and keeping everything.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from opint.placement.decision import Budget, PlacementDecision, Prices, room
from opint.placement.demand import expected_demand
from opint.placement.problem import build
from opint.placement.replicas import Replicas
from opint.placement.solve import solve, to_decision
from opint.popularity.history import History, Label
from streams.arrays import Float64, Mask


@dataclass(frozen=True, eq=False)
class PolicyInput:
    """What every policy knows at the end of the last week of ``history``, whose datasets are those of ``replicas``.

    ``probability`` (n,) is that of being popular next week, ``share`` (n, R) the share of each region in the reads.
    """

    history: History
    replicas: Replicas
    label: Label
    probability: Float64
    share: Float64
    budget: Budget
    prices: Prices

    @property
    def week(self) -> int:
        """The last week that is known."""
        return self.history.shape[1] - 1


Policy = Callable[[PolicyInput], PlacementDecision]
"""Decides what is deleted and copied before the next week; deterministic."""


def follow_forecast(policy_input: PolicyInput) -> PlacementDecision:
    """The plan that saves most of the forecast reads, for its price and within the budget."""
    demand = expected_demand(policy_input.history, policy_input.label, policy_input.probability, policy_input.share)
    problem = build(policy_input.replicas, demand, policy_input.budget, policy_input.prices)
    return to_decision(problem, solve(problem).chosen, len(policy_input.replicas.dataset))


def follow_persistence(policy_input: PolicyInput) -> PlacementDecision:
    """The plan without a model: what was popular last week is popular next week, and nothing else is."""
    popular = policy_input.label.holds(policy_input.history.measures[policy_input.label.measure][:, policy_input.week])
    return follow_forecast(replace(policy_input, probability=popular.astype(np.float64)))


def keep_everything(policy_input: PolicyInput) -> PlacementDecision:
    """Delete nothing; copy what is on no disk to the disks with most room, new datasets first."""
    replicas = policy_input.replicas
    free = np.where(replicas.is_disk, room(replicas, policy_input.budget) - replicas.used_bytes, 0.0)
    network = policy_input.budget.network_bytes
    missing = np.flatnonzero(
        policy_input.history.exists[:, policy_input.week] & replicas.archived & (replicas.disk_copies == 0)
    )
    copies_made = []
    for dataset in missing[np.argsort(-policy_input.history.known_since[missing], kind="stable")]:
        size, target = replicas.size_bytes[dataset], int(np.argmax(free))
        if size <= min(free[target], network):
            free[target] -= size
            network -= size
            copies_made.append((dataset, target))
    copies = np.array(copies_made, dtype=np.intp).reshape(-1, 2)
    return PlacementDecision(np.zeros(len(replicas.dataset), dtype=np.bool_), copies[:, 0], copies[:, 1])


def delete_least_recently_used(policy_input: PolicyInput) -> PlacementDecision:
    """Copy what is new or was popular last week, most reads first; what was read least recently makes room for it.

    Of all disks the one is taken whose data have been unread for longest, as if there were one list for all of them.
    """
    replicas, week = policy_input.replicas, policy_input.week
    reads = policy_input.history.measures["naccess"][:, week]
    is_new = policy_input.history.known_since == week
    popular = policy_input.label.holds(policy_input.history.measures[policy_input.label.measure][:, week])
    needed = np.flatnonzero((is_new | popular) & replicas.archived & (replicas.disk_copies == 0))
    used = _last_used(policy_input)
    delete = np.zeros(len(replicas.dataset), dtype=np.bool_)
    free = np.where(replicas.is_disk, room(replicas, policy_input.budget) - replicas.used_bytes, 0.0)
    queues = _deletion_queues(replicas, used)
    network = policy_input.budget.network_bytes
    copies_made = []
    for dataset in needed[np.argsort(-reads[needed], kind="stable")]:
        size = replicas.size_bytes[dataset]
        if not size <= network:
            continue
        target = int(np.argmax(free))
        if size > free[target]:
            target = _least_recent_rse(queues, free, size, replicas.bytes, used[replicas.dataset], used[dataset])
            if target < 0:
                continue
            _make_room(queues[target], free, target, size, replicas.bytes, delete)
        free[target] -= size
        network -= size
        copies_made.append((dataset, target))
    copies = np.array(copies_made, dtype=np.intp).reshape(-1, 2)
    return PlacementDecision(delete, copies[:, 0], copies[:, 1])


def _last_used(policy_input: PolicyInput) -> Float64:
    """Week (n,) in which each dataset was read last or, before that, came; a read of this week is ``week``."""
    first = np.datetime64(policy_input.history.first_day)
    weeks = (policy_input.replicas.last_read - first).astype(np.float64) / 7
    weeks[np.isnat(policy_input.replicas.last_read)] = -np.inf
    last_used: Float64 = np.maximum(weeks, policy_input.history.known_since)
    return last_used


def _deletion_queues(replicas: Replicas, used: Float64) -> list[deque[int]]:
    """The replicas that may be deleted, by RSE, least recently used first."""
    movable = np.flatnonzero(replicas.on_disk & ~replicas.locked & ~replicas.last_copy & (replicas.bytes > 0))
    order = movable[np.argsort(used[replicas.dataset[movable]], kind="stable")]
    queues: list[deque[int]] = [deque() for _ in replicas.rses]
    for row in order:
        queues[replicas.rse[row]].append(int(row))
    return queues


def _least_recent_rse(
    queues: list[deque[int]], free: Float64, size: float, sizes: Float64, used: Float64, before: float
) -> int:
    """The RSE that can make room with the least recently used replicas; -1 if all need one used since ``before``."""
    best, oldest = -1, before
    for rse, queue in enumerate(queues):
        available = free[rse]
        for row in queue:
            if available >= size or used[row] >= oldest:
                break
            available += sizes[row]
            if available >= size:
                best, oldest = rse, used[row]
    return best


def _make_room(queue: deque[int], free: Float64, rse: int, size: float, sizes: Float64, delete: Mask) -> None:
    while free[rse] < size:
        row = queue.popleft()
        delete[row] = True
        free[rse] += sizes[row]


POLICIES: Mapping[str, Policy] = {
    "keep_everything": keep_everything,
    "lru": delete_least_recently_used,
    "persistence": follow_persistence,
    "forecast": follow_forecast,
}
"""By name; nightshift suggests the last."""
