"""Take options one after the other, those that save most for a byte first, as long as there is room."""

import heapq

import numpy as np

from opint.placement.problem import Problem
from opint.placement.replicas import Flags


def choose(problem: Problem) -> Flags:
    """Options (q,) that are held.

    What an option saves falls when others of its dataset are taken, and never rises: one whose turn comes too early is
    put back with what it saves by then (M. Minoux, 1978).
    """
    chosen = problem.forced.copy()
    room = problem.room - np.bincount(problem.rse[chosen], problem.bytes[chosen], len(problem.room))
    network = problem.network
    everywhere, by_region = problem.held(chosen)
    size = np.maximum(problem.bytes, 1.0)
    first = (problem.marginal(chosen) - problem.cost) / size
    queue = [(-float(first[row]), int(row)) for row in np.flatnonzero(~chosen & (first > 0))]
    heapq.heapify(queue)
    while queue:
        queued, row = heapq.heappop(queue)
        dataset, region, rse, needed = problem.dataset[row], problem.region[row], problem.rse[row], problem.bytes[row]
        copied = needed if problem.is_copy[row] else 0.0
        if needed > room[rse] or copied > network or everywhere[dataset] >= problem.most[dataset]:
            continue
        saved = problem.anywhere[dataset] if everywhere[dataset] == 0 else 0.0
        saved += problem.local[dataset, region] if by_region[dataset, region] == 0 else 0.0
        now = float((saved - problem.cost[row]) / size[row])
        if now < -queued:
            if now > 0:
                heapq.heappush(queue, (-now, row))
            continue
        chosen[row] = True
        everywhere[dataset] += 1
        by_region[dataset, region] += 1
        room[rse] -= needed
        network -= copied
    return chosen
