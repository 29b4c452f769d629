"""The regression that chooses: its trees, its labels, and that it learns what there is to learn."""

import numpy as np
import pytest

from rl_cache.errors import SimulationError
from rl_cache.laboratory.simulator import Simulation, simulate
from rl_cache.policies.eviction import lrb_features
from rl_cache.policies.eviction.lrb import Lrb
from rl_cache.policies.eviction.lrb_trees import empty_trees, predict
from rl_cache.policies.registry import make_policy
from tests.support.cache_traces import trace_of

lightgbm = pytest.importorskip("lightgbm")


def mixed(requests=12_000):
    """Files that return all the time, in the midst of files that are read once and never again."""
    rng = np.random.default_rng(4)
    often = rng.integers(0, 60, requests)
    return trace_of(np.where(rng.random(requests) < 0.5, often, 60 + np.arange(requests)))


def test_flat_trees_answer_as_lightgbm_does(monkeypatch):
    from rl_cache.policies.eviction import lrb_trees

    boosters = []
    train = lightgbm.train
    monkeypatch.setattr(lightgbm, "train", lambda *args, **more: boosters.append(train(*args, **more)) or boosters[-1])
    rng = np.random.default_rng(2)
    numbers = rng.normal(size=(3000, 5)).astype(np.float32)
    answers = (numbers[:, 0] * numbers[:, 1] + np.abs(numbers[:, 2])).astype(np.float32)
    flat = empty_trees(20, 15)
    lrb_trees.fit(flat, numbers, answers)
    expected = boosters[0].predict(numbers[:200].astype(np.float64))
    assert [predict(flat, row) for row in numbers[:200].astype(np.float64)] == pytest.approx(expected)
    assert np.corrcoef(expected, answers[:200])[0, 1] > 0.7


def test_a_file_is_described_by_its_gaps_and_decayed_counts():
    remembered = lrb_features.empty_history(np.array([np.int64(8)]), 32)
    for row in (0, 10, 14):
        lrb_features.record_request(remembered, 0, row)
    numbers = np.zeros(lrb_features.FEATURES)
    lrb_features.write_features(remembered, 0, 46, numbers)
    assert numbers[:3] == pytest.approx([np.log(8), np.log1p(32), np.log1p(3)])
    assert numbers[3:7] == pytest.approx([np.log1p(4), np.log1p(10), -1, -1])
    slowest = (1 + 2 ** (-4 / 32) * (1 + 2 ** (-10 / 32))) / 2
    assert numbers[-1] == pytest.approx(slowest)


def test_every_label_is_the_distance_to_the_next_request():
    """Ten files in turn: from a row on, each of them is requested next within ten rows."""
    replay = Simulation(trace_of(np.tile(np.arange(10), 300)), Lrb(pause_every=10_000), 5)
    replay.advance()
    count = int(replay.state.counts[0])
    labels = np.round(np.expm1(replay.state.labels[:count])).astype(int)
    ages = np.round(np.expm1(replay.state.examples[:count, 1])).astype(int)
    assert count > 500
    assert (labels + ages == 10).all()


def test_what_is_not_requested_for_a_window_is_labelled_twice_the_window():
    replay = Simulation(trace_of(np.arange(5000)), Lrb(pause_every=10_000), 5)
    replay.advance()
    window = len(replay.state.described)
    labels = np.expm1(replay.state.labels[: int(replay.state.counts[0])])
    assert len(labels) > 500
    assert labels == pytest.approx(2 * window, rel=1e-4)


def test_it_learns_to_let_go_what_is_read_once():
    trace = mixed()
    hits = {
        policy.name: simulate(trace, policy, 60, warm_up=6000).hits.sum()
        for policy in (Lrb(pause_every=2048), make_policy("lru"), make_policy("belady"))
    }
    way = (hits["lrb"] - hits["lru"]) / (hits["belady"] - hits["lru"])
    assert way > 0.5


def test_stopping_in_between_changes_nothing_even_while_it_learns():
    trace = mixed(6000)
    replay = Simulation(trace, Lrb(pause_every=2500), 60)
    for row in (1000, 2500, 2501, 6000):
        replay.advance(row)
    assert replay.state.trees.n_trees[0] > 0
    assert replay.account.hits.sum() == simulate(trace, Lrb(pause_every=2500), 60).hits.sum()


def test_senseless_parameters_are_refused():
    with pytest.raises(SimulationError, match="all need to be positive"):
        Lrb(sample=0)
