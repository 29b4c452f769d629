"""Suggestions: rules tried in shadow beside LRU, what each saves, and its status.

A rule saves bytes that would be read from afar; a prefetch costs bytes and saves hours that readers wait.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.random import Generator

from rl_cache.arrays import Float64
from rl_cache.laboratory.units import SavingUnit
from rl_cache.policies.admission.ruled import TargetType
from rl_cache.trials.shadow import Proposal, RuleKind, Trials

TRIAL_DAYS = 3
WINDOW_DAYS = 7
_DRAWS = 2000


class TrialStatus(StrEnum):
    """What may be done with a suggestion."""

    ON_TRIAL = "on trial"
    ACTIVE = "active"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A status and why."""

    status: TrialStatus
    reason: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One rule, what it is expected to save, and why.

    Attributes:
        kind: of the rule.
        target: the directory or dataset.
        share: of the capacity, for a quota; 0 for others.
        saved_per_day: bytes a day that LRU would have had to read from afar, less those under the rule; of a prefetch
            the hours a day that readers would have waited.
        low, high: its 95% interval, bootstrapped over the days of the trial; all three are 0 before the first day.
        saved_by_day: the same, one number for each day of the trial.
        written_bytes_per_day: bytes a day that are written less.
        reason: for people.
        target_type: what the target is.
        target_files, target_bytes: how many files of the target were read, and their size.
        judgement: of the trial in shadow.
        unit: of what is saved.
        vain_bytes_per_day: bytes a day that a prefetch fetched and nobody read by the end of the trial; 0 for others.
    """

    kind: RuleKind
    target: str
    share: float
    saved_per_day: float
    low: float
    high: float
    saved_by_day: tuple[float, ...]
    written_bytes_per_day: float
    reason: str
    target_type: TargetType
    target_files: int
    target_bytes: int
    judgement: Judgement
    unit: SavingUnit = SavingUnit.BYTES
    vain_bytes_per_day: float = 0.0

    @property
    def withdrawn(self) -> bool:
        """Whether its trial is over."""
        return self.judgement.status is TrialStatus.WITHDRAWN


def judge_trials(trials: Trials, rng: Generator, days: int | None = None) -> list[Suggestion]:
    """What each proposal came to in the first ``days`` days of its trial, all by default; in their order.

    Those that did worse than LRU are in it, withdrawn. A rule whose interval includes zero stays on trial.
    """
    return [
        judge_rule(proposal, trials.saved_bytes(number)[:days], trials.written_less_bytes(number)[:days], rng)
        for number, proposal in enumerate(trials.proposals)
    ]


def judge_rule(
    proposal: Proposal,
    saved: Float64,
    written_less_bytes: Float64,
    rng: Generator,
    unit: SavingUnit = SavingUnit.BYTES,
    vain_bytes_per_day: float = 0.0,
) -> Suggestion:
    """What a rule came to that saved so much in ``unit``, and wrote so much less, on each day of its trial."""
    by_day = tuple(saved.tolist())
    judgement = judge_savings(by_day, unit)
    if not len(saved):
        saved = written_less_bytes = np.zeros(1)
    means = rng.choice(saved, (_DRAWS, len(saved))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    if judgement.status is TrialStatus.ACTIVE and low <= 0:
        judgement = Judgement(TrialStatus.ON_TRIAL, "the interval of its saving includes zero")
    return Suggestion(
        proposal.kind,
        proposal.target,
        proposal.share,
        float(saved.mean()),
        float(low),
        float(high),
        by_day,
        float(written_less_bytes.mean()),
        proposal.reason,
        proposal.target_type,
        proposal.target_files,
        proposal.target_bytes,
        judgement,
        unit,
        vain_bytes_per_day,
    )


def judge_savings(saved_by_day: Sequence[float], unit: SavingUnit = SavingUnit.BYTES) -> Judgement:
    """Judge by what the rule saved against LRU, day by day; negative where LRU served better.

    Fewer than TRIAL_DAYS days tell nothing yet. Once any WINDOW_DAYS days in a row (fewer while there are no more)
    have cost more than they saved, the suggestion is withdrawn and stays so: conditions that turned it can come back.
    """
    days = list(saved_by_day)
    for end in range(TRIAL_DAYS, len(days) + 1):
        window = days[max(0, end - WINDOW_DAYS) : end]
        if sum(window) < 0:
            lost = unit.format_amount(-sum(window))
            better = (
                f"LRU served {lost} more"
                if unit is SavingUnit.BYTES
                else f"readers waited {lost} longer than under LRU"
            )
            return Judgement(TrialStatus.WITHDRAWN, f"{better} in the {len(window)} days up to day {end} of the trial")
    if len(days) < TRIAL_DAYS:
        return Judgement(TrialStatus.ON_TRIAL, f"tried for {len(days)} of {TRIAL_DAYS} days")
    return Judgement(
        TrialStatus.ACTIVE, f"saved {unit.format_amount(sum(days) / len(days))} a day over {len(days)} days"
    )
