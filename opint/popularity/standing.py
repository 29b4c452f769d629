"""Which model may speak for a tier: one that beats what needs no model, for as long as it does.

A model is promoted where its F1 exceeds that of every baseline and the interval of each difference lies above zero. A
model that stands loses a tier when, over its newest weeks, it is worse than persistence with an interval below zero:
models rot, and nobody should have to notice that first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from opint.popularity.bootstrap import F1, interval
from opint.popularity.history import History
from opint.popularity.rolling import WeekForecast

PERSISTENCE = "persistence"
RECENT_WEEKS = 8
"""Newest weeks in which drift is looked for."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The model that forecasts for a tier, and why; ``demoted`` if another one stood there before."""

    tier: str
    model: str
    reason: str
    demoted: bool = False


def promoted(
    candidate: str,
    baselines: Sequence[str],
    forecasts: Mapping[str, Sequence[WeekForecast]],
    rng: np.random.Generator,
) -> Standing:
    """Whether ``candidate`` may stand, of all tiers together (tier is empty); else persistence does."""
    ours = F1(forecasts[candidate])
    weeks = len(forecasts[candidate])
    once = np.ones(weeks, dtype=np.int64)
    differences = []
    for name in baselines:
        theirs = F1(forecasts[name])
        low, high = interval(weeks, rng, ours, theirs)
        differences.append(
            f"F1 {ours(once):.3f} against {theirs(once):.3f} of {name}, difference [{low:.3f}, {high:.3f}]"
        )
        if not low > 0:
            return Standing("", PERSISTENCE, f"{candidate} does not beat {name} over {weeks} weeks: {differences[-1]}")
    return Standing("", candidate, f"over {weeks} weeks: " + "; ".join(differences))


def watched(
    standing: str, history: History, forecasts: Mapping[str, Sequence[WeekForecast]], rng: np.random.Generator
) -> list[Standing]:
    """Tier by tier, whether the model that stands still may; in the order of the tiers' names."""
    tiers = np.array(history.traits.get("tier", ("",) * history.shape[0]))
    return [_watched(str(tier), standing, tiers == tier, forecasts, rng) for tier in np.unique(tiers)]


def _watched(
    tier: str,
    standing: str,
    in_tier: np.ndarray[tuple[int], np.dtype[np.bool_]],
    forecasts: Mapping[str, Sequence[WeekForecast]],
    rng: np.random.Generator,
) -> Standing:
    ours, theirs = (
        [_only(forecast, in_tier) for forecast in forecasts[name][-RECENT_WEEKS:]] for name in (standing, PERSISTENCE)
    )
    if standing == PERSISTENCE:
        return Standing(tier, standing, "no model beats it over all tiers together")
    if len(ours) < RECENT_WEEKS or not any(forecast.popular.any() for forecast in ours):
        return Standing(tier, standing, "too little has come true to say otherwise")
    low, high = interval(len(ours), rng, F1(ours), F1(theirs))
    difference = f"F1 less that of persistence over the newest {len(ours)} weeks: [{low:.3f}, {high:.3f}]"
    if high < 0:
        return Standing(tier, PERSISTENCE, f"{standing} has fallen behind. {difference}", demoted=True)
    return Standing(tier, standing, difference)


def _only(forecast: WeekForecast, in_tier: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> WeekForecast:
    rows = in_tier[forecast.dataset]
    kept = forecast.dataset[rows], forecast.probability[rows], forecast.forecast[rows], forecast.popular[rows]
    return WeekForecast(forecast.made, forecast.week, *kept, forecast.threshold)
