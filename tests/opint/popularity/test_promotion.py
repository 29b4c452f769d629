"""Bootstrapped intervals, and the model that may forecast for a tier."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from opint.popularity.metrics import ConfusionCounts
from opint.popularity.predictors import PERSISTENCE
from opint.popularity.promotion import (
    RECENT_WEEKS,
    WeeklyF1,
    bootstrap_interval,
    choose_by_tier,
    choose_model,
)
from opint.popularity.walk_forward import BASELINES, WeekForecast


def week(forecast, popular, at=0):
    forecast, popular = np.array(forecast, dtype=bool), np.array(popular, dtype=bool)
    return WeekForecast(at - 1, at, np.arange(len(forecast)), forecast.astype(float), forecast, popular, 0.5)


@given(st.lists(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=6), min_size=1, max_size=5))
def test_f1_of_weeks_drawn_once_is_that_of_all_together(pairs):
    weeks = [week(*zip(*outcomes, strict=True)) for outcomes in pairs]
    once = np.ones(len(weeks), dtype=np.int64)
    counts = sum(
        (ConfusionCounts.of(forecast.forecast, forecast.popular) for forecast in weeks),
        start=ConfusionCounts(0, 0, 0, 0),
    )
    np.testing.assert_equal(WeeklyF1(weeks)(once), counts.f1)
    np.testing.assert_equal(WeeklyF1(weeks)(2 * once), counts.f1)


def test_an_interval_contains_its_measure_and_shrinks_with_weeks():
    rng = np.random.default_rng(2)

    def weeks(count):
        popular = [rng.random(200) < 0.2 for _ in range(count)]
        return [week(outcome ^ (rng.random(200) < 0.1), outcome) for outcome in popular]

    widths = []
    for count in (8, 120):
        forecasts = weeks(count)
        low, high = bootstrap_interval(count, rng, WeeklyF1(forecasts))
        assert low < WeeklyF1(forecasts)(np.ones(count, dtype=np.int64)) < high
        widths.append(high - low)
    assert widths[1] < 0.8 * widths[0]


def test_only_a_model_that_beats_every_baseline_is_promoted():
    rng = np.random.default_rng(3)
    popular = [rng.random(300) < 0.2 for _ in range(20)]

    def wrong(share):
        return [week(outcome ^ (rng.random(300) < share), outcome) for outcome in popular]

    forecasts = {"model": wrong(0.02), "same": wrong(0.1), PERSISTENCE: wrong(0.1), "last 4 weeks": wrong(0.15)}
    assert choose_model("model", BASELINES, forecasts, rng).model == "model"
    refused = choose_model("same", BASELINES, forecasts, rng)
    assert refused.model == PERSISTENCE
    assert "does not beat" in refused.reason


def test_a_model_that_has_drifted_loses_its_tier(task):
    rng = np.random.default_rng(4)
    history = task.history
    tier = np.array(history.traits["tier"])
    n, weeks = len(tier), RECENT_WEEKS + 4
    popular = [rng.random(n) < 0.2 for _ in range(weeks)]
    good = [week(outcome ^ (rng.random(n) < 0.05), outcome) for outcome in popular]
    drifted = [week(np.where(tier == "AOD", rng.random(n) < 0.2, outcome), outcome) for outcome in popular]
    by_tier = {
        choice.tier: choice for choice in choose_by_tier("model", history, {"model": drifted, PERSISTENCE: good}, rng)
    }
    assert by_tier["AOD"].demoted
    assert by_tier["AOD"].model == PERSISTENCE
    assert "fallen behind" in by_tier["AOD"].reason
    assert [choice.tier for choice in by_tier.values() if choice.demoted] == ["AOD"]
    short = {"model": drifted[:3], PERSISTENCE: good[:3]}
    assert not any(choice.demoted for choice in choose_by_tier("model", history, short, rng))
