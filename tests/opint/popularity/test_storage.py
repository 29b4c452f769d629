"""Stored forecasts, scoreboards and model choices, on both databases."""

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import select

from opint.incidents.families import POPULARITY_DRIFT
from opint.popularity.forecasting import Forecast
from opint.popularity.metrics import ConfusionCounts
from opint.popularity.predictors import PERSISTENCE
from opint.popularity.promotion import ModelChoice
from opint.popularity.scoreboard import ScoreRow
from opint.popularity.simulate import CatalogueSize, simulate_catalogue
from opint.popularity.storage import demoted_datasets, store_forecast, store_scoreboard
from opint.store import popularity
from opint.store import popularity as view
from opint.store.popularity import ForecastKey
from opint.store.retention import sweep
from opint.store.tables import incident

KEY = ForecastKey("cms", "naccess > 10", 1)
DAY_S = 86_400.0


@pytest.fixture(scope="module")
def history():
    return simulate_catalogue(np.random.default_rng(5), CatalogueSize(60, 30))


def row(week, tier, model, counts, auc=0.9):
    return ScoreRow(week, tier, model, counts, auc, float("nan"))


BOARD = [
    row(week, "all", model, ConfusionCounts(5, week, 2, 50)) for week in (27, 28) for model in ("blend", PERSISTENCE)
]


def forecast_of(history, probability, week=29):
    n = history.shape[0]
    probabilities = np.full(n, probability)
    new, unsure = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    return Forecast(week, week + 1, np.arange(n), probabilities, new, unsure, ("blend",) * n)


def test_a_week_that_is_forecast_again_is_replaced(store, history):
    for probability in (0.9, 0.1):
        store_forecast(store, KEY, history, forecast_of(history, probability), 5.0)
    store_forecast(store, replace(KEY, catalogue="atlas"), history, forecast_of(history, 0.5), 5.0)
    with store.read() as tx:
        names = [entry.catalogue for entry in view.catalogues(tx)]
        catalogue = next(entry for entry in view.catalogues(tx) if entry.catalogue == "cms")
        page = view.forecasts(tx, catalogue, search="", limit=1000, skip=0)
    assert sorted(names) == ["atlas", "cms"]
    assert page.week == history.weeks.start(30).isoformat()
    assert {entry.dataset for entry in page.items} == set(history.names)
    assert {entry.probability for entry in page.items} == {0.1}
    assert {entry.answer for entry in page.items} == {"no"}


def test_forecasts_are_found_by_part_of_their_names_and_paged(store, history):
    forecast = forecast_of(history, 0.5)
    forecast.probability[:] = np.linspace(0, 1, len(forecast.probability))
    store_forecast(store, KEY, history, forecast, 5.0)
    with store.read() as tx:
        (catalogue,) = view.catalogues(tx)
        first = view.forecasts(tx, catalogue, search="", limit=10, skip=0)
        second = view.forecasts(tx, catalogue, search="", limit=1000, skip=int(first.next))
        matching = view.forecasts(tx, catalogue, search="/AODSIM", limit=1000, skip=0)
        none = view.forecasts(tx, catalogue, search="%", limit=10, skip=0)
    probabilities = [item.probability for item in first.items + second.items]
    assert probabilities == sorted(probabilities, reverse=True)
    assert len(probabilities) == len(history.names)
    assert {item.dataset for item in matching.items} == {name for name in history.names if "/AODSIM" in name}
    assert none.items == [], "a percent sign stands for itself"


def test_scores_are_stored_once_for_a_week(store, history):
    for _ in range(2):
        store_scoreboard(store, KEY, history, BOARD, [ModelChoice("", "blend", "better")], 5.0)
    with store.read() as tx:
        (catalogue,) = view.catalogues(tx)
        scores = view.scores(tx, catalogue)
    assert [(score.week, score.model) for score in scores] == [
        (history.weeks.start(week).isoformat(), model) for week in (27, 28) for model in ("blend", PERSISTENCE)
    ]
    assert {score.false_positives for score in scores} == {27, 28}
    assert {score.average_precision for score in scores} == {None}


def test_a_tier_that_is_lost_is_an_incident_until_it_is_regained(store, history):
    def store_choice(tier_model, demoted, now_s):
        choices = [ModelChoice("", "blend", "better"), ModelChoice("AOD", tier_model, "because", demoted)]
        store_scoreboard(store, KEY, history, BOARD, choices, now_s)
        with store.read() as tx:
            (catalogue,) = view.catalogues(tx)
            since = {row.tier: row.since_s for row in view.model_choices(tx, catalogue)}
            rows = tx.execute(select(incident.c.family, incident.c.element_group, incident.c.state)).all()
            return since, [tuple(row) for row in rows], popularity.model_by_tier(tx, KEY)

    assert store_choice("blend", False, 1.0)[1] == []
    since, incidents, model_choices = store_choice(PERSISTENCE, True, 2.0)
    assert incidents == [(POPULARITY_DRIFT, "AOD", "open")]
    assert since == {"": 1.0, "AOD": 2.0}
    assert model_choices == {"": "blend", "AOD": PERSISTENCE}
    assert store_choice(PERSISTENCE, True, 3.0)[0] == {"": 1.0, "AOD": 2.0}
    assert store_choice("blend", False, 4.0)[1] == [(POPULARITY_DRIFT, "AOD", "resolved")]


def test_tiers_that_were_never_judged_go_with_all_others(history):
    tiers = np.array(history.traits["tier"])
    np.testing.assert_array_equal(demoted_datasets(history, {"": "blend", "AOD": PERSISTENCE}), tiers == "AOD")
    assert demoted_datasets(history, {"": PERSISTENCE}).all()
    assert not demoted_datasets(history, {}).any()


def test_old_weeks_are_forgotten_and_standings_are_not(store, history):
    store_forecast(store, KEY, history, forecast_of(history, 0.9), 100 * DAY_S)
    store_scoreboard(store, KEY, history, BOARD, [ModelChoice("", "blend", "better")], 100 * DAY_S)
    sweep(store, 101 * DAY_S, 2.0)
    with store.read() as tx:
        assert view.catalogues(tx)
    sweep(store, 104 * DAY_S, 2.0)
    with store.read() as tx:
        assert view.catalogues(tx) == []
        assert popularity.model_by_tier(tx, KEY) == {"": "blend"}
