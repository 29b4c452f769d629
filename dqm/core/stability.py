"""Whether a histogram that moved away from its reference has stayed where it went.

Departures from the reference are compared as differences of root shares, of which a histogram of N counts has the
variance 1 / 4N in each bin by counting alone (M. S. Bartlett, J. R. Stat. Soc. Suppl. 3 (1936) 68).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streams.arrays import Float64

LEAST_LUMISECTIONS = 5
LEAST_RUNS = 3
"""Whole runs, of which each is a measurement of its own, are few."""
SAME = 0.1
"""A departure is the same as the present one if it differs by less than this share of its square ..."""
WHOLE = 0.1
"""... and the histogram moved as a whole if this share of its bins, or more, take part."""


@dataclass(frozen=True, slots=True)
class StableState:
    """The last ``length`` of some histograms in order of time lie at the same place away from their references.

    ``moved`` says that it moved as a whole: most of the departure is not in a few bins.
    """

    length: int
    moved: bool


def stable_state(counts: Sequence[Float64], references: Sequence[Float64], least: int) -> StableState | None:
    """What the newest ``least`` histograms agree on, and for how long it has been so; None if they do not.

    ``counts`` and ``references`` are (bins,) each, oldest first; a reference is scaled in any way.
    """
    if len(counts) < least or any(not (0 < total < np.inf) for total in map(np.sum, [*counts, *references])):
        return None
    away = np.array(
        [_roots(histogram) - _roots(expected) for histogram, expected in zip(counts, references, strict=True)]
    )
    chance = away.shape[1] / (4.0 * np.array([histogram.sum() for histogram in counts]))
    present = away[-least:].mean(axis=0)
    size = float(present @ present) - float(chance[-least:].mean()) / least
    if size <= float(chance[-least:].mean()):
        return None
    apart = ((away - present) ** 2).sum(axis=1) - chance
    same = apart <= SAME * size
    if not same[-least:].all():
        return None
    length = len(same) if same.all() else int(np.argmin(same[::-1]))
    part = float((present**2).sum() ** 2 / (present**4).sum()) / len(present)
    return StableState(length, part >= WHOLE)


def _roots(counts: Float64) -> Float64:
    roots: Float64 = np.sqrt(np.maximum(counts, 0.0) / counts.sum())
    return roots
