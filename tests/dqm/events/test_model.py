import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conf.settings import HotlineSettings
from dqm.core.bundle_files import BundleError, TrainingError
from dqm.events.bundle import load, save
from dqm.events.level import Ladder
from dqm.events.model import FeatureError, score, unusual
from dqm.events.model import judge as judge_scored
from dqm.events.scaling import EventScaling
from dqm.events.train import train
from dqm.simulate.events import FEATURES, NAMES, Drift, simulate


def judge(model, ladder, events, per_hour):
    return judge_scored(model, ladder, score(model, events), per_hour)


def events_of(kind, count=4000):
    return simulate(np.full(count, NAMES.index(kind), np.int8), 40.0, Drift(), np.random.default_rng(3))


def test_probabilities_of_ordinary_events_are_calibrated(model, events):
    for item in events[-1], events[-30]:
        surprise = model.tail.surprise(model.costs(item.values).sum(axis=1), item.conditions.pileup)
        assert abs((surprise > np.log(10)).mean() - 0.1) < 5 * np.sqrt(0.09 / len(surprise))


def test_events_with_four_leptons_are_more_surprising(model):
    ordinary, rare = (model.tail.surprise(model.costs(events_of(kind)).sum(axis=1), 40.0) for kind in ("w", "a-to-4l"))
    assert np.median(rare) > np.quantile(ordinary, 0.95)


def test_an_outlier_is_kept_and_what_is_unusual_is_named(model, events):
    item = events[-1]
    values = item.values.copy()
    values[7, FEATURES.index("mt_gev")] = 5000.0
    result = judge(model, model.start, replace(item, values=values), per_hour=3.0)
    outlier = next(each for each in result.kept_events if each.event == item.events[7])
    assert outlier.surprise > result.level
    assert outlier.once_in_hours > 1 / 3
    first = outlier.unusual[0]
    assert (first.feature, first.value, first.below) == ("mt_gev", 5000.0, 1.0)
    assert first.low < first.high < 500.0


def test_events_are_judged_by_the_ladder_before_them(model, events):
    item = events[-1]
    result = judge(model, model.start, item, per_hour=3.0)
    assert result.level == model.start.level(3.0)
    assert result.ladder.counts.sum() > model.start.counts.sum() * 0.9
    nothing = judge(model, Ladder.empty(), item, per_hour=3.0)
    assert not nothing.kept_events


def test_other_features_are_refused_by_name(model, events):
    other = replace(events[-1], features=(*FEATURES[:-1], "taus"))
    with pytest.raises(FeatureError, match="electrons_mass_gev, taus"):
        judge(model, model.start, other, per_hour=3.0)


def test_no_event_and_no_pileup_are_no_trouble(model, events):
    item = events[-1]
    empty = replace(item, events=item.events[:0], values=item.values[:0])
    assert judge(model, model.start, empty, 3.0).kept_events == ()
    unknown = replace(item, conditions=replace(item.conditions, pileup=None))
    assert np.isfinite(judge(model, model.start, unknown, 3.0).ladder.sums).all()


def test_a_saved_model_judges_alike(model, events, tmp_path):
    saved = save(model, tmp_path / "hotline")
    loaded = load(tmp_path / "hotline")
    assert loaded.version == saved.version
    np.testing.assert_array_equal(loaded.costs(events[0].values), model.costs(events[0].values))
    assert (
        judge(loaded, loaded.start, events[0], 3.0).kept_events == judge(model, model.start, events[0], 3.0).kept_events
    )


@pytest.mark.parametrize("damage", ["archive", "format", "features"])
def test_a_damaged_model_is_refused(model, tmp_path, damage):
    folder = tmp_path / "hotline"
    save(model, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    if damage == "archive":
        (folder / "hotline.npz").write_bytes((folder / "hotline.npz").read_bytes()[:-7])
    elif damage == "format":
        manifest["format"] = "hotline-0"
    else:
        del manifest["features"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="hotline"):
        load(folder)


def test_too_few_events_and_too_many_in_one_message_are_refused(events, tmp_path):
    def learn(events, settings=None):
        return train(
            events, tmp_path / "m", settings or HotlineSettings(), np.random.default_rng(1), lambda _: None, 0.0
        )

    with pytest.raises(TrainingError, match="at least"):
        learn(events[:2])
    with pytest.raises(TrainingError, match="max_"):
        learn(events, HotlineSettings(max_events=10))
    assert not (tmp_path / "m").exists()


def test_the_network_sees_absence_apart_from_size():
    rng = np.random.default_rng(4)
    mass = np.where(rng.random(5000) < 0.5, 0.0, rng.lognormal(4, 1, 5000))
    values = np.stack([mass, rng.standard_normal(5000)], axis=1).astype(np.float32)
    shown = EventScaling.of(values)(values)
    assert shown.shape == (5000, 4)
    np.testing.assert_array_equal(shown[:, 2], mass > 0)
    assert (shown[mass == 0, 0] == 0).all()
    assert abs(shown[mass > 0, 0].std() - 1) < 0.05
    assert (shown[:, 3] == 1).all()


def test_of_many_equal_values_none_is_smaller():
    usual = np.array([[0, 0, 0, 0, 0, 1, 1, 1, 3]], dtype=np.float32)
    for value, below in ((0.0, 0.0), (1.0, 0.84), (2.0, 0.92), (3.0, 1.0), (9.0, 1.0)):
        (item,) = unusual(("jets",), np.array([value], np.float32), np.array([1.0], np.float32), usual)
        assert item.below == pytest.approx(below)
    assert unusual(("jets",), usual[0, :1], np.zeros(1, np.float32), usual) == ()


@given(data=st.data())
@settings(max_examples=25)
def test_any_event_has_a_finite_cost_that_depends_on_it_alone(model, data):
    rows = st.lists(
        st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=len(FEATURES), max_size=len(FEATURES)
    )
    values = np.array(data.draw(st.lists(rows, min_size=1, max_size=5)), dtype=np.float32)
    costs = model.costs(values)
    assert costs.shape == values.shape
    assert np.isfinite(costs).all()
    order = np.random.default_rng(0).permutation(len(values))
    np.testing.assert_allclose(model.costs(values[order]), costs[order], rtol=1e-3, atol=1e-3)


def test_one_far_off_size_costs_a_logarithm(model, events):
    values = np.repeat(events[0].values[:1], 3, axis=0)
    at = FEATURES.index("lepton_eta")
    values[:, at] = (10.0, 1e4, 1e7)
    near, far, farther = model.costs(values)[:, at]
    assert near < far < farther
    assert farther - far == pytest.approx(5.0 * np.log(1e3), rel=0.05)
