"""Emulated strips and maps are as hard as they say, and the tables come out."""

import numpy as np
import pytest

from benchmarks.dqm import occupancy, surfaces
from benchmarks.dqm.over_seeds import mean_auc
from benchmarks.dqm.strips import BAD, GOOD, KINDS, LENGTHS, SEEN, emulate


@pytest.fixture(scope="module")
def strips():
    return emulate(np.random.default_rng(0), GOOD // 4, BAD // 4)


def test_the_class_ratio_is_the_published_one(strips):
    assert sum(one.bad for one in strips) == BAD // 4 == 153
    assert len(strips) == GOOD // 4 + BAD // 4
    assert {one.kind for one in strips} == {"", *KINDS}


def test_strips_differ_in_length_and_statistics(strips):
    lengths = {len(one.counts) for one in strips}
    assert (min(lengths), max(lengths)) == LENGTHS
    means = np.array([one.counts.mean() for one in strips])
    assert (means < 50).mean() > 0.2
    assert (means > 1000).mean() > 0.1


def test_bad_ones_can_be_seen_unless_asked_otherwise(strips):
    assert min(one.significance for one in strips if one.bad) >= SEEN
    every = emulate(np.random.default_rng(1), 10, 200, visible=False)
    assert min(one.significance for one in every if one.bad) < SEEN
    assert min(one.region for one in every if one.bad) == 3


def test_the_same_seed_gives_the_same_strips(strips):
    again = emulate(np.random.default_rng(0), GOOD // 4, BAD // 4)
    assert all(np.array_equal(one.counts, other.counts) for one, other in zip(strips, again, strict=True))


def test_figures_are_means_over_seeds_beside_their_peer():
    told = mean_auc([{"a": 0.9, "b": 0.5}, {"a": 1.0, "b": 0.6}], "a", 10, "emulated", peer="b")
    assert (told.value, told.peer_value, told.n) == (pytest.approx(0.95), pytest.approx(0.55), 20)
    assert told.low < told.value < told.high
    one = mean_auc([{"a": 0.9}], "a", 10, "emulated", peer="a")
    assert (one.low, one.peer) == (None, None)


@pytest.mark.benchmark
def test_the_table_of_strips_is_made(tmp_path):
    told = occupancy.measure(tmp_path, quick=True, seeds=(11,), progress=lambda _: None)
    assert told["occupancy_auc"].value > 0.9
    assert told["occupancy_auc"].peer == "labels_only"
    assert {"occupancy_auc_variance", "occupancy_auc_sobel", "occupancy_auc_no_labels"} < set(told)


@pytest.mark.benchmark
def test_the_table_of_maps_is_made(tmp_path):
    told = surfaces.measure(tmp_path, quick=True, seeds=(11,), progress=lambda _: None)
    wanted = {"occupancy_map_auc_autoencoder_corrected_multiplied", "occupancy_map_auc_occupancy_map"}
    assert wanted | {one.replace("_auc", "_restless_auc") for one in wanted} < set(told)
    assert told["occupancy_map_auc_pull_multiplied"].value > told["occupancy_map_auc_autoencoder"].value
    assert told["occupancy_map_auc_occupancy_map_side_1"].peer == "pull_side_1"
    assert {told[f"occupancy_map_{one}networks_kept"].value for one in ("", "moving_", "restless_")} <= {0, 1}
