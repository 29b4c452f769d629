"""What is stored of forecasts, scoreboards and standings, on both databases."""

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import select

from opint.incidents.families import POPULARITY_DRIFT
from opint.popularity.metrics import Counts
from opint.popularity.next_week import Forecast
from opint.popularity.scoreboard import Row
from opint.popularity.simulate import Size, simulate
from opint.popularity.standing import PERSISTENCE, Standing
from opint.popularity_keeping import fallen_back, keep_forecast, keep_scoreboard
from opint.store import popularity
from opint.store import popularity as view
from opint.store.popularity import ForecastKey
from opint.store.retention import sweep
from opint.store.tables import incident

ASKED = ForecastKey("cms", "naccess > 10", 1)
DAY_S = 86_400.0


@pytest.fixture(scope="module")
def history():
    return simulate(np.random.default_rng(5), Size(60, 30))


def row(week, tier, model, counts, auc=0.9):
    return Row(week, tier, model, counts, auc, float("nan"))


BOARD = [row(week, "all", model, Counts(5, week, 2, 50)) for week in (27, 28) for model in ("blend", PERSISTENCE)]


def made(history, probability, week=29):
    n = history.shape[0]
    told = np.full(n, probability)
    new, unsure = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    return Forecast(week, week + 1, np.arange(n), told, new, unsure, ("blend",) * n)


def test_a_week_that_is_forecast_again_is_replaced(store, history):
    for probability in (0.9, 0.1):
        keep_forecast(store, ASKED, history, made(history, probability), 5.0)
    keep_forecast(store, replace(ASKED, catalogue="atlas"), history, made(history, 0.5), 5.0)
    with store.read() as tx:
        names = [one.catalogue for one in view.catalogues(tx)]
        asked = next(one for one in view.catalogues(tx) if one.catalogue == "cms")
        page = view.forecasts(tx, asked, search="", limit=1000, skip=0)
    assert sorted(names) == ["atlas", "cms"]
    assert page.week == history.weeks.start(30).isoformat()
    assert {one.dataset for one in page.items} == set(history.names)
    assert {one.probability for one in page.items} == {0.1}
    assert {one.answer for one in page.items} == {"no"}


def test_forecasts_are_found_by_part_of_their_names_and_paged(store, history):
    found = made(history, 0.5)
    found.probability[:] = np.linspace(0, 1, len(found.probability))
    keep_forecast(store, ASKED, history, found, 5.0)
    with store.read() as tx:
        (asked,) = view.catalogues(tx)
        first = view.forecasts(tx, asked, search="", limit=10, skip=0)
        rest = view.forecasts(tx, asked, search="", limit=1000, skip=int(first.next))
        some = view.forecasts(tx, asked, search="/AODSIM", limit=1000, skip=0)
        none = view.forecasts(tx, asked, search="%", limit=10, skip=0)
    told = [one.probability for one in first.items + rest.items]
    assert told == sorted(told, reverse=True)
    assert len(told) == len(history.names)
    assert {one.dataset for one in some.items} == {name for name in history.names if "/AODSIM" in name}
    assert none.items == [], "a percent sign stands for itself"


def test_scores_are_stored_once_for_a_week(store, history):
    for _ in range(2):
        keep_scoreboard(store, ASKED, history, BOARD, [Standing("", "blend", "better")], 5.0)
    with store.read() as tx:
        (asked,) = view.catalogues(tx)
        scores = view.scores(tx, asked)
    assert [(one.week, one.model) for one in scores] == [
        (history.weeks.start(week).isoformat(), model) for week in (27, 28) for model in ("blend", PERSISTENCE)
    ]
    assert {one.false_positives for one in scores} == {27, 28}
    assert {one.average_precision for one in scores} == {None}


def test_a_tier_that_is_lost_is_an_incident_until_it_is_regained(store, history):
    def told(tier_model, demoted, now_s):
        found = [Standing("", "blend", "better"), Standing("AOD", tier_model, "because", demoted)]
        keep_scoreboard(store, ASKED, history, BOARD, found, now_s)
        with store.read() as tx:
            (asked,) = view.catalogues(tx)
            since = {one.tier: one.since_s for one in view.standings(tx, asked)}
            rows = tx.execute(select(incident.c.family, incident.c.element_group, incident.c.state)).all()
            return since, [tuple(one) for one in rows], popularity.model_by_tier(tx, ASKED)

    assert told("blend", False, 1.0)[1] == []
    since, incidents, standings = told(PERSISTENCE, True, 2.0)
    assert incidents == [(POPULARITY_DRIFT, "AOD", "open")]
    assert since == {"": 1.0, "AOD": 2.0}
    assert standings == {"": "blend", "AOD": PERSISTENCE}
    assert told(PERSISTENCE, True, 3.0)[0] == {"": 1.0, "AOD": 2.0}
    assert told("blend", False, 4.0)[1] == [(POPULARITY_DRIFT, "AOD", "resolved")]


def test_tiers_that_were_never_judged_go_with_all_others(history):
    tiers = np.array(history.traits["tier"])
    np.testing.assert_array_equal(fallen_back(history, {"": "blend", "AOD": PERSISTENCE}), tiers == "AOD")
    assert fallen_back(history, {"": PERSISTENCE}).all()
    assert not fallen_back(history, {}).any()


def test_old_weeks_are_forgotten_and_standings_are_not(store, history):
    keep_forecast(store, ASKED, history, made(history, 0.9), 100 * DAY_S)
    keep_scoreboard(store, ASKED, history, BOARD, [Standing("", "blend", "better")], 100 * DAY_S)
    sweep(store, 101 * DAY_S, 2.0)
    with store.read() as tx:
        assert view.catalogues(tx)
    sweep(store, 104 * DAY_S, 2.0)
    with store.read() as tx:
        assert view.catalogues(tx) == []
        assert popularity.model_by_tier(tx, ASKED) == {"": "blend"}
