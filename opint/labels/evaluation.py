"""Verdicts held against people's labels, with intervals by blocks of runs. Pure."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from opint.labels.label import Flag, Labels
from opint.store.labels import WORST_FIRST, Answer, VerdictSummary
from streams.keys import LumisectionKey

Float64 = npt.NDArray[np.float64]

FEWEST_RUNS = 3
"""Runs that an interval by blocks of runs needs."""
DRAWS = 400
"""Bootstrap samples of runs."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A label and the verdict that answers it, the worst one where the label speaks of all of the detector."""

    flag: Flag
    cause: str
    subsystem: str
    verdict: VerdictSummary
    surprise: float
    """The largest of the verdicts that answer the label; NaN where none is known."""

    @property
    def key(self) -> LumisectionKey:
        """Run and lumisection."""
        return self.verdict.key

    @property
    def disagrees(self) -> bool:
        """Whether people and nightshift say opposite things."""
        opposite = {Flag.GOOD: Answer.ALARM, Flag.BAD: Answer.GOOD}
        return self.verdict.answer is opposite[self.flag]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure of ``n`` lumisections and its 95 % interval, which resamples runs; None for what cannot be had.

    Where every lumisection has one answer, a bootstrap sees no spread: the interval is then the one-sided exact
    binomial one (Clopper and Pearson, Biometrika 26 (1934) 404) of as many trials as there are runs.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Tally:
    """How lumisections of one run, or with one cause, were answered."""

    name: str
    flag: Flag
    answers: Mapping[Answer, int]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How verdicts do on labelled lumisections.

    ``auc`` is the area under the ROC of the p-values, which ``roc`` draws as (share of good ones, share of bad ones) at
    or beyond each threshold; ``precision`` and ``recall`` are those of alarms; ``unanswered`` counts labelled runs
    of which nothing was judged.
    """

    answers: Mapping[Flag, Mapping[Answer, int]]
    not_inspected: Mapping[str, int]
    auc: Estimate
    precision: Estimate
    recall: Estimate
    good_alarmed: Estimate
    bad_called_good: Estimate
    inspected: Estimate
    roc: Sequence[tuple[float, float]]
    by_run: Sequence[Tally]
    by_cause: Sequence[Tally]
    unanswered: int


def answered(labels: Labels, verdicts: Iterable[VerdictSummary]) -> list[Outcome]:
    """Each label with its verdict, in the order of the verdicts; labels and verdicts without the other are left out."""
    outcomes = []
    for key, group in groupby(verdicts, key=lambda verdict: verdict.key):
        of_key = list(group)
        for subsystem in labels.subsystems:
            label = labels.at(key, subsystem)
            matching = [verdict for verdict in of_key if subsystem in ("", verdict.subsystem)]
            if label is not None and matching:
                worst = min(matching, key=lambda verdict: WORST_FIRST.index(verdict.answer))
                ranked = [verdict.surprise for verdict in matching if not math.isnan(verdict.surprise)]
                outcomes.append(Outcome(label.flag, label.cause, subsystem, worst, max(ranked, default=math.nan)))
    return outcomes


def evaluate(outcomes: Sequence[Outcome], labelled_runs: Sequence[int], rng: np.random.Generator) -> Evaluation:
    """Count, and estimate; intervals resample whole runs, since lumisections of one run are alike."""
    answers = {flag: _answers([outcome for outcome in outcomes if outcome.flag is flag]) for flag in Flag}
    bad = np.array([outcome.flag is Flag.BAD for outcome in outcomes], dtype=bool)
    by_answer = {a: np.array([outcome.verdict.answer is a for outcome in outcomes], dtype=bool) for a in Answer}
    alarm, surprise = by_answer[Answer.ALARM], np.array([outcome.surprise for outcome in outcomes])
    blocks = _Blocks(np.array([outcome.key.run for outcome in outcomes], dtype=np.int64), rng)
    ranked = ~np.isnan(surprise)
    silent = [outcome for outcome in outcomes if outcome.verdict.answer is Answer.NOT_INSPECTED]
    return Evaluation(
        answers=answers,
        not_inspected=Counter(outcome.verdict.reason.name for outcome in silent),
        auc=blocks.estimate(lambda rows: _auc(surprise[rows], bad[rows]), ranked),
        precision=blocks.estimate(lambda rows: _share(bad[rows]), alarm),
        recall=blocks.estimate(lambda rows: _share(alarm[rows]), bad),
        good_alarmed=blocks.estimate(lambda rows: _share(alarm[rows]), ~bad),
        bad_called_good=blocks.estimate(lambda rows: _share(by_answer[Answer.GOOD][rows]), bad),
        inspected=blocks.estimate(lambda rows: _share(~by_answer[Answer.NOT_INSPECTED][rows]), bad | ~bad),
        roc=_roc(surprise[ranked], bad[ranked]),
        by_run=_tallies(outcomes, lambda outcome: str(outcome.key.run)),
        by_cause=_tallies([outcome for outcome in outcomes if outcome.cause], lambda outcome: outcome.cause),
        unanswered=len(set(labelled_runs) - {outcome.key.run for outcome in outcomes}),
    )


class _Blocks:
    """Rows by their run, for a bootstrap that takes whole runs."""

    def __init__(self, runs: npt.NDArray[np.int64], rng: np.random.Generator) -> None:
        self._rng, self._runs = rng, runs

    def estimate(self, figure: Callable[[npt.NDArray[np.intp]], float], which: npt.NDArray[np.bool_]) -> Estimate:
        """The figure over the rows of ``which``."""
        rows = np.flatnonzero(which)
        runs, place = np.unique(self._runs[rows], return_inverse=True)
        value = figure(rows)
        if math.isnan(value) or len(runs) < FEWEST_RUNS:
            return Estimate(None if math.isnan(value) else value, None, None, len(rows))
        members = [rows[place == number] for number in range(len(runs))]
        draws = self._rng.integers(len(runs), size=(DRAWS, len(runs)))
        samples = [figure(np.concatenate([members[number] for number in draw])) for draw in draws]
        low, high = (float(edge) for edge in np.nanpercentile(samples, [2.5, 97.5]))
        if value in (0.0, 1.0):
            beyond = 0.05 ** (1 / len(runs))
            low, high = min(low, value, max(value - 1 + beyond, 0.0)), max(high, min(value + 1 - beyond, 1.0))
        return Estimate(value, low, high, len(rows))


def _share(hits: npt.NDArray[np.bool_]) -> float:
    return float(hits.mean()) if len(hits) else np.nan


def _auc(surprise: Float64, bad: npt.NDArray[np.bool_]) -> float:
    """Area under the ROC: the probability that a bad one is more surprising than a good one (Mann-Whitney)."""
    good = np.sort(surprise[~bad])
    if not len(good) or not bad.any():
        return np.nan
    below = [np.searchsorted(good, surprise[bad], side) for side in ("left", "right")]
    return float(np.mean(below) / len(good))


def _roc(surprise: Float64, bad: npt.NDArray[np.bool_]) -> list[tuple[float, float]]:
    if not bad.any() or bad.all():
        return []
    order = np.argsort(-surprise, kind="stable")
    ends = np.flatnonzero(np.diff(surprise[order], append=np.nan) != 0)
    hits, misses = np.cumsum(bad[order])[ends], np.cumsum(~bad[order])[ends]
    return [(0.0, 0.0), *zip((misses / misses[-1]).tolist(), (hits / hits[-1]).tolist(), strict=True)]


def _answers(outcomes: Iterable[Outcome]) -> dict[Answer, int]:
    counts = Counter(outcome.verdict.answer for outcome in outcomes)
    return {answer: counts[answer] for answer in Answer}


def _tallies(outcomes: Iterable[Outcome], name: Callable[[Outcome], str]) -> list[Tally]:
    groups: dict[tuple[str, Flag], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[name(outcome), outcome.flag].append(outcome)
    return [Tally(group, flag, _answers(members)) for (group, flag), members in sorted(groups.items())]
