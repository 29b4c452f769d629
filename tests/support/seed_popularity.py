"""A store with a scoreboard of a simulated catalogue, who forecasts, and a forecast."""

import numpy as np

from opint.popularity.forecasting import forecast, train_model
from opint.popularity.history import Label
from opint.popularity.models import trainer
from opint.popularity.predictors import PERSISTENCE, ForecastTask
from opint.popularity.promotion import ModelChoice
from opint.popularity.scoreboard import score_rows
from opint.popularity.simulate import CatalogueSize, simulate_catalogue
from opint.popularity.storage import store_forecast, store_scoreboard
from opint.popularity.walk_forward import backtest
from opint.store.popularity import ForecastKey

LABEL = Label("naccess", ">", 10)


def now_s():
    """Of the page."""
    return 1_725_000_000.0


def fill(store):
    """Make the tables and put everything in."""
    store.upgrade()
    history = simulate_catalogue(np.random.default_rng(5), CatalogueSize(300, 40))
    task = ForecastTask.of(history, LABEL)
    forecasts = backtest(task, "blend", trainer("sgd"), 12, 6, 1)
    model_choices = [
        ModelChoice("", "blend", "over 12 weeks: F1 0.810 against 0.760 of persistence, difference [0.010, 0.080]"),
        ModelChoice("AOD", PERSISTENCE, "blend has fallen behind. F1 less that of persistence: [-0.200, -0.040]", True),
    ]
    key = ForecastKey("simulated", str(LABEL), 1)
    store_scoreboard(store, key, history, list(score_rows(history, forecasts)), model_choices, now_s() - 3600)
    result = forecast(task, 39, train_model(task, 39, "blend", trainer("sgd"), 1), 0.8)
    store_forecast(store, key, history, result, now_s() - 1800)
