"""The decision of a policy for a week: which replicas are deleted and which copies made; and the rules it must keep."""

from dataclasses import dataclass, replace

import numpy as np

from opint.placement.budget import Budget, room
from opint.placement.replicas import Replicas
from opint.placement.sites import PlacementError
from streams.arrays import Indices, Mask

SLACK_BYTES = 1.0
"""Tolerance of sums of sizes in bytes."""


@dataclass(frozen=True, eq=False)
class Decision:
    """``delete`` (m,) flags replicas to delete; copies of ``copy_dataset`` (c,) are made at ``copy_rse`` (c,)."""

    delete: Mask
    copy_dataset: Indices
    copy_rse: Indices


def apply_decision(decision: Decision, replicas: Replicas) -> Replicas:
    """The replicas after the decision; copies come last, in order."""
    stay = ~decision.delete
    copies = len(decision.copy_dataset)
    return replace(
        replicas,
        dataset=np.concatenate([replicas.dataset[stay], decision.copy_dataset]),
        rse=np.concatenate([replicas.rse[stay], decision.copy_rse]),
        locked=np.concatenate([replicas.locked[stay], np.zeros(copies, dtype=np.bool_)]),
        rule=(*(rule for rule, kept in zip(replicas.rule, stay, strict=True) if kept), *[""] * copies),
    )


def check_decision(decision: Decision, replicas: Replicas, budget: Budget) -> None:
    """Raise PlacementError if a decision breaks a rule that holds for every decision."""
    gone = decision.delete
    _refuse(replicas, gone & ~replicas.on_disk, "lies on tape")
    _refuse(replicas, gone & replicas.locked, "is locked")
    stay = np.bincount(replicas.dataset[~gone], minlength=len(replicas.names)) > 0
    _refuse(replicas, gone & ~stay[replicas.dataset], "is the last one")
    after = apply_decision(decision, replicas)
    held = after.dataset * len(after.rses) + after.rse
    if len(np.unique(held)) < len(held):
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
