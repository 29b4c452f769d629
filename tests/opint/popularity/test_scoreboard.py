"""Calibration, cold start, scoreboard, intervals and standings."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opint.popularity.calibration import CalibratedModel, fit_platt, is_unsure
from opint.popularity.cold_start import NEW_WEEKS, ColdStartModel, is_new, name_prior
from opint.popularity.errors import PopularityError
from opint.popularity.forecasting import forecast, train_model
from opint.popularity.label import Label
from opint.popularity.metrics import ALL, NEW, Counts, average_precision
from opint.popularity.models import trainer
from opint.popularity.predictors import PERSISTENCE, ForecastTask, RetrainedModel, persistence
from opint.popularity.promotion import (
    RECENT_WEEKS,
    WeeklyF1,
    bootstrap_interval,
    choose_by_tier,
    choose_model,
)
from opint.popularity.scoreboard import score_rows, total_counts
from opint.popularity.simulate import CatalogueSize, simulate_catalogue
from opint.popularity.walk_forward import BASELINES, WeekForecast, backtest, walk_forward

LABEL = Label("naccess", ">", 10)


@pytest.fixture(scope="module")
def task():
    history = simulate_catalogue(np.random.default_rng(5), CatalogueSize(600, 60))
    return ForecastTask.of(history, LABEL)


@pytest.fixture(scope="module")
def forecasts(task):
    return backtest(task, "sgd", trainer("sgd"), 24, 8, 1)


def brier(weeks):
    return np.mean(np.concatenate([(forecast.probability - forecast.popular) ** 2 for forecast in weeks]))


def week(forecast, popular, at=0):
    forecast, popular = np.array(forecast, dtype=bool), np.array(popular, dtype=bool)
    return WeekForecast(at - 1, at, np.arange(len(forecast)), forecast.astype(float), forecast, popular, 0.5)


def test_a_distorted_probability_is_corrected_and_keeps_its_order():
    rng = np.random.default_rng(1)
    true = rng.beta(0.4, 2.0, 20_000)
    popular = rng.random(20_000) < true
    odds = np.clip(true, 1e-9, 1 - 1e-9)
    bold = 1 / (1 + np.exp(-(2.5 * np.log(odds / (1 - odds)) + 1.0)))
    mended = fit_platt(bold[:10_000], popular[:10_000])(bold[10_000:])
    late = popular[10_000:]
    assert np.mean((mended - late) ** 2) < np.mean((bold[10_000:] - late) ** 2) - 0.01
    for low, high in ((0.1, 0.3), (0.4, 0.6), (0.7, 0.9)):
        which = (mended > low) & (mended < high)
        assert mended[which].mean() == pytest.approx(late[which].mean(), abs=0.04)
    assert (np.diff(mended[np.argsort(bold[10_000:])]) >= 0).all()


def test_few_outcomes_change_nothing():
    probability = np.array([0.1, 0.9])
    np.testing.assert_array_equal(fit_platt(np.full(50, 0.5), np.zeros(50, dtype=bool))(probability), probability)


def test_calibration_uses_the_past_alone(task):
    until = task.history.until(40)
    early = ForecastTask.of(until, LABEL)
    probabilities = [
        [CalibratedModel(persistence)(known, week)[1] for week in range(35, 41)] for known in (task, early)
    ]
    once = CalibratedModel(persistence)
    whole = [once(task, week)[1] for week in range(35, 41)]
    for week, other in zip(*probabilities, strict=True):
        np.testing.assert_array_equal(week, other)
    assert not np.array_equal(whole[-1], probabilities[0][-1]), "what came true has been used"


def test_abstaining_is_between_yes_and_no():
    np.testing.assert_array_equal(
        is_unsure(np.array([0.05, 0.2, 0.21, 0.79, 0.8, 0.99]), 0.8), [False, False, True, True, False, False]
    )


def test_a_new_dataset_is_judged_by_its_kind(task):
    history, at = task.history, 45
    share = name_prior(task, at)
    fresh = is_new(history, at)
    assert fresh.any()
    assert (at - history.known_since[fresh] < NEW_WEEKS).all()
    assert ((share > 0) & (share < 1)).all()
    tier = np.array(history.traits["tier"])
    assert share[tier == "MINIAOD"].mean() > 3 * share[tier == "RAW"].mean()
    # An unknown campaign, primary and tier fall back on all newcomers.
    row = int(np.argmax(history.known_since))
    assert history.known_since[row] > at
    traits = {kind: (*words[:row], "NOVEL", *words[row + 1 :]) for kind, words in history.traits.items()}
    novel, nameless = (name_prior(replace(task, history=replace(history, traits=kinds)), at) for kinds in (traits, {}))
    assert novel[row] == pytest.approx(nameless[row])


def test_only_new_datasets_are_changed_by_their_names(task):
    rows_, plain = persistence(task, 45)
    same, mixed = ColdStartModel(persistence)(task, 45)
    np.testing.assert_array_equal(rows_, same)
    changed = rows_[plain != mixed]
    assert len(changed)
    assert is_new(task.history, 45)[changed].all()


def test_rows_of_tiers_add_up_to_those_of_all(task, forecasts):
    board = list(score_rows(task.history, forecasts))
    tiers = {row.group for row in board} - {ALL, NEW}
    for model in forecasts:
        parts = sum((total_counts(board, tier, model) for tier in tiers), start=Counts(0, 0, 0, 0))
        assert parts == total_counts(board, ALL, model)
        weeks = [row for row in board if (row.group, row.model) == (ALL, model)]
        assert [row.week for row in weeks] == [row.week for row in forecasts[model]]
        assert weeks[0].average_precision == average_precision(
            forecasts[model][0].probability, forecasts[model][0].popular
        )


def test_a_model_is_better_with_its_calibration(task):
    plain = list(walk_forward(task, RetrainedModel(trainer("sgd"), 1, every=10), range(40, 60)))
    mended = list(walk_forward(task, CalibratedModel(RetrainedModel(trainer("sgd"), 1, every=10)), range(40, 60)))
    assert brier(mended) <= brier(plain) * 1.02


@given(st.lists(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=6), min_size=1, max_size=5))
@settings(deadline=None)
def test_f1_of_weeks_drawn_once_is_that_of_all_together(pairs):
    weeks = [week(*zip(*outcomes, strict=True)) for outcomes in pairs]
    once = np.ones(len(weeks), dtype=np.int64)
    counts = sum((Counts.of(forecast.forecast, forecast.popular) for forecast in weeks), start=Counts(0, 0, 0, 0))
    np.testing.assert_equal(WeeklyF1(weeks)(once), counts.f1)
    np.testing.assert_equal(WeeklyF1(weeks)(2 * once), counts.f1)


def test_an_interval_contains_its_measure_and_shrinks_with_weeks():
    rng = np.random.default_rng(2)

    def weeks(count):
        popular = [rng.random(200) < 0.2 for _ in range(count)]
        return [week(outcome ^ (rng.random(200) < 0.1), outcome) for outcome in popular]

    widths = []
    for count in (8, 120):
        made = weeks(count)
        low, high = bootstrap_interval(count, rng, WeeklyF1(made))
        assert low < WeeklyF1(made)(np.ones(count, dtype=np.int64)) < high
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
    rotten = [week(np.where(tier == "AOD", rng.random(n) < 0.2, outcome), outcome) for outcome in popular]
    by_tier = {
        outcome.tier: outcome for outcome in choose_by_tier("model", history, {"model": rotten, PERSISTENCE: good}, rng)
    }
    assert by_tier["AOD"].demoted
    assert by_tier["AOD"].model == PERSISTENCE
    assert "fallen behind" in by_tier["AOD"].reason
    assert [outcome.tier for outcome in by_tier.values() if outcome.demoted] == ["AOD"]
    short = {"model": rotten[:3], PERSISTENCE: good[:3]}
    assert not any(outcome.demoted for outcome in choose_by_tier("model", history, short, rng))


def test_the_forecast_of_the_next_week_abstains_where_it_is_unsure(task):
    trained = train_model(task, 59, "sgd", trainer("sgd"), 1)
    result = forecast(task, 59, trained, 0.8)
    assert (result.made, result.week) == (59, 60)
    assert len(result.dataset) == task.history.exists[:, 59].sum()
    sure = ~result.abstained
    assert (np.maximum(result.probability, 1 - result.probability)[sure] >= 0.8).all()
    assert {result.answer(row) for row in range(len(result.dataset))} >= {"yes", "no"}
    again = forecast(task, 59, train_model(task, 59, "sgd", trainer("sgd"), 1), 0.8)
    np.testing.assert_array_equal(result.probability, again.probability)


def test_a_table_that_is_too_short_is_reported(task):
    with pytest.raises(PopularityError, match=r"has 60 weeks: at most \d+ of them"):
        backtest(task, "boosting", trainer("boosting"), 58, 4, 1)
