"""The alarm level of a whole run, chosen when its first message comes, from what people said of the runs before."""

from collections.abc import Mapping, Sequence

import numpy as np
from sqlalchemy import Connection

from dqm.core.combination import folders
from dqm.core.control import LATEST_RUNS, AlarmLevel, GoodRuns
from dqm.core.quality import OF_ENTRIES
from dqm.histograms.pipeline import Pipeline
from opint.labels import storage
from opint.labels.label import Flag, Labels
from opint.store import alarm_levels
from opint.store.alarm_levels import JudgedSubsystem


def choose(tx: Connection, pipeline: Pipeline, dataset: str, run: int, now_s: float) -> AlarmLevel:
    """The level of a run, as it is recorded or, if it is not yet, chosen and recorded."""
    chosen = alarm_levels.load(tx, dataset, [run], pipeline.version).get(run)
    if chosen is not None:
        return chosen
    good = _good_runs(tx, dataset, run, pipeline.version)
    limits = pipeline.thresholds
    level = AlarmLevel.of(good, limits.folder_p, limits.false_by_elements)
    alarm_levels.record(tx, dataset, run, pipeline.version, level, now_s)
    return level


def _good_runs(tx: Connection, dataset: str, run: int, version: str) -> GoodRuns:
    """Of the latest runs before one, those that people called good."""
    before = alarm_levels.runs_before(tx, dataset, run, version, LATEST_RUNS)
    labels = storage.read_all(tx, before)
    labelled = alarm_levels.verdicts(tx, dataset, labels.runs, version) if len(labels) else {}
    good = called_good(labelled, labels, alarm_levels.confirmed(tx, dataset, list(labelled)) if labelled else set())
    return GoodRuns(
        np.array([_content_p(parts) for parts in good]),
        np.array([any(np.isin(part.reasons, OF_ENTRIES).any() for part in parts) for parts in good], dtype=np.bool_),
    )


def called_good(
    runs: Mapping[int, Sequence[JudgedSubsystem]], labels: Labels, confirmed: set[int]
) -> list[Sequence[JudgedSubsystem]]:
    """Runs of which all judged subsystems are labelled good, and of which no alarm was ``confirmed``."""
    return [
        parts
        for run, parts in runs.items()
        if run not in confirmed and all(labels.flag_of_run(run, part.subsystem) is Flag.GOOD for part in parts)
    ]


def _content_p(parts: Sequence[JudgedSubsystem]) -> float:
    """The smallest p-value of a folder in a run; NaN where nothing was tested."""
    smallest = np.concatenate([folders(part.catalogue).simes(part.p_values) for part in parts])
    return float(np.fmin.reduce(smallest, initial=np.nan))
