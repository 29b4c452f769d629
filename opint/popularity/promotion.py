"""Which model may forecast for a tier: one that beats the baselines, for as long as it does.

A model is promoted where its F1 exceeds that of every baseline and the interval of each difference lies above zero. A
promoted model loses a tier when, over its newest weeks, it is worse than persistence with an interval below zero.

Intervals are bootstrapped over weeks (B. Efron, Ann. Statist. 7 (1979) 1; percentiles of 95 %), since the datasets of
one week share its conferences. Two models are measured on the same draws, so that their difference has its own
interval.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass

import numpy as np
import numpy.typing as npt

from opint.popularity.history import History
from opint.popularity.metrics import ConfusionCounts
from opint.popularity.predictors import PERSISTENCE
from opint.popularity.walk_forward import WeekForecast
from streams.arrays import Mask

Weights = npt.NDArray[np.int64]
Measure = Callable[[Weights], float]
"""A measure of several weeks, given how often each is drawn."""
DRAWS = 1000
RECENT_WEEKS = 8
"""Newest weeks that are checked for drift."""


def bootstrap_interval(
    weeks: int, rng: np.random.Generator, measure: Measure, baseline: Measure | None = None
) -> tuple[float, float]:
    """The 95 % interval of ``measure``, or of its difference from ``baseline``, over resampled ``weeks``."""
    draws = []
    for _ in range(DRAWS):
        weights = np.bincount(rng.integers(0, weeks, weeks), minlength=weeks)
        draws.append(measure(weights) - (0.0 if baseline is None else baseline(weights)))
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return float(low), float(high)


class WeeklyF1:
    """F1 of the forecasts of several weeks together; NaN if nothing was popular and nothing was forecast."""

    def __init__(self, weeks: Sequence[WeekForecast]) -> None:
        """Count each week once."""
        self._counts = np.array([astuple(ConfusionCounts.of(week.forecast, week.popular)) for week in weeks])

    def __call__(self, weights: Weights) -> float:
        """F1 with each week counted as often as it was drawn."""
        return ConfusionCounts(*(int(count) for count in weights @ self._counts)).f1


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The model that forecasts for a tier, and why; ``demoted`` if it replaces a promoted model."""

    tier: str
    model: str
    reason: str
    demoted: bool = False


def choose_model(
    candidate: str,
    baselines: Sequence[str],
    forecasts: Mapping[str, Sequence[WeekForecast]],
    rng: np.random.Generator,
) -> ModelChoice:
    """The choice for all tiers together (tier is empty): ``candidate`` if it beats every baseline, else persistence."""
    ours = WeeklyF1(forecasts[candidate])
    weeks = len(forecasts[candidate])
    once = np.ones(weeks, dtype=np.int64)
    differences = []
    for name in baselines:
        theirs = WeeklyF1(forecasts[name])
        low, high = bootstrap_interval(weeks, rng, ours, theirs)
        differences.append(
            f"F1 {ours(once):.3f} against {theirs(once):.3f} of {name}, difference [{low:.3f}, {high:.3f}]"
        )
        if not low > 0:
            return ModelChoice(
                "", PERSISTENCE, f"{candidate} does not beat {name} over {weeks} weeks: {differences[-1]}"
            )
    return ModelChoice("", candidate, f"over {weeks} weeks: " + "; ".join(differences))


def choose_by_tier(
    promoted: str, history: History, forecasts: Mapping[str, Sequence[WeekForecast]], rng: np.random.Generator
) -> list[ModelChoice]:
    """The choice for each tier, sorted by name: the ``promoted`` model, or persistence where it has fallen behind."""
    tiers = np.array(history.traits.get("tier", ("",) * history.shape[0]))
    return [_choose_for_tier(str(tier), promoted, tiers == tier, forecasts, rng) for tier in np.unique(tiers)]


def _choose_for_tier(
    tier: str,
    promoted: str,
    in_tier: Mask,
    forecasts: Mapping[str, Sequence[WeekForecast]],
    rng: np.random.Generator,
) -> ModelChoice:
    ours, theirs = (
        [_restrict(forecast, in_tier) for forecast in forecasts[name][-RECENT_WEEKS:]]
        for name in (promoted, PERSISTENCE)
    )
    if promoted == PERSISTENCE:
        return ModelChoice(tier, promoted, "no model beats it over all tiers together")
    if len(ours) < RECENT_WEEKS or not any(forecast.popular.any() for forecast in ours):
        return ModelChoice(tier, promoted, "too little has come true to say otherwise")
    low, high = bootstrap_interval(len(ours), rng, WeeklyF1(ours), WeeklyF1(theirs))
    difference = f"F1 less that of persistence over the newest {len(ours)} weeks: [{low:.3f}, {high:.3f}]"
    if high < 0:
        return ModelChoice(tier, PERSISTENCE, f"{promoted} has fallen behind. {difference}", demoted=True)
    return ModelChoice(tier, promoted, difference)


def _restrict(forecast: WeekForecast, in_tier: Mask) -> WeekForecast:
    rows = in_tier[forecast.dataset]
    columns = forecast.dataset[rows], forecast.probability[rows], forecast.forecast[rows], forecast.popular[rows]
    return WeekForecast(forecast.issue_week, forecast.week, *columns, forecast.threshold)
