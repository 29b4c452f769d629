"""What we say of labelled histograms: trained, then judged one run after the other, as the daemon does."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from benchmarks.truth.labelled import Flags, Floats, Labelled, Split
from conf.settings import AlertSettings, DqmSettings
from dqm.core.assembly import merge
from dqm.core.drift import RunSums
from dqm.core.quality import OF_ENTRIES, Quality, Reason
from dqm.core.state import ScoredBatch
from dqm.histograms.pipeline import Pipeline
from dqm.histograms.run_window import MOST_RUNS
from dqm.histograms.train import train
from streams.records import HistogramBatch

SETTINGS = DqmSettings()
STARVED_SCORE = 1e3


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """Of the J judged histograms of a split, in order; arrays (J,).

    ``scores``: greater is worse. ``p_values`` are those of the content, NaN where it is not tested; ``amount`` says
    where too few or too many entries are bad by themselves. ``declared`` is the share of good histograms that may
    alarm, ``folder_p`` the threshold of the content.
    """

    qualities: npt.NDArray[np.int64]
    scores: Floats
    p_values: Floats
    amount: Flags
    declared: float
    folder_p: float

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


def judged(labelled: Labelled, split: Split, *, follow: bool = True) -> Verdicts:
    """Train on what a split learns from and judge the rest of it; whole runs by the latest ones, if ``follow``."""
    with TemporaryDirectory() as folder:
        learned = labelled.batches(split.learned)
        bundle = train(learned, Path(folder) / "truth", SETTINGS, np.random.default_rng(0), lambda *_: None)
    pipeline = Pipeline(bundle, SETTINGS, AlertSettings())
    before: list[tuple[int, RunSums]] = []
    qualities, scores, p_values, amount = [], [], [], []
    for batch in labelled.batches(split.judged):
        if pipeline.whole_runs and follow:
            pipeline.follow(batch.dataset, batch.key.run, {batch.subsystem: before[-MOST_RUNS:]}, {})
        scored = pipeline.score([batch])[0]
        if pipeline.whole_runs and scored.sums is not None:
            before.append((batch.key.run, scored.sums))
        verdict = pipeline.close(merge(None, scored, 0.0).state, {}, 1.0, "complete").verdicts[batch.subsystem]
        qualities.append(int(verdict.quality))
        scores.append(_score(pipeline, batch, scored))
        p_values.append(float(scored.scores.p_values[0]))
        amount.append(bool(np.isin(scored.scores.reasons[0], OF_ENTRIES)))
        pipeline.drop(batch.dataset, batch.key.run)
    # A lumisection alarms below the threshold of one; incidents ask for several.
    limits = pipeline.thresholds
    return Verdicts(
        np.array(qualities),
        np.array(scores),
        np.array(p_values),
        np.array(amount),
        limits.folder_p + limits.starved_p + limits.overfull_p,
        limits.folder_p,
    )


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
