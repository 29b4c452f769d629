"""The optimisation problem of a plan: which replicas to hold next week.

Every replica on disk may be kept, and some copies may be made: these are the options. A dataset with a replica on any
disk saves its expected reads from being cold, and one in a region saves the reads of that region from being remote.
Each option has its price.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from opint.placement.decision import Budget, Prices, room
from opint.placement.demand import Demand
from opint.placement.replicas import Replicas
from opint.placement.sites import TB
from streams.arrays import Float64, Indices, Mask

OFFERED = 4.0
"""Copies are offered in order of the reads saved per byte, up to this multiple of the network budget."""


@dataclass(frozen=True, eq=False)
class PlacementProblem:
    """q options of holding a replica, of n datasets at s RSEs in R regions.

    ``dataset``, ``rse`` and ``region`` (q,) identify an option; ``bytes`` (q,) is its size, ``cost`` (q,) its price.
    Of the options the first are replicas (rows in ``replica``, -1 of a copy); ``forced`` (q,) must be held.
    ``anywhere`` (n,) reads are saved by any replica, ``local`` (n, R) by one in the region. ``room`` (s,) and
    ``network`` are in bytes, ``most`` (n,) in replicas.
    """

    dataset: Indices
    rse: Indices
    region: Indices
    bytes: Float64
    cost: Float64
    replica: Indices
    forced: Mask
    anywhere: Float64
    local: Float64
    room: Float64
    network: float
    most: Indices

    @cached_property
    def is_copy(self) -> Mask:
        """Which options are copies (q,)."""
        is_copy: Mask = self.replica < 0
        return is_copy

    def replica_counts(self, chosen: Mask) -> tuple[Indices, Indices]:
        """Number of ``chosen`` options (q,) of each dataset (n,), and by region (n, R)."""
        n, regions = self.local.shape
        everywhere = np.bincount(self.dataset[chosen], minlength=n)
        cell = self.dataset[chosen] * regions + self.region[chosen]
        return everywhere, np.bincount(cell, minlength=n * regions).reshape(n, regions)

    def value(self, chosen: Mask) -> float:
        """Reads saved by the ``chosen`` options (q,), less their prices."""
        everywhere, by_region = self.replica_counts(chosen)
        saved = self.anywhere[everywhere > 0].sum() + self.local[by_region > 0].sum()
        return float(saved - self.cost[chosen].sum())

    def marginal(self, chosen: Mask) -> Float64:
        """Reads (q,) that each option saves in addition to the other ``chosen`` options, without its price."""
        everywhere, by_region = self.replica_counts(chosen)
        other_copies = everywhere[self.dataset] - chosen
        others_here = by_region[self.dataset, self.region] - chosen
        local = self.local[self.dataset, self.region]
        saved: Float64 = np.where(other_copies == 0, self.anywhere[self.dataset], 0.0) + np.where(
            others_here == 0, local, 0
        )
        return saved


def build(replicas: Replicas, demand: Demand, budget: Budget, prices: Prices) -> PlacementProblem:
    """The problem for these replicas and this demand, which have the same names.

    Raises:
        PlacementError: the budget names an unknown RSE.
        ValueError: the regions of the demand are not those of the disks.
    """
    if demand.share.shape != (len(replicas.names), len(replicas.regions)):
        expected = f"{len(replicas.names)} datasets and {len(replicas.regions)} regions of disk"
        raise ValueError(f"demand has shares of shape {demand.share.shape}; there are {expected}")
    present = np.flatnonzero(replicas.on_disk)
    sized = np.isfinite(replicas.size_bytes)
    forced = (replicas.locked | replicas.last_copy | ~sized[replicas.dataset])[present]
    anywhere = demand.reads * (1 - prices.remote)
    local = demand.reads[:, None] * prices.remote * demand.share
    space = room(replicas, budget)
    holding = np.bincount(replicas.rse[present][forced], replicas.bytes[present][forced], len(replicas.rses))
    dataset, rse = _offers(replicas, anywhere, local, space, budget, prices)
    sizes = np.concatenate([replicas.bytes[present], replicas.size_bytes[dataset]])
    cost = np.concatenate([replicas.bytes[present] / TB * prices.storage, prices.of_copy(replicas.size_bytes[dataset])])
    datasets = np.concatenate([replicas.dataset[present], dataset])
    must = np.concatenate([forced, np.zeros(len(dataset), dtype=np.bool_)])
    rses = np.concatenate([replicas.rse[present], rse])
    forced_copies = np.bincount(datasets[must], minlength=len(replicas.names))
    return PlacementProblem(
        datasets,
        rses,
        replicas.region[rses],
        sizes,
        cost,
        np.concatenate([present, np.full(len(dataset), -1, dtype=np.intp)]),
        must,
        anywhere,
        local,
        # What must stay may already be more than a budget that was lowered.
        np.maximum(space, holding),
        budget.network_bytes,
        np.maximum(budget.most_copies, forced_copies).astype(np.intp),
    )


def _offers(
    replicas: Replicas, anywhere: Float64, local: Float64, space: Float64, budget: Budget, prices: Prices
) -> tuple[Indices, Indices]:
    """Datasets (c,) worth a copy, and an RSE (c,) in a region without one for each; the best first."""
    present = np.flatnonzero(replicas.on_disk)
    here = np.zeros(local.shape, dtype=np.bool_)
    here[replicas.dataset[present], replicas.region[replicas.rse[present]]] = True
    largest = np.full(len(replicas.regions), -1.0)
    np.maximum.at(largest, replicas.region[replicas.is_disk], space[replicas.is_disk])
    copies = replicas.disk_copies
    size = replicas.size_bytes
    possible = (size <= budget.network_bytes) & (replicas.archived | (copies > 0)) & (copies < budget.most_copies)
    net = np.where(copies == 0, anywhere, 0)[:, None] + local - prices.of_copy(size)[:, None]
    offered = possible[:, None] & ~here & (net > 0) & (size[:, None] <= largest)
    dataset, region = np.nonzero(offered)
    density = net[offered] / np.maximum(size[dataset], 1.0)
    order = np.argsort(-density, kind="stable")
    order = order[np.cumsum(size[dataset[order]]) - size[dataset[order]] <= OFFERED * budget.network_bytes]
    least = density[order[-1]] if len(order) else 0.0
    worth = anywhere[replicas.dataset[present]] / np.maximum(replicas.bytes[present], 1.0) > least
    better = np.bincount(replicas.rse[present][worth], replicas.bytes[present][worth], len(replicas.rses))
    dataset, region = dataset[order], region[order]
    return dataset, _spread(replicas, size[dataset], region, space - better, space)


def _spread(replicas: Replicas, size: Float64, region: Indices, remaining: Float64, space: Float64) -> Indices:
    """An RSE (c,) for each of these copies, in order: the RSE of its region with most room left."""
    remaining = remaining.copy()
    of_region = [np.flatnonzero(replicas.region == row) for row in range(len(replicas.regions))]
    targets = np.empty(len(size), dtype=np.intp)
    for row, (size_bytes, where) in enumerate(zip(size, region, strict=True)):
        rses = of_region[where]
        target = rses[np.argmax(np.where(space[rses] >= size_bytes, remaining[rses], -np.inf))]
        remaining[target] -= size_bytes
        targets[row] = target
    return targets
