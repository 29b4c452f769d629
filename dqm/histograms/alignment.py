"""Reordering batches to the order of the expected catalogue.

Batches nearly always have the expected catalogue; then nothing is moved. Otherwise rows are found by name once
per catalogue, and the counts of each expected group are gathered into a full matrix with zeros for what is absent.
"""

from dataclasses import dataclass

import numpy as np

from dqm.core.quality import Reason
from streams.arrays import Float64, Indices, Mask, UInt8
from streams.records import Catalogue, Counts, HistogramBatch, MonitoringElement


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """How the rows of a batch's catalogue and of the expected one map to those of ``catalogue``, their union.

    ``expected`` (n,) are the places of the expected MEs in the union and ``batch`` (m,) those of the batch's.
    ``matches`` are pairs of rows (batch, expected) that are the same ME with the same axes; ``reasons`` (m,)
    says of the others why they are not judged. ``plain``: the batch has exactly the expected catalogue.
    """

    catalogue: Catalogue
    expected: Indices
    batch: Indices
    matches: tuple[Indices, Indices]
    reasons: UInt8
    plain: bool

    def gathered(self, batch: HistogramBatch, expected: Catalogue) -> tuple[list[Counts], "Presence"]:
        """Counts by expected group and what lies beside them, in expected order; zeros for what is absent."""
        if self.plain:
            present = np.ones(len(expected), dtype=np.bool_)
            return list(batch.counts), Presence(present, batch.flow, batch.entries)
        source, target = self.matches
        presence = Presence.nothing(len(expected))
        presence.present[target] = True
        presence.flow[target] = batch.flow[source]
        presence.entries[target] = batch.entries[source]
        counts = [_block(batch, source, target, block.start, block.stop, block.bins) for block in expected.blocks]
        return counts, presence


@dataclass(frozen=True, slots=True, eq=False)
class Presence:
    """Which of the expected MEs are present (n,), and their flow (n, 2) and entries (n,)."""

    present: Mask
    flow: Float64
    entries: Float64

    @classmethod
    def nothing(cls, n: int) -> "Presence":
        """No ME is present."""
        return cls(np.zeros(n, dtype=np.bool_), np.zeros((n, 2)), np.zeros(n))


def align(catalogue: Catalogue, expected: Catalogue) -> Alignment:
    """Compare two catalogues."""
    if catalogue is expected or catalogue.digest == expected.digest:
        rows = np.arange(len(expected))
        return Alignment(expected, rows, rows, (rows, rows), np.zeros(len(rows), dtype=np.uint8), True)
    reasons = np.array([_reason(me, expected) for me in catalogue.elements], dtype=np.uint8)
    unknown = [me for me, reason in zip(catalogue.elements, reasons, strict=True) if reason == Reason.NO_MODEL]
    union = Catalogue.of([*expected.elements, *unknown]) if unknown else expected
    same = np.flatnonzero(reasons == Reason.CONSISTENT)
    return Alignment(
        union,
        _places(union, expected),
        _places(union, catalogue),
        (same, np.array([expected.index[catalogue.names[row]] for row in same], dtype=np.intp)),
        reasons,
        False,
    )


def _reason(me: MonitoringElement, expected: Catalogue) -> Reason:
    if me.name not in expected.index:
        return Reason.NO_MODEL
    expected_me = expected.elements[expected.index[me.name]]
    same = len(me.axes) == len(expected_me.axes) and all(
        (a.bins, a.lower, a.upper, a.edges, a.categories) == (b.bins, b.lower, b.upper, b.edges, b.categories)
        for a, b in zip(me.axes, expected_me.axes, strict=True)
    )
    return Reason.CONSISTENT if same else Reason.WRONG_SHAPE


def _places(union: Catalogue, part: Catalogue) -> Indices:
    return np.array([union.index[name] for name in part.names], dtype=np.intp)


def _block(batch: HistogramBatch, source: Indices, target: Indices, start: int, stop: int, bins: int) -> Counts:
    """The counts of expected rows ``start:stop``; equal shapes lie in one block of the batch."""
    here = (target >= start) & (target < stop)
    dtype = batch.counts[0].dtype if batch.counts else np.dtype(np.float32)
    rows = source[here]
    if not len(rows):
        return np.zeros((stop - start, bins), dtype=dtype)
    for block, counts in zip(batch.catalogue.blocks, batch.counts, strict=True):
        if block.start <= rows[0] < block.stop:
            gathered: Counts = np.zeros((stop - start, bins), dtype=counts.dtype)
            gathered[target[here] - start] = counts[rows - block.start]
            return gathered
    raise ValueError(f"row {rows[0]} lies in no block of its catalogue")
