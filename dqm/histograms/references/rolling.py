"""A model of whole runs that is learned anew before each of them, from the latest ones.

A detector drifts by more than good runs differ from each other at the same time, so that a threshold taken from
the runs of a training set alarms on most of those that come a year later. What can be compared with is the recent past.

Runs that alarmed enter too, or a change of conditions would alarm for ever: training leaves the worst out twice, and
one run among a hundred decides nothing. Nearly empty ones do not, nor, several in a row, those in which a bin stands
out from the bins beside it as it does in none that did not alarm: conditions move neighbours alike, and a channel that
died does not come back by itself. So a shape that stays is expected after some runs, and a dead channel never is. A
single such run may be as good as any: left out, it would make the next of its kind look worse than it is.
"""

from dataclasses import replace

import numpy as np

from conf.settings import DqmSettings
from dqm.core.accepted import LEAST_ACCEPTED, Accepted
from dqm.core.bundle_files import TrainingError
from dqm.core.drift import Reference
from dqm.histograms.bundle import SubsystemModel
from dqm.histograms.fitting import GoodHistograms, fit
from dqm.histograms.references.choice import start
from dqm.histograms.run_window import RunWindow
from dqm.histograms.scorers.shares import LEAST_SPREAD, root_shares
from dqm.statistics.robust import median, scale
from streams.arrays import Float32, Mask
from streams.records import Conditions

STANDS_OUT = 6.0
"""Robust standard deviations by which a bin stands out from its neighbours as no change of conditions makes it."""


def refitted(model: SubsystemModel, candidates: RunWindow, settings: DqmSettings, accepted: Accepted) -> SubsystemModel:
    """The model that the latest of the ``candidates`` teach; the old one where they teach nothing.

    Of an element with an ``accepted`` state there is nothing before it, and the element is not judged by fewer than
    :data:`dqm.core.drift.LEAST_ACCEPTED` runs.
    """
    anew = np.array([name in accepted for name in model.catalogue.names])
    if anew.any():
        since, until = (
            np.array([getattr(accepted[name], end).run if name in accepted else 0 for name in model.catalogue.names])
            for end in ("since", "until")
        )
        candidates = candidates.accepting(anew, since, until)
    faulty = [
        _faulty(counts, candidates.present[:, rows], candidates.alarmed[:, rows])
        for counts, rows in _blocks(model, candidates)
    ]
    window = candidates.nearest(~np.concatenate(faulty, axis=1))
    runs = len(window.runs)
    counts = [block for block, _ in _blocks(model, window)]
    good = GoodHistograms(
        "",
        model.catalogue,
        counts,
        np.concatenate([block.sum(axis=-1, dtype=np.float64) for block in counts], axis=1),
        window.present,
        [Conditions()] * runs,
        np.zeros(runs, dtype=np.float32),
        window.runs,
    )
    try:
        learned = fit(good, settings, np.random.default_rng(0), whole_runs=True).model
    except TrainingError:
        return model
    if learned.window is not None and anew.any():
        learned = replace(learned, unsettled=anew & (learned.window.present.sum(axis=0) < LEAST_ACCEPTED))
    learned = replace(learned, head=model.head)
    if model.entries.knows_conditions:
        # The window holds no luminosity, which tells more of entries than how many there were lately.
        return replace(learned, entries=model.entries, lack=model.lack, excess=model.excess, siblings=model.siblings)
    return learned


def reference(model: SubsystemModel, latest: SubsystemModel) -> Reference:
    """What is stored of the choice of the ``latest`` model, for a person to see."""
    assert latest.window is not None  # noqa: S101 - it was learned from one
    learned, first = start(latest), start(model)
    widths = np.repeat(
        [block.bins for block in model.catalogue.blocks],
        [block.stop - block.start for block in model.catalogue.blocks],
    )
    moved = np.add.reduceat(np.abs(learned.share - first.share), np.r_[0, np.cumsum(widths)[:-1]]) / 2
    runs, newest = len(latest.window.runs), int(latest.window.runs[-1])
    return replace(
        learned,
        adaptive=True,
        reason=f"learned from {runs} runs up to {newest}",
        usable=latest.normaliser.judged,
        drift=moved.astype(np.float32),
        newest_run=newest,
        runs=runs,
    )


def _blocks(model: SubsystemModel, window: RunWindow) -> list[tuple[Float32, slice]]:
    """Counts (R, n, bins) of each group, and its rows."""
    blocks, cell = [], 0
    for block in model.catalogue.blocks:
        cells = (block.stop - block.start) * block.bins
        counts = window.counts[:, cell : cell + cells].reshape(len(window.runs), -1, block.bins)
        blocks.append((counts, slice(block.start, block.stop)))
        cell += cells
    return blocks


def _faulty(counts: Float32, present: Mask, alarmed: Mask) -> Mask:
    """Which of the ``alarmed`` histograms (R, n) have a bin that stands out, as has the run beside.

    ``counts`` are (R, n, bins).
    """
    faulty: Mask = alarmed & present
    if not faulty.any() or counts.shape[-1] < 3:
        return np.zeros_like(alarmed)
    totals = counts.sum(axis=-1)
    roots = root_shares(counts, totals).astype(np.float64)
    away = roots[..., 1:-1] - (roots[..., :-2] + roots[..., 2:]) / 2
    ordinary = np.where((present & ~alarmed)[..., None], away, np.nan)
    middle = median(ordinary)
    chance = 0.375 / np.maximum(totals, 1.0)
    spread = np.sqrt(scale(ordinary - middle) ** 2 + LEAST_SPREAD**2 + chance[..., None])
    out = np.nan_to_num(np.abs(away - middle) / spread).max(axis=-1)
    faulty &= out > STANDS_OUT
    in_neighbour = np.zeros_like(faulty)
    in_neighbour[1:] |= faulty[:-1]
    in_neighbour[:-1] |= faulty[1:]
    return faulty & in_neighbour
