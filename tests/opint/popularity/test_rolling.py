"""The rolling protocol: forecasts that know the past alone, and features that would tell the future."""

from dataclasses import replace

import numpy as np
import pytest

from opint.popularity.baselines import last_weeks, persistence
from opint.popularity.errors import LeakError, PopularityError
from opint.popularity.examples import check_honest, check_known, gather, labels
from opint.popularity.label import Label
from opint.popularity.metrics import Counts
from opint.popularity.models import NAMES, trainer
from opint.popularity.models.forest import train as train_forest
from opint.popularity.rolling import Learned, Question, fit, roll
from opint.popularity.simulate import Size, simulate

LABEL = Label("naccess", ">", 10)


@pytest.fixture(scope="module")
def question():
    history = simulate(np.random.default_rng(5), Size(900, 40))
    return Question.of(history, LABEL)


def test_persistence_says_what_was(question):
    popular = LABEL.holds(question.history.measures["naccess"])
    for one in roll(question, persistence, range(10, 15)):
        np.testing.assert_array_equal(one.probability, popular[one.dataset, one.week - 1])
        np.testing.assert_array_equal(one.popular, popular[one.dataset, one.week])
        assert (question.history.known_since[one.dataset] <= one.made).all()


def test_the_share_of_the_last_weeks(question):
    rows, share = last_weeks(question, 20, weeks=4)
    popular = LABEL.holds(question.history.measures["naccess"])
    np.testing.assert_allclose(share, popular[rows, 17:21].mean(axis=1))


def test_a_forecast_does_not_depend_on_what_comes_later(question):
    """What was forecast with a table that ends in week 29 is what is forecast with the whole one."""
    short = question.history.until(29)
    early = Question.of(short, LABEL)
    for one, two in zip(
        roll(early, Learned(train_forest, 1), range(28, 30)),
        roll(question, Learned(train_forest, 1), range(28, 30)),
        strict=True,
    ):
        np.testing.assert_array_equal(one.probability, two.probability)
        np.testing.assert_array_equal(one.forecast, two.forecast)


@pytest.mark.parametrize("horizon", [1, 4])
def test_a_model_beats_a_coin(question, horizon):
    asked = replace(question, horizon=horizon)
    told = list(roll(asked, Learned(trainer("boosting"), 1, every=3), range(30, 40)))
    per_week = [Counts.of(one.forecast, one.popular) for one in told]
    counts = sum(per_week[1:], per_week[0])
    by_chance = (counts.true_positives + counts.false_negatives) / sum(one.popular.size for one in told)
    assert counts.precision > 3 * by_chance
    assert counts.tpr > 0.3
    assert all(one.made == one.week - horizon for one in told)


@pytest.mark.parametrize("name", NAMES)
def test_every_model_gives_probabilities_and_repeats_itself(question, name):
    table = gather(question.columns, question.history, range(10, 30))
    popular = labels(table, question.history, LABEL, 1)
    first, second = (trainer(name)(table.values, popular, 7).probabilities(table.values) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == popular.shape
    assert ((first >= 0) & (first <= 1)).all()
    assert first[popular].mean() > 3 * first[~popular].mean()


def test_a_model_that_is_not_there_is_told():
    with pytest.raises(PopularityError, match="known are forest"):
        trainer("oracle")


def test_what_cannot_be_learned_is_told(question):
    with pytest.raises(PopularityError, match="training needs at least 6"):
        fit(question, 3, train_forest, 1, 104)
    never = replace(question, label=Label("naccess", ">", 1e9))
    with pytest.raises(PopularityError, match=r"none of \d+ examples .* naccess > 1000000000: nothing to learn"):
        fit(never, 30, train_forest, 1, 104)


def leaking(question, week_after):
    """The table of a forecast into which accesses of the forecast week itself have found their way."""
    table = gather(question.columns, question.history, range(10, 30))
    usage = question.history.measures["nusers"][table.dataset, table.week + 1]
    return replace(
        table,
        names=(*table.names, "nusers"),
        values=np.column_stack([table.values, usage]),
        known_after=(*table.known_after, week_after),
    )


def test_usage_of_the_forecast_week_makes_forecasts_perfect(question):
    """The published result of TPR = TNR = 1.000: the label stood inside the features."""
    table = gather(question.columns, question.history, range(10, 38))
    popular = labels(table, question.history, LABEL, 1)
    naccess = question.history.measures["naccess"][table.dataset, table.week + 1]
    values = np.column_stack([table.values, naccess])
    early = table.week < 30
    model = train_forest(values[early], popular[early], 1)
    found = Counts.of(model.probabilities(values[~early]) > 0.5, popular[~early])
    assert (found.tpr, found.tnr) == pytest.approx((1.0, 1.0), abs=0.002)
    leaked = replace(table, names=(*table.names, "naccess"), values=values, known_after=(*table.known_after, 0))
    with pytest.raises(LeakError, match=r"feature 'naccess' orders 100\.00% of all pairs"):
        check_honest(leaked, popular)


def test_a_column_that_is_known_too_late_is_refused(question):
    with pytest.raises(LeakError, match="'nusers' is known 1 week after the forecast is made"):
        check_known(leaking(question, 1))
    check_known(leaking(question, 0))


def test_honest_features_are_not_suspected(question):
    table = gather(question.columns, question.history, range(10, 30))
    check_honest(table, labels(table, question.history, LABEL, 1))
