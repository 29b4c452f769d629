"""What we say of labelled histograms: trained, then judged one run after the other, as the daemon does."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.truth.labelled import Flags, Floats, Labelled, Split
from conf.settings import AlertSettings, DqmSettings
from dqm.core.assembly import merge
from dqm.core.drift import RunSums
from dqm.core.quality import Quality, Reason
from dqm.core.state import ScoredBatch
from dqm.histograms.pipeline import Pipeline
from dqm.histograms.run_window import MOST_RUNS
from dqm.histograms.train import train
from streams.records import HistogramBatch

SETTINGS = DqmSettings()
STARVED_SCORE = 1e3


class Verdicts:
    """Of the judged histograms of a split, in order: ``qualities`` (J,), and ``scores`` (J,), greater is worse."""

    def __init__(self, qualities: list[int], scores: list[float], declared: float) -> None:
        """``declared`` is the share of good histograms that may alarm."""
        self.qualities = np.array(qualities)
        self.scores = np.array(scores)
        self.declared = declared

    @property
    def alarms(self) -> Flags:
        """Which are BAD."""
        alarms: Flags = self.qualities == Quality.BAD
        return alarms

    @property
    def good(self) -> Flags:
        """Which are GOOD."""
        good: Flags = self.qualities == Quality.GOOD
        return good

    @property
    def inspected(self) -> Flags:
        """Which are anything but not inspected."""
        inspected: Flags = self.qualities != Quality.NOT_INSPECTED
        return inspected


def judged(labelled: Labelled, split: Split) -> Verdicts:
    """Train on what a split learns from and judge the rest of it."""
    with TemporaryDirectory() as folder:
        learned = labelled.batches(split.learned)
        bundle = train(learned, Path(folder) / "truth", SETTINGS, np.random.default_rng(0), lambda *_: None)
    pipeline = Pipeline(bundle, SETTINGS, AlertSettings())
    before: list[tuple[int, RunSums]] = []
    qualities, scores = [], []
    for batch in labelled.batches(split.judged):
        if pipeline.whole_runs:
            pipeline.follow(batch.dataset, batch.key.run, {batch.subsystem: before[-MOST_RUNS:]}, {})
        scored = pipeline.score([batch])[0]
        if pipeline.whole_runs and scored.sums is not None:
            before.append((batch.key.run, scored.sums))
        verdict = pipeline.close(merge(None, scored, 0.0).state, {}, 1.0, "complete").verdicts[batch.subsystem]
        qualities.append(int(verdict.quality))
        scores.append(_score(pipeline, batch, scored))
        pipeline.drop(batch.dataset, batch.key.run)
    # A lumisection alarms below the threshold of one; incidents ask for several.
    allowed = pipeline.thresholds.folder_p + pipeline.thresholds.starved_p
    return Verdicts(qualities, scores, allowed)


def _score(pipeline: Pipeline, batch: HistogramBatch, scored: ScoredBatch) -> float:
    """How bad a histogram looks: -ln of its p-value, also where too few runs were learned to make a verdict of it."""
    part = scored.scores
    if part.reasons[0] == Reason.STARVED:
        return STARVED_SCORE - float(np.log1p(batch.entries[0]))
    p_value = float(part.p_values[0])
    if np.isnan(p_value):
        model = pipeline.judging(batch.dataset, batch.key.run, batch.subsystem)
        totals = batch.counts[0].sum(axis=-1, dtype=np.float32)[None]
        normalised = model.normaliser.normalised(part.scores[:, None], totals, np.zeros(1, dtype=np.float32))
        return float(np.nanmax(normalised))
    return -float(np.log(p_value))


def ordering(scores: Floats) -> Floats:
    """Scores with the worst in place of those that are not known."""
    filled: Floats = np.nan_to_num(scores, nan=STARVED_SCORE)
    return filled
