"""Emulated strips and maps are as hard as they say, and the tables come out."""

import numpy as np
import pytest

from benchmarks.dqm import occupancy, surfaces
from benchmarks.dqm.over_seeds import mean_auc
from benchmarks.dqm.strips import BAD, GOOD, KINDS, LENGTHS, VISIBLE_SIGMA, emulate


@pytest.fixture(scope="module")
def strips():
    return emulate(np.random.default_rng(0), GOOD // 4, BAD // 4)


def test_the_class_ratio_is_the_published_one(strips):
    assert sum(strip.bad for strip in strips) == BAD // 4 == 153
    assert len(strips) == GOOD // 4 + BAD // 4
    assert {strip.kind for strip in strips} == {"", *KINDS}


def test_strips_differ_in_length_and_statistics(strips):
    lengths = {len(strip.counts) for strip in strips}
    assert (min(lengths), max(lengths)) == LENGTHS
    means = np.array([strip.counts.mean() for strip in strips])
    assert (means < 50).mean() > 0.2
    assert (means > 1000).mean() > 0.1


def test_bad_ones_can_be_seen_unless_asked_otherwise(strips):
    assert min(strip.significance for strip in strips if strip.bad) >= VISIBLE_SIGMA
    every = emulate(np.random.default_rng(1), 10, 200, visible=False)
    assert min(item.significance for item in every if item.bad) < VISIBLE_SIGMA
    assert min(item.region for item in every if item.bad) == 3


def test_the_same_seed_gives_the_same_strips(strips):
    again = emulate(np.random.default_rng(0), GOOD // 4, BAD // 4)
    assert all(np.array_equal(strip.counts, other.counts) for strip, other in zip(strips, again, strict=True))


def test_figures_are_means_over_seeds_beside_their_peer():
    report = mean_auc([{"a": 0.9, "b": 0.5}, {"a": 1.0, "b": 0.6}], "a", 10, "emulated", peer="b")
    assert (report.value, report.peer_value, report.n) == (pytest.approx(0.95), pytest.approx(0.55), 20)
    assert report.low < report.value < report.high
    item = mean_auc([{"a": 0.9}], "a", 10, "emulated", peer="a")
    assert (item.low, item.peer) == (None, None)


@pytest.mark.benchmark
def test_the_table_of_strips_is_made(tmp_path):
    report = occupancy.measure(tmp_path, quick=True, seeds=(11,), progress=lambda _: None)
    assert report["occupancy_auc"].value > 0.9
    assert report["occupancy_auc"].peer == "labels_only"
    assert {"occupancy_auc_variance", "occupancy_auc_sobel", "occupancy_auc_no_labels"} < set(report)


@pytest.mark.benchmark
def test_the_table_of_maps_is_made(tmp_path):
    report = surfaces.measure(tmp_path, quick=True, seeds=(11,), progress=lambda _: None)
    expected_rows = {"occupancy_map_auc_autoencoder_corrected_multiplied", "occupancy_map_auc_occupancy_map"}
    assert expected_rows | {item.replace("_auc", "_restless_auc") for item in expected_rows} < set(report)
    assert report["occupancy_map_auc_pull_multiplied"].value > report["occupancy_map_auc_autoencoder"].value
    assert report["occupancy_map_auc_occupancy_map_side_1"].peer == "pull_side_1"
    assert {report[f"occupancy_map_{name}networks_kept"].value for name in ("", "moving_", "restless_")} <= {0, 1}
