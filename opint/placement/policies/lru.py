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


def decide(situation: Situation) -> Decision:
    """Copies of what was popular in the last week or is new, those with most reads first."""
    replicas, week = situation.replicas, situation.week
    reads = situation.history.measures["naccess"][:, week]
    is_new = situation.history.known_since == week
    popular = situation.label.holds(situation.history.measures[situation.label.measure][:, week])
    wanted = np.flatnonzero((is_new | popular) & replicas.archived & (replicas.disk_copies == 0))
    used = _last_used(situation)
    delete = np.zeros(len(replicas.dataset), dtype=np.bool_)
    free = np.where(replicas.is_disk, room(replicas, situation.budget) - replicas.used_bytes, 0.0)
    queues = _queues(replicas, used)
    network = situation.budget.network_bytes
    made = []
    for dataset in wanted[np.argsort(-reads[wanted], kind="stable")]:
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


def _last_used(situation: Situation) -> Float64:
    """Week (n,) in which each dataset was read last or, before that, came; a read of this week is ``week``."""
    first = np.datetime64(situation.history.first_day)
    weeks = (situation.replicas.last_read - first).astype(np.float64) / 7
    weeks[np.isnat(situation.replicas.last_read)] = -np.inf
    found: Float64 = np.maximum(weeks, situation.history.known_since)
    return found


def _queues(replicas: Replicas, used: Float64) -> list[deque[int]]:
    """By RSE the replicas that may go, least recently used first."""
    movable = np.flatnonzero(replicas.on_disk & ~replicas.locked & ~replicas.last_copy & (replicas.bytes > 0))
    order = movable[np.argsort(used[replicas.dataset[movable]], kind="stable")]
    found: list[deque[int]] = [deque() for _ in replicas.rses]
    for row in order:
        found[replicas.rse[row]].append(int(row))
    return found


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
