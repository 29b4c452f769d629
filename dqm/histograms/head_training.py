"""A supervised head for each subsystem of which people labelled enough bad runs, kept only where it pays.

It pays where it catches more of the bad ones that it has not seen, at the share of good ones that may alarm, than what
needs no labels. Both see the same runs, out of block, and share the same budget: with a head, content has less of it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from conf.settings import AlertSettings, DqmSettings
from dqm.core import head_fitting
from dqm.core.budget import HEAD_SHARE
from dqm.core.combination import folders
from dqm.core.quality import OF_ENTRIES
from dqm.core.supervised_head import SupervisedHead, deviations
from dqm.histograms.bundle import Bundle
from dqm.histograms.labelled import LabelledScores, labelled_scores
from dqm.histograms.pipeline import Pipeline
from dqm.statistics.resampling import block_mean_interval
from streams.arrays import Float32
from streams.records import Catalogue, HistogramBatch

LEAST_BAD = 20
"""Bad runs: four for each of five blocks of time, and a share caught that is known to a fifth or so."""
LEAST_GOOD = 60
"""Good runs: a head may alarm on one whole run in 67."""
DRAWS = 2000
_NAMED = 5


@dataclass(frozen=True, slots=True)
class HeadTrial:
    """What became of the head of one subsystem.

    Of ``bad`` bad ones and ``good`` good ones, each out of block: the shares ``caught`` and ``flagged`` with a head,
    those ``caught_without`` and ``flagged_without`` it, and a 95 % interval of what it adds, by runs.
    """

    subsystem: str
    bad: int
    good: int
    caught: float
    caught_without: float
    flagged: float
    flagged_without: float
    low: float
    high: float
    declared: float
    tells: tuple[str, ...] = ()

    @property
    def pays(self) -> bool:
        """Whether more is caught for certain, and no more flagged than declared as far as so many good ones tell."""
        allowed = self.declared + 2.0 * np.sqrt(self.declared * (1.0 - self.declared) / self.good)
        return self.low > 0.0 and self.flagged <= allowed

    def sentence(self) -> str:
        """All of it, for a person."""
        gained = self.caught - self.caught_without
        result = (
            f"{self.subsystem}: with a supervised head {self.caught:.3f} of {self.bad} unseen bad ones alarm, "
            f"without it {self.caught_without:.3f} (difference {gained:+.3f}, 95 % {self.low:+.3f} to "
            f"{self.high:+.3f}); so do {self.flagged:.3f} of {self.good} good ones, without {self.flagged_without:.3f}"
        )
        if self.pays:
            return f"{result}. It pays and is kept; what tells most: {', '.join(self.tells)}."
        why = "more good ones than declared" if self.low > 0.0 else "more bad ones not for certain"
        return f"{result}: {why}. It does not pay and is left out."


def learn_heads(
    bundle: Bundle,
    good: Sequence[HistogramBatch],
    bad: Sequence[HistogramBatch],
    settings: DqmSettings,
    alerts: AlertSettings,
) -> tuple[Bundle, Sequence[str]]:
    """The bundle with the heads that pay, and what there is to say of each subsystem, in a sentence.

    ``good`` batches are those that the bundle was trained on, ``bad`` ones what people call bad.
    """
    limits = Pipeline(bundle, settings, alerts).thresholds
    models, lines, head_p = dict(bundle.subsystems), [], []
    for subsystem, (own_good, own_bad) in _by_subsystem(good, bad).items():
        if subsystem not in models:
            continue
        runs = [len({batch.key.run for batch in batches}) for batches in (own_good, own_bad)]
        if runs[0] >= LEAST_GOOD and runs[1] >= LEAST_BAD:
            scores = labelled_scores(bundle, subsystem, own_good, own_bad, settings, alerts)
            runs[0] = len(np.unique(scores.runs[~scores.bad]))
        if runs[0] < LEAST_GOOD or runs[1] < LEAST_BAD:
            lines.append(
                f"{subsystem}: no supervised head: it takes {LEAST_BAD} bad runs and {LEAST_GOOD} good ones that "
                f"calibrate to say whether one pays; {runs[1]} and {runs[0]} are labelled."
            )
            continue
        catalogue = models[subsystem].catalogue
        head, p_values = fitted(scores, catalogue)
        allowed = limits.false_per_lumisection
        trial = tried(subsystem, scores, p_values, allowed, limits.folder_share, head)
        lines.append(trial.sentence())
        if trial.pays:
            models[subsystem] = replace(models[subsystem], head=head)
            head_p.append(p_values[~scores.bad])
    if not head_p:
        return bundle, lines
    return replace(bundle, subsystems=models, head_p=_padded(head_p)), lines


def fitted(scores: LabelledScores, catalogue: Catalogue) -> tuple[SupervisedHead, Float32]:
    """A head for the MEs of a catalogue, and p-values (R,) of what it was fitted to by heads that have not seen it."""
    features = np.zeros((len(scores.parts), len(catalogue)))
    for row, part in enumerate(scores.parts):
        deviates, inspected = deviations(part.p_values, part.reasons, part.present)
        places = [part.catalogue.index[name] for name in catalogue.names]
        features[row] = np.where(inspected, deviates, np.nan)[places]
    good = features[~scores.bad]
    usual = np.nansum(good, axis=0) / np.maximum(np.isfinite(good).sum(axis=0), 1)
    features = np.where(np.isnan(features), usual, features)
    fit = head_fitting.fit(features, scores.bad, scores.runs)
    return SupervisedHead(catalogue.names, fit.intercept, fit.weights, usual, fit.table), fit.p_values


def tried(
    subsystem: str, scores: LabelledScores, head_p: Float32, allowed: float, content: float, head: SupervisedHead
) -> HeadTrial:
    """Hold alarms with the p-values ``head_p`` (R,) of a head against those without, at the ``allowed`` share.

    ``content`` is the part of the budget that content has without a head.
    """
    content_p = np.array([_content_p(part.p_values, part.catalogue) for part in scores.parts])
    amount = np.array([np.isin(p.reasons[p.present], OF_ENTRIES).any() for p in scores.parts])
    without = amount | (content_p <= allowed * content)
    with_head = amount | (content_p <= allowed * (content - HEAD_SHARE)) | (head_p <= allowed * HEAD_SHARE)
    gained = with_head[scores.bad].astype(np.float64) - without[scores.bad]
    low, high = block_mean_interval(gained, scores.runs[scores.bad], DRAWS)
    order = np.argsort(-head.weights, kind="stable")[:_NAMED]
    return HeadTrial(
        subsystem,
        int(scores.bad.sum()),
        int((~scores.bad).sum()),
        float(with_head[scores.bad].mean()),
        float(without[scores.bad].mean()),
        float(with_head[~scores.bad].mean()),
        float(without[~scores.bad].mean()),
        low,
        high,
        allowed,
        tuple(head.names[row] for row in order if head.weights[row] > 0),
    )


def _content_p(p_values: Float32, catalogue: Catalogue) -> float:
    """That of the worst folder, times their number; 1 where nothing was inspected."""
    of_folders = folders(catalogue).simes(p_values)
    finite = of_folders[np.isfinite(of_folders)]
    return float(min(finite.min() * len(finite), 1.0)) if len(finite) else 1.0


def _by_subsystem(
    good: Sequence[HistogramBatch], bad: Sequence[HistogramBatch]
) -> Mapping[str, tuple[list[HistogramBatch], list[HistogramBatch]]]:
    """Good and bad batches of each subsystem of which there are bad ones, by name."""
    batches_of: dict[str, tuple[list[HistogramBatch], list[HistogramBatch]]] = defaultdict(lambda: ([], []))
    for kind, batches in enumerate((good, bad)):
        for batch in batches:
            batches_of[batch.subsystem][kind].append(batch)
    return {name: pair for name, pair in sorted(batches_of.items()) if pair[1]}


def _padded(rows: Sequence[Float32]) -> Float32:
    """Rows of different lengths in one matrix, NaN behind their ends."""
    longest = max(len(row) for row in rows)
    return np.array([np.pad(row, (0, longest - len(row)), constant_values=np.nan) for row in rows], dtype=np.float32)
