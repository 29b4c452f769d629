"""What a policy decides for a week: replicas deleted and copies made, at which prices, and within which budget."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from opint.placement.replicas import Replicas
from opint.placement.sites import TB, PlacementError
from streams.arrays import Float64, Indices, Mask


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one week.

    At most ``network_bytes`` are copied, and at most ``most_copies`` replicas of a dataset lie on disk. Replicas take
    at most ``rse_bytes`` of the RSEs named there; at other RSEs they may use all that is free or already theirs.
    """

    network_bytes: float
    most_copies: int = 3
    rse_bytes: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the ranges of all values."""
        if not (math.isfinite(self.network_bytes) and self.network_bytes >= 0):
            raise PlacementError(f"network budget is {self.network_bytes} bytes; it must be finite and at least 0")
        if self.most_copies < 1:
            raise PlacementError(f"most copies is {self.most_copies}; it must be at least 1")
        for name, limit in self.rse_bytes.items():
            if not (math.isfinite(limit) and limit >= 0):
                raise PlacementError(f"budget of RSE {name} is {limit} bytes; it must be finite and at least 0")


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices in reads: a cold read, whose dataset is on no disk, counts 1, a remote read counts ``remote``.

    Holding a TB (1e12 bytes) on disk for a week costs ``storage`` reads, copying it ``transfer``, and every copy
    ``each``: somebody has to approve and follow it, however small it is. A copy is made once and read for longer, so
    the cost of making it is spread over ``weeks``.
    """

    remote: float = 0.1
    storage: float = 0.01
    transfer: float = 0.1
    each: float = 1.0
    weeks: float = 4.0

    def __post_init__(self) -> None:
        """Check the ranges of all values."""
        if not 0 <= self.remote <= 1:
            raise PlacementError(f"price of a remote read is {self.remote}; it must be 0 to 1 cold reads")
        for name in ("storage", "transfer", "each"):
            price = getattr(self, name)
            if not (math.isfinite(price) and price >= 0):
                raise PlacementError(f"price of {name} is {price} reads; it must be finite and at least 0")
        if not (math.isfinite(self.weeks) and self.weeks >= 1):
            raise PlacementError(f"a copy is of use for {self.weeks} weeks; it must be finite and at least 1")

    def of_copy(self, size: Float64) -> Float64:
        """Cost in reads per week of making and holding copies of these sizes in bytes."""
        reads: Float64 = size / TB * self.storage + (size / TB * self.transfer + self.each) / self.weeks
        return reads


def room(replicas: Replicas, budget: Budget) -> Float64:
    """Bytes (s,) that replicas may take at each RSE; 0 on tape, where nothing is planned.

    Raises:
        PlacementError: the budget names an RSE that is unknown or tape.
    """
    row_of_rse = {rse.name: row for row, rse in enumerate(replicas.rses)}
    free = np.array([rse.free_bytes for rse in replicas.rses], dtype=np.float64)
    limits = np.where(replicas.is_disk, free + replicas.used_bytes, 0.0)
    for name, limit in budget.rse_bytes.items():
        row = row_of_rse.get(name, -1)
        if row < 0 or not replicas.is_disk[row]:
            raise PlacementError(f"budget names RSE {name}, which is no known disk; name one of the sites, or leave it")
        limits[row] = min(limits[row], limit)
    return limits


SLACK_BYTES = 1.0
"""Tolerance of sums of sizes in bytes."""


@dataclass(frozen=True, eq=False)
class PlacementDecision:
    """``delete`` (m,) flags replicas to delete; copies of ``copy_dataset`` (c,) are made at ``copy_rse`` (c,)."""

    delete: Mask
    copy_dataset: Indices
    copy_rse: Indices


def apply_decision(decision: PlacementDecision, replicas: Replicas) -> Replicas:
    """The replicas after the decision; copies come last, in order."""
    stay = ~decision.delete
    copies = len(decision.copy_dataset)
    return replace(
        replicas,
        dataset=np.concatenate([replicas.dataset[stay], decision.copy_dataset]),
        rse=np.concatenate([replicas.rse[stay], decision.copy_rse]),
        locked=np.concatenate([replicas.locked[stay], np.zeros(copies, dtype=np.bool_)]),
        rule=(*(rule for rule, stays in zip(replicas.rule, stay, strict=True) if stays), *[""] * copies),
    )


def check_decision(decision: PlacementDecision, replicas: Replicas, budget: Budget) -> None:
    """Raise PlacementError if a decision breaks a rule that holds for every decision."""
    gone = decision.delete
    _refuse(replicas, gone & ~replicas.on_disk, "lies on tape")
    _refuse(replicas, gone & replicas.locked, "is locked")
    stay = np.bincount(replicas.dataset[~gone], minlength=len(replicas.names)) > 0
    _refuse(replicas, gone & ~stay[replicas.dataset], "is the last one")
    after = apply_decision(decision, replicas)
    place = after.dataset * len(after.rses) + after.rse
    if len(np.unique(place)) < len(place):
        raise PlacementError("a copy is made where there is one already")
    if not replicas.is_disk[decision.copy_rse].all():
        raise PlacementError("a copy is made to tape")
    copied = float(replicas.size_bytes[decision.copy_dataset].sum())
    if not copied <= budget.network_bytes + SLACK_BYTES:
        raise PlacementError(f"{copied:.4g} bytes are copied; the network has {budget.network_bytes:.4g} a week")
    over = np.flatnonzero(
        replicas.is_disk & (after.used_bytes > np.maximum(room(replicas, budget), replicas.used_bytes) + SLACK_BYTES)
    )
    if len(over):
        name = replicas.rses[over[0]].name
        raise PlacementError(f"RSE {name} would hold {after.used_bytes[over[0]]:.4g} bytes, more than it has room for")
    grown = after.disk_copies[decision.copy_dataset] > budget.most_copies
    if grown.any():
        name = replicas.names[decision.copy_dataset[int(np.argmax(grown))]]
        raise PlacementError(f"{name} would have more than {budget.most_copies} replicas on disk")


def _refuse(replicas: Replicas, wrong: Mask, why: str) -> None:
    if wrong.any():
        row = int(np.argmax(wrong))
        name, rse = replicas.names[replicas.dataset[row]], replicas.rses[replicas.rse[row]].name
        raise PlacementError(f"replica of {name} at {rse} would be deleted, but {why}")
