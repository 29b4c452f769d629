"""Simulated catalogues: hits and misses by data tier, and of tiers in the weeks after they were introduced."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.dqm.over_seeds import interval
from benchmarks.popularity.compared import OURS, PERSISTENCE, forecasts, task_of
from benchmarks.report import Progress, Result
from opint.popularity.metrics import NEW, ConfusionCounts
from opint.popularity.scoreboard import score_rows, total_counts
from opint.popularity.simulate import TIERS, CatalogueSize, simulate_catalogue
from opint.popularity.walk_forward import WeekForecast

SIZE, QUICK_SIZE = CatalogueSize(3000, 120), CatalogueSize(400, 60)
JUDGED_WEEKS, QUICK_JUDGED_WEEKS = 36, 12
LEARNED_WEEKS = 26
"""Half a year is learned from: a catalogue has many more datasets in a week than the real series."""
FIRST_WEEKS = 4
"""Weeks in which a tier counts as new after its first appearance, as in the published figure."""


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """Means over catalogues, one for each seed."""
    del data
    size = QUICK_SIZE if quick else SIZE
    counts: dict[str, list[ConfusionCounts]] = {}
    for seed in seeds:
        task = task_of(simulate_catalogue(np.random.default_rng(seed), size))
        tiers = np.array(task.history.traits["tier"])
        begun = {tier: int(task.history.known_since[tiers == tier].min()) for tier in np.unique(tiers)}
        # From half of the time on: the tiers that begin part of the way through are among what is judged.
        first = size.weeks // 2
        weeks = range(first, first + (QUICK_JUDGED_WEEKS if quick else JUDGED_WEEKS))
        made_forecasts = forecasts(task, weeks, (OURS,), seed, progress, LEARNED_WEEKS)
        board = list(score_rows(task.history, made_forecasts))
        for name in (OURS, PERSISTENCE):
            for group in (*(tier.name for tier in TIERS), NEW):
                counts.setdefault(f"{name} {group}", []).append(total_counts(board, group, name))
            counts.setdefault(f"{name} new tier", []).append(_first_weeks(made_forecasts[name], tiers, begun))
    results: dict[str, Result] = {}
    for group in (*(tier.name for tier in TIERS), NEW, "new tier"):
        key = group.replace(" ", "_")
        ours, peer = counts[f"{OURS} {group}"], counts[f"{PERSISTENCE} {group}"]
        results[f"tpr_{key}"] = _result([count.tpr for count in ours], [count.tpr for count in peer])
        results[f"tnr_{key}"] = _result([count.tnr for count in ours], [count.tnr for count in peer])
    results["new_tier_tpr"], results["new_tier_tnr"] = results.pop("tpr_new_tier"), results.pop("tnr_new_tier")
    return results


def _first_weeks(forecasts: Sequence[WeekForecast], tiers: np.ndarray, begun: Mapping[str, int]) -> ConfusionCounts:
    """Of tiers that began while we watched, in the weeks after their first."""
    total = ConfusionCounts(0, 0, 0, 0)
    for forecast in forecasts:
        late = [tier for tier, since in begun.items() if since > 0 and since < forecast.week <= since + FIRST_WEEKS]
        which = np.isin(tiers[forecast.dataset], late)
        total += ConfusionCounts.of(forecast.forecast[which], forecast.popular[which])
    return total


def _result(values: Sequence[float], peer_values: Sequence[float]) -> Result:
    defined = [value for value in values if not np.isnan(value)]
    peer = [value for value in peer_values if not np.isnan(value)]
    mean, peer_mean = _mean(defined), _mean(peer)
    low, high = interval(defined)
    ratio = mean / peer_mean if peer_mean else None
    return Result(mean, "share", low, high, len(defined), PERSISTENCE, peer_mean, ratio)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
