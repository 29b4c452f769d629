"""LRU deletion: what is new or has become popular comes to disk; what was read least recently makes room for it.

Of all disks that one is taken whose data have been unread for longest, as if there were one list for all of them.
"""

from collections import deque

import numpy as np

from opint.placement.budget import room
from opint.placement.decision import Decision
from opint.placement.policies.situation import Situation
from opint.placement.replicas import Flags, Replicas
from opint.popularity.history import Float64


def decide(policy_input: Situation) -> Decision:
    """Copies of what was popular in the last week or is new, those with most reads first."""
    replicas, week = policy_input.replicas, policy_input.week
    reads = policy_input.history.measures["naccess"][:, week]
    is_new = policy_input.history.known_since == week
    popular = policy_input.label.holds(policy_input.history.measures[policy_input.label.measure][:, week])
    needed = np.flatnonzero((is_new | popular) & replicas.archived & (replicas.disk_copies == 0))
    used = _last_used(policy_input)
    delete = np.zeros(len(replicas.dataset), dtype=np.bool_)
    free = np.where(replicas.is_disk, room(replicas, policy_input.budget) - replicas.used_bytes, 0.0)
    queues = _queues(replicas, used)
    network = policy_input.budget.network_bytes
    made = []
    for dataset in needed[np.argsort(-reads[needed], kind="stable")]:
        size = replicas.size_bytes[dataset]
        if not size <= network:
            continue
        target = int(np.argmax(free))
        if size > free[target]:
            target = _oldest(queues, free, size, replicas.bytes, used[replicas.dataset], used[dataset])
            if target < 0:
                continue
            _make_room(queues[target], free, target, size, replicas.bytes, delete)
        free[target] -= size
        network -= size
        made.append((dataset, target))
    copies = np.array(made, dtype=np.intp).reshape(-1, 2)
    return Decision(delete, copies[:, 0], copies[:, 1])


def _last_used(policy_input: Situation) -> Float64:
    """Week (n,) in which each dataset was read last or, before that, came; a read of this week is ``week``."""
    first = np.datetime64(policy_input.history.first_day)
    weeks = (policy_input.replicas.last_read - first).astype(np.float64) / 7
    weeks[np.isnat(policy_input.replicas.last_read)] = -np.inf
    last_used: Float64 = np.maximum(weeks, policy_input.history.known_since)
    return last_used


def _queues(replicas: Replicas, used: Float64) -> list[deque[int]]:
    """By RSE the replicas that may go, least recently used first."""
    movable = np.flatnonzero(replicas.on_disk & ~replicas.locked & ~replicas.last_copy & (replicas.bytes > 0))
    order = movable[np.argsort(used[replicas.dataset[movable]], kind="stable")]
    queues: list[deque[int]] = [deque() for _ in replicas.rses]
    for row in order:
        queues[replicas.rse[row]].append(int(row))
    return queues


def _oldest(queues: list[deque[int]], free: Float64, size: float, held: Float64, used: Float64, before: float) -> int:
    """The RSE where the last replica that must go was used first; -1 if one used since ``before`` would have to."""
    best, oldest = -1, before
    for rse, queue in enumerate(queues):
        left = free[rse]
        for row in queue:
            if left >= size or used[row] >= oldest:
                break
            left += held[row]
            if left >= size:
                best, oldest = rse, used[row]
    return best


def _make_room(queue: deque[int], free: Float64, rse: int, size: float, held: Float64, delete: Flags) -> None:
    while free[rse] < size:
        row = queue.popleft()
        delete[row] = True
        free[rse] += held[row]
