"""Which reference a run is judged against: the frozen one of the model, or one that follows the runs before.

For every run the adaptive template takes one step from where it stood at the run before
(:mod:`dqm.histograms.references.adaptive`), whether it is used or not. It is used if it is recent, was learned at a
similar pileup and has the statistics; and for each ME only if it does not look like a fault beside the frozen
reference. All of it is a function of what is stored.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dqm.core.drift import HELD_BACK, PILEUP_STEPS, TRUSTED, Earlier, Reference, RunSums
from dqm.histograms.bundle import SubsystemModel
from dqm.histograms.group import Group
from dqm.histograms.references import frozen
from dqm.histograms.references.adaptive import KEEP, STANDS_OUT, AdaptiveTemplate, follow, stands_out
from dqm.histograms.references.modes import REACH
from dqm.histograms.scorers.base import Scorer
from dqm.histograms.scorers.kolmogorov import KolmogorovScorer
from streams.arrays import Float32, Float64, Mask
from streams.records import Block

RECENT = 500
"""A template whose newest run lies farther back, in run numbers, is not used."""
SIMILAR = 1.5
"""Nor one learned at a pileup farther away than this, in standard deviations of the training set."""
MOSTLY = 0.5
"""Nor one that has followed less than this share of the MEs."""

_PROBE = 400.0


def choose(
    model: SubsystemModel, previous: Reference | None, since: Earlier, before: Earlier, run: int, pileup: float
) -> Reference:
    """The reference for ``run``, which begins at standardised ``pileup``.

    ``previous`` is what was chosen for an earlier run; ``since`` are the runs after that choice, which the template
    now follows, and ``before`` the runs before those, which tell whether a change lasts.
    """
    reference = start(model) if previous is None else previous
    earlier = list(before)
    for number, sums in since:
        reference = _step(model, reference, number, sums, [run_sums for _, run_sums in earlier])
        earlier.append((number, sums))
    usable = reference.usable
    followed = float(usable.mean()) if len(usable) else 0.0
    adaptive, reason = _decision(reference, followed, run, pileup)
    return replace(reference, adaptive=adaptive, reason=reason)


def start(model: SubsystemModel) -> Reference:
    """The frozen reference as a template that has followed nothing."""
    share = _joined([group.reference.share for group in model.groups])
    n = len(model.catalogue)
    return Reference(
        adaptive=False,
        reason="no run has been followed yet",
        share=share,
        wander=_joined([_movements(group.reference) for group in model.groups]),
        size=np.zeros(n, dtype=np.float32),
        usable=np.zeros(n, dtype=np.bool_),
        drift=np.zeros(n, dtype=np.float32),
        newest_run=0,
        runs=0,
        pileup=0.0,
    )


def adapted(model: SubsystemModel, reference: Reference) -> SubsystemModel:
    """The model with the template in place of the frozen shapes where it is usable.

    Slopes with pileup and ordinary movements stay those of the frozen reference; the uncertainty is that of the
    template's counts and the tolerance, never less than the frozen one's.
    """
    groups = []
    for block, group, where in blocks_of(model):
        old = group.reference
        rows = reference.usable[block.start : block.stop, None]
        share = reference.share[where].reshape(old.share.shape)
        size = reference.size[block.start : block.stop, None]
        wander = np.maximum(old.wander, np.float32(frozen.TOLERANCE**2) + 1 / (share * size + 1))
        new = replace(old, share=np.where(rows, share, old.share), wander=np.where(rows, wander, old.wander))
        groups.append(Group(new, {name: _against(new, scorer) for name, scorer in group.scorers.items()}))
    return replace(model, groups=tuple(groups))


def _against(reference: frozen.FrozenReference, scorer: Scorer) -> Scorer:
    """All scorers look at pulls, which the reference makes, but for this one, which has shapes of its own."""
    return scorer.against(reference) if isinstance(scorer, KolmogorovScorer) else scorer


def _decision(reference: Reference, followed: float, run: int, pileup: float) -> tuple[bool, str]:
    """Whether the template judges, and why or why not."""
    if not reference.runs:
        return False, "no run has been followed yet"
    if run - reference.newest_run > RECENT:
        return False, f"the last run followed, {reference.newest_run}, is more than {RECENT} run numbers ago"
    if abs(pileup - reference.pileup) > SIMILAR:
        away = abs(pileup - reference.pileup)
        return False, f"pileup is {away:.1f} standard deviations from that of run {reference.newest_run}"
    if followed < MOSTLY:
        return False, f"only {followed:.0%} of the monitoring elements could be followed"
    runs = "1 run" if reference.runs == 1 else f"{reference.runs} runs"
    return True, f"follows {runs} up to {reference.newest_run}, {followed:.0%} of the monitoring elements"


def _step(model: SubsystemModel, reference: Reference, run: int, sums: RunSums, before: Sequence[RunSums]) -> Reference:
    """The template after one more run; itself if the run holds nothing that can be used."""
    share, wander, size = reference.share.copy(), reference.wander.copy(), reference.size.copy()
    usable, drift = reference.usable.copy(), reference.drift.copy()
    moved = False
    for block, group, where in blocks_of(model):
        rows = slice(block.start, block.stop)
        shape = group.reference.share.shape
        counts, trusted = histograms_at_mean(sums, group, block, where)
        recent = [_likewise(histograms_at_mean(earlier, group, block, where), trusted) for earlier in before]
        template = AdaptiveTemplate(
            share[where].reshape(shape).astype(np.float64),
            _begun(size[rows].astype(np.float64), counts),
            wander[where].reshape(shape).astype(np.float64),
        )
        after, step = follow(template, counts, recent, trusted, group.reference.share.astype(np.float64))
        updated = step.added | step.adopted
        moved |= bool(updated.any())
        share[where] = after.share.ravel()
        wander[where] = after.wander.ravel()
        size[rows] = np.where(updated | (size[rows] > 0), after.size, 0.0)
        usable[rows] = (size[rows] > 0) & ~_faulty(after, group.reference.share)
        drift[rows] = np.abs(after.share - group.reference.share).sum(axis=1) / 2
    if not moved:
        return reference
    leaning, counted = sums.leaning.sum(), sums.counts.sum()
    return replace(
        reference,
        share=share,
        wander=wander,
        size=size,
        usable=usable,
        drift=drift,
        newest_run=run,
        runs=reference.runs + 1,
        pileup=float(leaning / max(int(counted), 1) / PILEUP_STEPS),
    )


def _begun(size: Float64, counts: Float64) -> Float64:
    """An ME that has not been followed starts at the frozen shape with the weight that a long past would have."""
    past = counts.sum(axis=1) * KEEP / (1.0 - KEEP)
    return np.where(size > 0, size, past)


def histograms_at_mean(sums: RunSums, group: Group, block: Block, where: slice) -> tuple[Float64, Mask]:
    """Counts (n, bins) of a run as if at the mean pileup, and whether most of its histograms could be trusted.

    Where they could, only those count; elsewhere all do, so that a lasting change can be seen.
    """
    rows = slice(block.start, block.stop)
    histograms = sums.histograms[:, rows]
    trusted = histograms[TRUSTED] >= np.maximum(histograms[HELD_BACK], 1)
    shape = group.reference.share.shape
    kinds = sums.counts[:, where].reshape(2, *shape)
    counts = (kinds[TRUSTED] + np.where(trusted[:, None], 0, kinds[HELD_BACK])).astype(np.float64)
    leaning = sums.leaning[TRUSTED, rows] + np.where(trusted, 0, sums.leaning[HELD_BACK, rows])
    pileup = leaning / np.maximum(counts.sum(axis=1), 1.0) / PILEUP_STEPS
    share = group.reference.share.astype(np.float64)
    return counts * share / (share + group.reference.slope * pileup[:, None]), trusted


def _likewise(histograms: tuple[Float64, Mask], trusted: Mask) -> Float64:
    """The counts of a run before where it was judged as this one: a good run cannot vouch for one that is held."""
    counts, before = histograms
    return np.where((before == trusted)[:, None], counts, 0.0)


def _faulty(template: AdaptiveTemplate, share: Float32) -> Mask:
    """Whether a bin of the template differs from its neighbours as it does not in the frozen reference.

    Both are looked at as if they had ``_PROBE`` counts in a bin: what is then seen is a fifth of a bin, not more.
    """
    probe = _PROBE * share.shape[1]
    out: Mask = stands_out(template.share * probe, share.astype(np.float64) * probe, template.wander) >= STANDS_OUT
    return out


def blocks_of(model: SubsystemModel) -> Sequence[tuple[Block, Group, slice]]:
    """Each group with its rows and its cells."""
    blocks, cell = [], 0
    for block, group in zip(model.catalogue.blocks, model.groups, strict=True):
        cells = (block.stop - block.start) * block.bins
        blocks.append((block, group, slice(cell, cell + cells)))
        cell += cells
    return blocks


def _movements(reference: frozen.FrozenReference) -> Float32:
    """Relative variance (n, bins) of good shapes: the tolerance, and what the ordinary movements amount to."""
    usual = (reference.modes.limits.T[..., None] / REACH * reference.modes.directions) ** 2
    relative: Float32 = usual.sum(axis=0) / np.maximum(reference.share, np.float32(1e-9))
    return relative + np.float32(frozen.TOLERANCE**2)


def _joined(arrays: Sequence[Float32]) -> Float32:
    return np.concatenate([array.ravel() for array in arrays]) if arrays else np.empty(0, dtype=np.float32)
