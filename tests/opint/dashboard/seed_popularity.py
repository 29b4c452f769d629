"""A store with a scoreboard of a simulated catalogue, who forecasts, and a forecast."""

import numpy as np

from opint.popularity.label import Label
from opint.popularity.models import trainer
from opint.popularity.next_week import forecast, train
from opint.popularity.rolling import Question
from opint.popularity.scoreboard import rows
from opint.popularity.simulate import Size, simulate
from opint.popularity.standing import PERSISTENCE, Standing
from opint.popularity.trial import trial
from opint.popularity_keeping import keep_forecast, keep_scoreboard
from opint.store.popularity import ForecastKey

LABEL = Label("naccess", ">", 10)


def now_s():
    """Of the page."""
    return 1_725_000_000.0


def fill(store):
    """Make the tables and put everything in."""
    store.upgrade()
    history = simulate(np.random.default_rng(5), Size(300, 40))
    question = Question.of(history, LABEL)
    told = trial(question, "blend", trainer("sgd"), 12, 6, 1)
    standings = [
        Standing("", "blend", "over 12 weeks: F1 0.810 against 0.760 of persistence, difference [0.010, 0.080]"),
        Standing("AOD", PERSISTENCE, "blend has fallen behind. F1 less that of persistence: [-0.200, -0.040]", True),
    ]
    asked = ForecastKey("simulated", str(LABEL), 1)
    keep_scoreboard(store, asked, history, list(rows(history, told)), standings, now_s() - 3600)
    found = forecast(question, 39, train(question, 39, "blend", trainer("sgd"), 1), 0.8)
    keep_forecast(store, asked, history, found, now_s() - 1800)
