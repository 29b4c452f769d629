"""The rolling protocol: forecasts that know the past alone, and features that would tell the future."""

from dataclasses import replace

import numpy as np
import pytest

from opint.popularity.errors import LeakError, PopularityError
from opint.popularity.examples import check_available, check_leakage, gather, labels
from opint.popularity.history import Label
from opint.popularity.metrics import ConfusionCounts
from opint.popularity.models import NAMES, trainer
from opint.popularity.models.classifiers import train_forest
from opint.popularity.predictors import ForecastTask, RetrainedModel, fit, persistence, recent_share
from opint.popularity.simulate import CatalogueSize, simulate_catalogue
from opint.popularity.walk_forward import walk_forward

LABEL = Label("naccess", ">", 10)


@pytest.fixture(scope="module")
def task():
    history = simulate_catalogue(np.random.default_rng(5), CatalogueSize(500, 40))
    return ForecastTask.of(history, LABEL)


def test_persistence_repeats_the_last_week(task):
    popular = LABEL.holds(task.history.measures["naccess"])
    for forecast in walk_forward(task, persistence, range(10, 15)):
        np.testing.assert_array_equal(forecast.probability, popular[forecast.dataset, forecast.week - 1])
        np.testing.assert_array_equal(forecast.popular, popular[forecast.dataset, forecast.week])
        assert (task.history.known_since[forecast.dataset] <= forecast.issue_week).all()


def test_the_share_of_the_last_weeks(task):
    rows, share = recent_share(task, 20, weeks=4)
    popular = LABEL.holds(task.history.measures["naccess"])
    np.testing.assert_allclose(share, popular[rows, 17:21].mean(axis=1))


def test_a_forecast_does_not_depend_on_what_comes_later(task):
    """A table that ends in week 29 gives the same forecast as the whole table."""
    short = task.history.until(29)
    early = ForecastTask.of(short, LABEL)
    for before, after in zip(
        walk_forward(early, RetrainedModel(train_forest, 1), range(28, 30)),
        walk_forward(task, RetrainedModel(train_forest, 1), range(28, 30)),
        strict=True,
    ):
        np.testing.assert_array_equal(before.probability, after.probability)
        np.testing.assert_array_equal(before.forecast, after.forecast)


@pytest.mark.parametrize("horizon", [1, 4])
def test_a_model_beats_chance(task, horizon):
    ahead = replace(task, horizon=horizon)
    forecasts = list(walk_forward(ahead, RetrainedModel(trainer("boosting"), 1, every=3), range(32, 38)))
    per_week = [ConfusionCounts.of(forecast.forecast, forecast.popular) for forecast in forecasts]
    counts = sum(per_week[1:], per_week[0])
    by_chance = (counts.true_positives + counts.false_negatives) / sum(forecast.popular.size for forecast in forecasts)
    assert counts.precision > 3 * by_chance
    assert counts.tpr > 0.3
    assert all(forecast.issue_week == forecast.week - horizon for forecast in forecasts)


@pytest.mark.parametrize("name", NAMES)
def test_every_model_gives_probabilities_and_repeats_itself(task, name):
    table = gather(task.columns, task.history, range(10, 30))
    popular = labels(table, task.history, LABEL, 1)
    first, second = (trainer(name)(table.values, popular, 7).probabilities(table.values) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == popular.shape
    assert ((first >= 0) & (first <= 1)).all()
    assert first[popular].mean() > 3 * first[~popular].mean()


def test_a_model_that_is_not_there_is_reported():
    with pytest.raises(PopularityError, match="known are forest"):
        trainer("oracle")


def test_what_cannot_be_learned_is_reported(task):
    with pytest.raises(PopularityError, match="training needs at least 6"):
        fit(task, 3, train_forest, 1, 104)
    never = replace(task, label=Label("naccess", ">", 1e9))
    with pytest.raises(PopularityError, match=r"none of \d+ examples .* naccess > 1000000000: nothing to learn"):
        fit(never, 30, train_forest, 1, 104)


def leaking(task, week_after):
    """The table of a forecast into which accesses of the forecast week itself have found their way."""
    table = gather(task.columns, task.history, range(10, 30))
    usage = task.history.measures["nusers"][table.dataset, table.week + 1]
    return replace(
        table,
        names=(*table.names, "nusers"),
        values=np.column_stack([table.values, usage]),
        known_after=(*table.known_after, week_after),
    )


def test_usage_of_the_forecast_week_makes_forecasts_perfect(task):
    """The published result of TPR = TNR = 1.000: the label stood inside the features."""
    table = gather(task.columns, task.history, range(10, 38))
    popular = labels(table, task.history, LABEL, 1)
    naccess = task.history.measures["naccess"][table.dataset, table.week + 1]
    values = np.column_stack([table.values, naccess])
    early = table.week < 30
    model = train_forest(values[early], popular[early], 1)
    counts = ConfusionCounts.of(model.probabilities(values[~early]) > 0.5, popular[~early])
    assert (counts.tpr, counts.tnr) == pytest.approx((1.0, 1.0), abs=0.002)
    leaked = replace(table, names=(*table.names, "naccess"), values=values, known_after=(*table.known_after, 0))
    with pytest.raises(LeakError, match=r"feature 'naccess' orders 100\.00% of all pairs"):
        check_leakage(leaked, popular)


def test_a_column_that_is_known_too_late_is_refused(task):
    with pytest.raises(LeakError, match="'nusers' is known 1 week after the forecast is made"):
        check_available(leaking(task, 1))
    check_available(leaking(task, 0))


def test_honest_features_are_not_suspected(task):
    table = gather(task.columns, task.history, range(10, 30))
    check_leakage(table, labels(table, task.history, LABEL, 1))
