"""What a model says of labelled good and bad runs that it has not learned from, as the daemon would judge them.

Whole runs are judged by what the good ones nearest to them teach, without those of their own stretch of time. Of
lumisections the good ones are those of the runs that calibrate; bad ones take part in nothing anyway.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from conf.settings import AlertSettings, DqmSettings
from dqm.core.assembly import merge
from dqm.core.drift import RunSums
from dqm.core.state import LumisectionState, ScoredBatch, SubsystemScores
from dqm.core.threads import one_thread
from dqm.histograms.bundle import Bundle
from dqm.histograms.pipeline import Pipeline
from dqm.histograms.references import rolling
from dqm.histograms.stage import Stage
from streams.arrays import Int64, Mask
from streams.records import HistogramBatch, LumisectionKey

STRETCH = 10
"""Labelled runs in a row that are judged by one model, which has learned from none of them."""

Place = tuple[str, LumisectionKey]
"""Dataset, run and lumisection."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledScores:
    """Of one subsystem in R lumisections or whole runs, in order of time: ``parts``, ``runs`` (R,) and ``bad`` (R,)."""

    parts: Sequence[SubsystemScores]
    runs: Int64
    bad: Mask


def labelled_scores(
    bundle: Bundle,
    subsystem: str,
    good: Sequence[HistogramBatch],
    bad: Sequence[HistogramBatch],
    settings: DqmSettings,
    alerts: AlertSettings,
) -> LabelledScores:
    """Scores of the ``good`` and ``bad`` batches of a ``subsystem``."""
    pipeline = Pipeline(bundle, settings, alerts)
    of = {batch_place(batch): False for batch in good} | {batch_place(batch): True for batch in bad}
    if bundle.whole_runs:
        score = _nearest(pipeline, bundle, subsystem, good, settings)
    else:
        calibrating = int(str(bundle.manifest["calibration"]["first"] or f"{2**62}:0").split(":")[0])
        good = [batch for batch in good if batch.key.run >= calibrating]
        score = pipeline.score
    states: dict[Place, LumisectionState] = {}
    batches = sorted([*good, *bad], key=lambda batch: batch.key)
    runs = sorted({batch.key.run for batch in batches})
    for start in range(0, len(runs), STRETCH):
        stretch = set(runs[start : start + STRETCH])
        for scored in score([batch for batch in batches if batch.key.run in stretch]):
            place = scored.dataset, scored.key
            states[place] = merge(states.get(place), scored, 0.0).state
    places = sorted(states, key=lambda place: place[1])
    return LabelledScores(
        [states[place].parts[subsystem] for place in places],
        np.array([key.run for _, key in places], dtype=np.int64),
        np.array([of[place] for place in places], dtype=np.bool_),
    )


def batch_place(batch: HistogramBatch) -> Place:
    """Where a batch belongs."""
    return batch.dataset, batch.key


def _nearest(
    pipeline: Pipeline, bundle: Bundle, subsystem: str, good: Sequence[HistogramBatch], settings: DqmSettings
) -> Callable[[Sequence[HistogramBatch]], list[ScoredBatch]]:
    """Scores whole runs by a model of the good ones nearest to them, but for those that are scored with them."""
    model = bundle.subsystems[subsystem]
    elements = sum(len(catalogue) for catalogue in bundle.catalogues.values())
    sums_by_run = _sums(pipeline.score(good))

    def score(batches: Sequence[HistogramBatch]) -> list[ScoredBatch]:
        stretch = {batch.key.run for batch in batches}
        outside_stretch = [(run, sums) for run, sums in sums_by_run.items() if run not in stretch]
        assert model.window is not None  # noqa: S101 - a bundle of whole runs has them
        window = model.window.without(stretch).before(min(stretch), outside_stretch)
        with one_thread():
            learned = rolling.refitted(model, window, settings, {})
            scores = Stage(learned, bundle, settings, pipeline.thresholds, elements).score(batches)
        return [
            ScoredBatch(batch.key, batch.dataset, subsystem, batch.conditions, bundle.version, own)
            for batch, own in zip(batches, scores, strict=True)
        ]

    return score


def _sums(scored: Iterable[ScoredBatch]) -> Mapping[int, RunSums]:
    """What each run leaves for later ones."""
    sums_by_run: dict[int, RunSums] = {}
    for batch in scored:
        if batch.sums is not None:
            run = batch.key.run
            sums_by_run[run] = sums_by_run[run] + batch.sums if run in sums_by_run else batch.sums
    return dict(sorted(sums_by_run.items()))
