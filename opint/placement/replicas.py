"""Replicas: which datasets lie at which storage elements."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from opint.placement.sites import Rse, StorageKind, regions
from streams.arrays import Days, Float64, Indices, Mask


@dataclass(frozen=True, eq=False)
class Replicas:
    """m replicas of n datasets at s RSEs.

    ``size_bytes`` (n,) is NaN where not known; ``last_read`` (n,) is the day in datetime64[D], NaT where nobody is
    known to have read a dataset. ``dataset`` and ``rse`` (m,) are rows of ``names`` and ``rses``. ``locked`` (m,)
    replicas must stay. ``rule`` has m identifiers of the Rucio rules that hold them, empty where not known.
    """

    rses: tuple[Rse, ...]
    names: tuple[str, ...]
    size_bytes: Float64
    last_read: Days
    dataset: Indices
    rse: Indices
    locked: Mask
    rule: tuple[str, ...]

    @cached_property
    def is_disk(self) -> Mask:
        """(s,): which RSEs are disk."""
        return np.array([rse.kind is StorageKind.DISK for rse in self.rses], dtype=np.bool_)

    @cached_property
    def regions(self) -> tuple[str, ...]:
        """Of the disk RSEs, sorted."""
        return regions(self.rses)

    @cached_property
    def region(self) -> Indices:
        """(s,): row of ``regions`` of each disk RSE, -1 of tape."""
        place = {name: row for row, name in enumerate(self.regions)}
        return np.array([place[rse.region] if rse.kind is StorageKind.DISK else -1 for rse in self.rses], dtype=np.intp)

    @cached_property
    def on_disk(self) -> Mask:
        """(m,): which replicas lie on disk."""
        on_disk: Mask = self.is_disk[self.rse]
        return on_disk

    @cached_property
    def archived(self) -> Mask:
        """(n,): which datasets have a replica on tape."""
        archived = np.zeros(len(self.names), dtype=np.bool_)
        archived[self.dataset[~self.on_disk]] = True
        return archived

    @cached_property
    def disk_copies(self) -> Indices:
        """(n,): how many replicas on disk each dataset has."""
        return np.bincount(self.dataset[self.on_disk], minlength=len(self.names)).astype(np.intp)

    @cached_property
    def bytes(self) -> Float64:
        """(m,): size of each replica; 0 where not known."""
        return np.nan_to_num(self.size_bytes)[self.dataset]

    @cached_property
    def used_bytes(self) -> Float64:
        """(s,): what these replicas take of each RSE."""
        return np.bincount(self.rse, self.bytes, len(self.rses)).astype(np.float64)

    @cached_property
    def last_copy(self) -> Mask:
        """(m,): which replicas on disk stay because nothing else of their dataset is safe to stay.

        Of a dataset that is neither on tape nor locked anywhere it is the first replica.
        """
        kept = self.archived.copy()
        kept[self.dataset[self.locked]] = True
        rows = np.flatnonzero(self.on_disk & ~kept[self.dataset])
        last_copy = np.zeros(len(self.dataset), dtype=np.bool_)
        last_copy[rows[np.unique(self.dataset[rows], return_index=True)[1]]] = True
        return last_copy
