"""A rule that was tried: what it saves, and whether it stands."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from rl_cache.proposal import Kind, Proposal
from rl_cache.shadow import Judgement, Standing, judge
from rl_cache.trials import Trials

Floats = NDArray[np.float64]

_DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One rule, what it is expected to save, and why.

    Attributes:
        kind: what is asked.
        target: the directory or dataset.
        share: of the capacity, for a quota; 0 for others.
        saved_bytes_per_day: bytes a day that LRU would have had to read from afar, less those under the rule.
        low, high: its 95% interval, bootstrapped over the days of the trial; all three are 0 before the first day.
        written_bytes_per_day: bytes a day that are written less.
        reason: for people.
        judgement: of the trial in the dark.
    """

    kind: Kind
    target: str
    share: float
    saved_bytes_per_day: float
    low: float
    high: float
    written_bytes_per_day: float
    reason: str
    judgement: Judgement

    @property
    def withdrawn(self) -> bool:
        """Whether its trial is over."""
        return self.judgement.standing is Standing.WITHDRAWN


def judged(trials: Trials, rng: Generator, days: int | None = None) -> list[Suggestion]:
    """What each proposal came to in the first ``days`` days of its trial, all by default; in their order.

    Those that did worse than LRU are in it, withdrawn. A rule whose interval includes zero stays on trial.
    """
    return [
        _suggestion(one, trials.saved(number)[:days], trials.written_less(number)[:days], rng)
        for number, one in enumerate(trials.proposals)
    ]


def _suggestion(proposal: Proposal, saved: Floats, written: Floats, rng: Generator) -> Suggestion:
    judgement = judge(saved.tolist())
    if not len(saved):
        saved = written = np.zeros(1)
    means = rng.choice(saved, (_DRAWS, len(saved))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    if judgement.standing is Standing.ACTIVE and low <= 0:
        judgement = Judgement(Standing.ON_TRIAL, "the interval of its saving includes zero")
    return Suggestion(
        proposal.kind,
        proposal.target,
        proposal.share,
        float(saved.mean()),
        float(low),
        float(high),
        float(written.mean()),
        proposal.reason,
        judgement,
    )
