"""Simulated catalogues: hits and misses by data tier, and of tiers in the weeks after they were introduced."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.dqm.over_seeds import interval
from benchmarks.popularity.compared import OURS, PERSISTENCE, forecasts, question_of
from benchmarks.report import Progress, Result
from opint.popularity.metrics import NEW, Counts
from opint.popularity.rolling import WeekForecast
from opint.popularity.scoreboard import rows, summed
from opint.popularity.simulate import TIERS, Size, simulate

SIZE, QUICK_SIZE = Size(3000, 120), Size(400, 60)
JUDGED_WEEKS, QUICK_JUDGED_WEEKS = 36, 12
LEARNED_WEEKS = 26
"""Half a year is learned from: a catalogue has many more datasets in a week than the real series."""
FIRST_WEEKS = 4
"""A tier is new in so many weeks after its first appearance, the published figure's."""


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """Means over catalogues, one for each seed."""
    del data
    size = QUICK_SIZE if quick else SIZE
    found: dict[str, list[Counts]] = {}
    for seed in seeds:
        question = question_of(simulate(np.random.default_rng(seed), size))
        tiers = np.array(question.history.traits["tier"])
        begun = {tier: int(question.history.known_since[tiers == tier].min()) for tier in np.unique(tiers)}
        # From half of the time on: the tiers that begin part of the way through are among what is judged.
        first = size.weeks // 2
        weeks = range(first, first + (QUICK_JUDGED_WEEKS if quick else JUDGED_WEEKS))
        told = forecasts(question, weeks, (OURS,), seed, progress, LEARNED_WEEKS)
        board = list(rows(question.history, told))
        for name in (OURS, PERSISTENCE):
            for group in (*(one.name for one in TIERS), NEW):
                found.setdefault(f"{name} {group}", []).append(summed(board, group, name))
            found.setdefault(f"{name} new tier", []).append(_first_weeks(told[name], tiers, begun))
    made: dict[str, Result] = {}
    for group in (*(one.name for one in TIERS), NEW, "new tier"):
        key = group.replace(" ", "_")
        ours, beside = found[f"{OURS} {group}"], found[f"{PERSISTENCE} {group}"]
        made[f"tpr_{key}"] = _result([one.tpr for one in ours], [one.tpr for one in beside])
        made[f"tnr_{key}"] = _result([one.tnr for one in ours], [one.tnr for one in beside])
    made["new_tier_tpr"], made["new_tier_tnr"] = made.pop("tpr_new_tier"), made.pop("tnr_new_tier")
    return made


def _first_weeks(told: Sequence[WeekForecast], tiers: np.ndarray, begun: Mapping[str, int]) -> Counts:
    """Of tiers that began while we watched, in the weeks after their first."""
    total = Counts(0, 0, 0, 0)
    for one in told:
        late = [tier for tier, since in begun.items() if since > 0 and since < one.week <= since + FIRST_WEEKS]
        which = np.isin(tiers[one.dataset], late)
        total += Counts.of(one.forecast[which], one.popular[which])
    return total


def _result(values: Sequence[float], beside: Sequence[float]) -> Result:
    known = [one for one in values if not np.isnan(one)]
    peer = [one for one in beside if not np.isnan(one)]
    value, other = _mean(known), _mean(peer)
    low, high = interval(known)
    return Result(value, "share", low, high, len(known), PERSISTENCE, other, value / other if other else None)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
