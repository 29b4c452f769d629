"""A model of whole runs that is learned anew before each of them, from the latest ones.

A detector drifts by more than good runs differ from each other at the same time, so that a threshold taken from
the runs of a training set alarms on most of those that come a year later. What can be compared with is the recent past.
Runs enter whatever was said of their content, since training leaves the worst out twice and one run among a hundred
decides nothing; nearly empty ones do not. So a shape that stays is expected after some runs.
"""

from dataclasses import replace

import numpy as np

from conf.settings import DqmSettings
from dqm.core.drift import Reference
from dqm.core.errors import TrainingError
from dqm.histograms.bundle import SubsystemModel
from dqm.histograms.fitting import GoodHistograms, fit
from dqm.histograms.references.choice import start
from dqm.histograms.run_window import RunWindow
from streams.records import Conditions


def refitted(model: SubsystemModel, window: RunWindow, settings: DqmSettings) -> SubsystemModel:
    """The model that the runs of ``window`` teach; the old one where they teach nothing."""
    runs = len(window.runs)
    counts, cell = [], 0
    for block in model.catalogue.blocks:
        cells = (block.stop - block.start) * block.bins
        counts.append(window.counts[:, cell : cell + cells].reshape(runs, -1, block.bins))
        cell += cells
    good = GoodHistograms(
        "",
        model.catalogue,
        counts,
        np.concatenate([block.sum(axis=-1, dtype=np.float64) for block in counts], axis=1),
        window.came,
        [Conditions()] * runs,
        np.zeros(runs, dtype=np.float32),
        window.runs,
    )
    try:
        learned = fit(good, settings, np.random.default_rng(0), whole_runs=True).model
    except TrainingError:
        return model
    if model.entries.knows_conditions:
        # The window holds no luminosity, which tells more of entries than how many there were lately.
        return replace(learned, entries=model.entries, lack=model.lack)
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
