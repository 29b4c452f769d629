"""A centre that follows the drift of the detector from run to run: of what certification and trigger rates measure.

A centre is k numbers of each of n monitoring elements. The largest of thousands of errors are those of the features
that moved most since training, so that a score calibrated last week says "unlikely" of everything today. Each run
therefore leaves what it differed from what is typical, and a later run is measured from where those before it lay.
What moves with time does not respond to pileup as it did, so that a line in pileup is followed, not a point. Each run
moves it as in Bayesian linear regression: the line before weighs as much as 64 of the lumisections that leave
something. It is fixed while a run lasts: a run is judged before it is learned from.

What a monitoring element's own scorers find unlikely is not learned from; nor is a run in which they found most so.
Residuals are kept as whole numbers, so that parts of a run may come in any order.

A run also leaves, for the references of later runs, sums of its counts, exact and free of order: every ``EVERY``-th
lumisection adds its histograms, those that are good with confidence to the *trusted* sums, the others to the
*held-back* ones. The reference chosen for a run is recorded.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from streams.arrays import Float32, Int64, Mask
from streams.records import Catalogue, Counts, LumisectionKey

MEMORY = 64.0
"""Lumisections, at pileups of unit variance, that the line before weighs as much as."""
LINE = 2
"""Numbers of a line: at the mean pileup, and per standard deviation of it."""

_STEPS = 2.0**20
"""Residuals are counted in steps of one over this part of the axis."""


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """What some lumisections leave of n MEs: ``lumisections`` (2, n) counts those trusted and those held back.

    Over those trusted: ``sums`` (n, k) of residuals in steps and ``leaning`` (n, k) of residuals in steps times
    pileup, which is in steps of 1/1024, ``pileup`` (2, n) of its first and second powers.
    """

    lumisections: Int64
    sums: Int64
    leaning: Int64
    pileup: Int64

    @classmethod
    def nothing(cls, elements: int, numbers: int) -> "Residuals":
        """Of no lumisection: n is ``elements``, k is ``numbers``."""
        shapes = (2, elements), (elements, numbers), (elements, numbers), (2, elements)
        return cls(*(np.zeros(shape, dtype=np.int64) for shape in shapes))

    @classmethod
    def of(cls, summaries: Float32, typical: Float32, pileup: float, p_values: Float32) -> "Residuals":
        """Of one lumisection at standardised ``pileup``.

        ``summaries`` and ``typical`` ones (n, k), ``p_values`` (n,), NaN: not inspected.
        """
        away = summaries - typical
        is_finite = np.isfinite(away).all(axis=1)
        with np.errstate(invalid="ignore"):
            lumisections = np.stack([is_finite & (p_values > TRUST_P), is_finite & (p_values <= TRUST_P)]).astype(
                np.int64
            )
        trusted = lumisections[TRUSTED]
        sums = np.where(trusted[:, None], np.rint(np.nan_to_num(away) * _STEPS), 0.0).astype(np.int64)
        at = round(pileup * PILEUP_STEPS)
        return cls(lumisections, sums, sums * at, np.stack([trusted * at, trusted * at**2]))

    def __add__(self, other: "Residuals") -> "Residuals":
        """Of the lumisections of both."""
        return Residuals(*(getattr(self, entry.name) + getattr(other, entry.name) for entry in fields(self)))

    def only(self, rows: Mask) -> "Residuals":
        """Of some MEs (n,), zero for the others."""
        return Residuals(
            self.lumisections * rows, self.sums * rows[:, None], self.leaning * rows[:, None], self.pileup * rows
        )


def initial_centre(elements: int, numbers: int) -> Float32:
    """The shift (2, n, k) of a model that has followed nothing yet."""
    return np.zeros((LINE, elements, numbers), dtype=np.float32)


def updated_centre(shift: Float32, run: Residuals) -> Float32:
    """The shift (2, n, k) of the centre after a run: shares of the axis, at the mean pileup and per deviation of it."""
    use = run.lumisections[TRUSTED] >= run.lumisections[HELD_BACK]
    count = MEMORY + np.where(use, run.lumisections[TRUSTED], 0)[:, None]
    first = np.where(use, run.pileup[0] / PILEUP_STEPS, 0.0)[:, None]
    second = MEMORY + np.where(use, run.pileup[1] / PILEUP_STEPS**2, 0.0)[:, None]
    at_mean = MEMORY * shift[0] + use[:, None] * run.sums / _STEPS
    per_deviation = MEMORY * shift[1] + use[:, None] * run.leaning / _STEPS / PILEUP_STEPS
    # The normal equations of two coefficients, solved by hand for all features at once.
    determinant = count * second - first**2
    middle = (second * at_mean - first * per_deviation) / determinant
    slope = (count * per_deviation - first * at_mean) / determinant
    return np.stack([middle, slope]).astype(np.float32)


EVERY = 8
"""Lumisections whose number this divides are added; a whole run has number 0."""
TRUST_P = 0.05
"""A histogram is good with confidence if its p-value is above this."""
PILEUP_STEPS = 1024
"""Standardised pileup is counted in steps of one over this."""
TRUSTED, HELD_BACK = 0, 1


@dataclass(frozen=True, slots=True, eq=False)
class RunSums:
    """Sums over histograms of n MEs with ``cells`` bins in all, in catalogue order; trusted ones, then held-back ones.

    ``counts`` (2, cells); ``leaning`` (2, n): counts times standardised pileup in steps; ``histograms`` (2, n).
    """

    counts: Int64
    leaning: Int64
    histograms: Int64

    @classmethod
    def nothing(cls, catalogue: Catalogue) -> "RunSums":
        """Sums over no histograms."""
        cells, n = cells_of(catalogue), len(catalogue)
        return cls(*(np.zeros((2, size), dtype=np.int64) for size in (cells, n, n)))

    def __add__(self, other: "RunSums") -> "RunSums":
        """Sums over the histograms of both."""
        return RunSums(self.counts + other.counts, self.leaning + other.leaning, self.histograms + other.histograms)

    def only(self, rows: Mask, catalogue: Catalogue) -> "RunSums":
        """The sums of some MEs (n,), zero for the others."""
        cells = np.concatenate([np.repeat(rows[block.start : block.stop], block.bins) for block in catalogue.blocks])
        return RunSums(self.counts * cells, self.leaning * rows, self.histograms * rows)


def cells_of(catalogue: Catalogue) -> int:
    """Bins of all MEs together."""
    return sum((block.stop - block.start) * block.bins for block in catalogue.blocks)


def is_sampled(key: LumisectionKey) -> bool:
    """Whether the lumisection adds to the sums."""
    return key.ls % EVERY == 0


def run_sums(counts: Sequence[Counts], p_values: Float32, pileup: float) -> RunSums:
    """Sums over the histograms of one lumisection: ``counts`` of each group, ``p_values`` (n,), NaN: not inspected."""
    whole = [np.rint(block).astype(np.int64) for block in counts]
    totals = np.concatenate([block.sum(axis=1) for block in whole])
    with np.errstate(invalid="ignore"):
        kinds = np.stack([p_values > TRUST_P, p_values <= TRUST_P]).astype(np.int64)
    widths = np.concatenate([np.full(len(block), block.shape[1]) for block in whole])
    flat = np.concatenate([block.ravel() for block in whole])
    steps = round(pileup * PILEUP_STEPS)
    return RunSums(flat * np.repeat(kinds, widths, axis=1), totals * steps * kinds, kinds)


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The reference of one subsystem in one run, of the n MEs of a subsystem.

    ``adaptive`` says which one judges, ``reason`` why. The template of all MEs: ``share`` and ``wander`` (cells,),
    ``size`` (n,), float32. ``usable`` (n,) are the MEs whose template judges, if any does; ``drift`` (n,) is the
    share of entries that lies elsewhere than in the frozen reference. ``newest_run`` is the last run followed, 0 if
    none was, ``runs`` how many were, ``pileup`` the standardised one of the newest.
    """

    adaptive: bool
    reason: str
    share: Float32
    wander: Float32
    size: Float32
    usable: Mask
    drift: Float32
    newest_run: int
    runs: int
    pileup: float


Earlier = Sequence[tuple[int, RunSums]]
"""Runs and their sums, in order of run number."""
