"""Calibration, cold start, scoreboard, intervals and standings."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opint.popularity.baselines import persistence
from opint.popularity.bootstrap import F1, AveragePrecision, interval
from opint.popularity.calibrated import Calibrated, curve, unsure
from opint.popularity.cold_start import NEW_WEEKS, ColdStart, by_name, is_new
from opint.popularity.errors import PopularityError
from opint.popularity.label import Label
from opint.popularity.metrics import ALL, NEW, Counts, average_precision
from opint.popularity.models import trainer
from opint.popularity.next_week import forecast, train
from opint.popularity.rolling import Learned, Question, WeekForecast, roll
from opint.popularity.scoreboard import rows, summed
from opint.popularity.simulate import Size, simulate
from opint.popularity.standing import PERSISTENCE, RECENT_WEEKS, promoted, watched
from opint.popularity.trial import BASELINES, trial

LABEL = Label("naccess", ">", 10)


@pytest.fixture(scope="module")
def question():
    history = simulate(np.random.default_rng(5), Size(600, 60))
    return Question.of(history, LABEL)


@pytest.fixture(scope="module")
def told(question):
    return trial(question, "sgd", trainer("sgd"), 24, 8, 1)


def brier(weeks):
    return np.mean(np.concatenate([(one.probability - one.popular) ** 2 for one in weeks]))


def week(forecast, popular, at=0):
    forecast, popular = np.array(forecast, dtype=bool), np.array(popular, dtype=bool)
    return WeekForecast(at - 1, at, np.arange(len(forecast)), forecast.astype(float), forecast, popular, 0.5)


def test_a_distorted_probability_is_mended_and_keeps_its_order():
    rng = np.random.default_rng(1)
    true = rng.beta(0.4, 2.0, 20_000)
    popular = rng.random(20_000) < true
    odds = np.clip(true, 1e-9, 1 - 1e-9)
    bold = 1 / (1 + np.exp(-(2.5 * np.log(odds / (1 - odds)) + 1.0)))
    mended = curve(bold[:10_000], popular[:10_000])(bold[10_000:])
    late = popular[10_000:]
    assert np.mean((mended - late) ** 2) < np.mean((bold[10_000:] - late) ** 2) - 0.01
    for low, high in ((0.1, 0.3), (0.4, 0.6), (0.7, 0.9)):
        which = (mended > low) & (mended < high)
        assert mended[which].mean() == pytest.approx(late[which].mean(), abs=0.04)
    assert (np.diff(mended[np.argsort(bold[10_000:])]) >= 0).all()


def test_too_little_that_came_true_changes_nothing():
    told = np.array([0.1, 0.9])
    np.testing.assert_array_equal(curve(np.full(50, 0.5), np.zeros(50, dtype=bool))(told), told)


def test_calibration_knows_the_past_alone(question):
    until = question.history.until(40)
    early = Question.of(until, LABEL)
    found = [[Calibrated(persistence)(asked, one)[1] for one in range(35, 41)] for asked in (question, early)]
    once = Calibrated(persistence)
    whole = [once(question, one)[1] for one in range(35, 41)]
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(whole[-1], found[0][-1]), "what came true has been used"


def test_abstaining_is_between_yes_and_no():
    np.testing.assert_array_equal(
        unsure(np.array([0.05, 0.2, 0.21, 0.79, 0.8, 0.99]), 0.8), [False, False, True, True, False, False]
    )


def test_a_new_dataset_is_judged_by_its_kind(question):
    history, at = question.history, 45
    share = by_name(question, at)
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
    novel, nameless = (by_name(replace(question, history=replace(history, traits=one)), at) for one in (traits, {}))
    assert novel[row] == pytest.approx(nameless[row])


def test_only_new_datasets_are_changed_by_their_names(question):
    rows_, plain = persistence(question, 45)
    same, mixed = ColdStart(persistence)(question, 45)
    np.testing.assert_array_equal(rows_, same)
    changed = rows_[plain != mixed]
    assert len(changed)
    assert is_new(question.history, 45)[changed].all()


def test_rows_of_tiers_add_up_to_those_of_all(question, told):
    board = list(rows(question.history, told))
    tiers = {one.group for one in board} - {ALL, NEW}
    for model in told:
        parts = sum((summed(board, tier, model) for tier in tiers), start=Counts(0, 0, 0, 0))
        assert parts == summed(board, ALL, model)
        weeks = [one for one in board if (one.group, one.model) == (ALL, model)]
        assert [one.week for one in weeks] == [one.week for one in told[model]]
        assert weeks[0].average_precision == average_precision(told[model][0].probability, told[model][0].popular)


def test_a_model_is_better_with_its_calibration(question):
    plain = list(roll(question, Learned(trainer("sgd"), 1, every=10), range(40, 60)))
    mended = list(roll(question, Calibrated(Learned(trainer("sgd"), 1, every=10)), range(40, 60)))
    assert brier(mended) <= brier(plain) * 1.02


@given(st.lists(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=6), min_size=1, max_size=5))
@settings(deadline=None)
def test_measures_of_weeks_drawn_once_are_those_of_all_together(pairs):
    weeks = [week(*zip(*one, strict=True)) for one in pairs]
    once = np.ones(len(weeks), dtype=np.int64)
    counts = sum((Counts.of(one.forecast, one.popular) for one in weeks), start=Counts(0, 0, 0, 0))
    np.testing.assert_equal(F1(weeks)(once), counts.f1)
    probability, popular = (
        np.concatenate([getattr(one, name) for one in weeks]) for name in ("probability", "popular")
    )
    np.testing.assert_allclose(AveragePrecision(weeks)(once), average_precision(probability, popular))
    twice = 2 * once
    np.testing.assert_equal(F1(weeks)(twice), counts.f1)


def test_an_interval_holds_what_it_is_of_and_shrinks_with_weeks():
    rng = np.random.default_rng(2)

    def weeks(count):
        popular = [rng.random(200) < 0.2 for _ in range(count)]
        return [week(one ^ (rng.random(200) < 0.1), one) for one in popular]

    widths = []
    for count in (8, 120):
        made = weeks(count)
        low, high = interval(count, rng, F1(made))
        assert low < F1(made)(np.ones(count, dtype=np.int64)) < high
        widths.append(high - low)
    assert widths[1] < 0.8 * widths[0]


def test_only_who_beats_every_baseline_is_promoted():
    rng = np.random.default_rng(3)
    popular = [rng.random(300) < 0.2 for _ in range(20)]

    def wrong(share):
        return [week(one ^ (rng.random(300) < share), one) for one in popular]

    found = {"model": wrong(0.02), "same": wrong(0.1), PERSISTENCE: wrong(0.1), "last 4 weeks": wrong(0.15)}
    assert promoted("model", BASELINES, found, rng).model == "model"
    refused = promoted("same", BASELINES, found, rng)
    assert refused.model == PERSISTENCE
    assert "does not beat" in refused.reason


def test_a_model_that_rots_loses_its_tier(question):
    rng = np.random.default_rng(4)
    history = question.history
    tier = np.array(history.traits["tier"])
    n, weeks = len(tier), RECENT_WEEKS + 4
    popular = [rng.random(n) < 0.2 for _ in range(weeks)]
    good = [week(one ^ (rng.random(n) < 0.05), one) for one in popular]
    rotten = [week(np.where(tier == "AOD", rng.random(n) < 0.2, one), one) for one in popular]
    told = {one.tier: one for one in watched("model", history, {"model": rotten, PERSISTENCE: good}, rng)}
    assert told["AOD"].demoted
    assert told["AOD"].model == PERSISTENCE
    assert "fallen behind" in told["AOD"].reason
    assert [one.tier for one in told.values() if one.demoted] == ["AOD"]
    short = {"model": rotten[:3], PERSISTENCE: good[:3]}
    assert not any(one.demoted for one in watched("model", history, short, rng))


def test_the_forecast_of_the_next_week_says_what_it_is_sure_of(question):
    trained = train(question, 59, "sgd", trainer("sgd"), 1)
    found = forecast(question, 59, trained, 0.8)
    assert (found.made, found.week) == (59, 60)
    assert len(found.dataset) == question.history.exists[:, 59].sum()
    sure = ~found.abstained
    assert (np.maximum(found.probability, 1 - found.probability)[sure] >= 0.8).all()
    assert {found.answer(row) for row in range(len(found.dataset))} >= {"yes", "no"}
    again = forecast(question, 59, train(question, 59, "sgd", trainer("sgd"), 1), 0.8)
    np.testing.assert_array_equal(found.probability, again.probability)


def test_a_table_that_is_too_short_is_told(question):
    with pytest.raises(PopularityError, match=r"has 60 weeks: at most \d+ of them"):
        trial(question, "boosting", trainer("boosting"), 58, 4, 1)
