"""The scoreboard of a back-test, and the forecast of the next week."""

import numpy as np
import pytest

from opint.popularity.errors import PopularityError
from opint.popularity.forecasting import forecast, train_model
from opint.popularity.metrics import ALL, NEW, ConfusionCounts, average_precision
from opint.popularity.models import trainer
from opint.popularity.scoreboard import score_rows, total_counts
from opint.popularity.walk_forward import backtest


def test_rows_of_tiers_add_up_to_those_of_all(task):
    forecasts = backtest(task, "sgd", trainer("sgd"), 24, 8, 1)
    board = list(score_rows(task.history, forecasts))
    tiers = {row.group for row in board} - {ALL, NEW}
    for model in forecasts:
        parts = sum((total_counts(board, tier, model) for tier in tiers), start=ConfusionCounts(0, 0, 0, 0))
        assert parts == total_counts(board, ALL, model)
        weeks = [row for row in board if (row.group, row.model) == (ALL, model)]
        assert [row.week for row in weeks] == [row.week for row in forecasts[model]]
        assert weeks[0].average_precision == average_precision(
            forecasts[model][0].probability, forecasts[model][0].popular
        )


def test_a_table_that_is_too_short_is_reported(task):
    with pytest.raises(PopularityError, match=r"has 60 weeks: at most \d+ of them"):
        backtest(task, "boosting", trainer("boosting"), 58, 4, 1)


def test_the_forecast_of_the_next_week_abstains_where_it_is_unsure(task):
    trained = train_model(task, 59, "sgd", trainer("sgd"), 1)
    result = forecast(task, 59, trained, 0.8)
    assert (result.issue_week, result.week) == (59, 60)
    assert len(result.dataset) == task.history.exists[:, 59].sum()
    sure = ~result.abstained
    assert (np.maximum(result.probability, 1 - result.probability)[sure] >= 0.8).all()
    assert {result.answer(row) for row in range(len(result.dataset))} >= {"yes", "no"}
    again = forecast(task, 59, train_model(task, 59, "sgd", trainer("sgd"), 1), 0.8)
    np.testing.assert_array_equal(result.probability, again.probability)
