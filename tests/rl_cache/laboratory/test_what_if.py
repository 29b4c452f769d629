"""Comparisons over policies and sizes, and their picture."""

import math

import numpy as np
import pytest

from rl_cache.errors import SimulationError
from rl_cache.laboratory.plot import draw
from rl_cache.laboratory.what_if import SimulationSettings, compare, way_to_belady
from rl_cache.policies.registry import make_policy
from rl_cache.traces.summary import summarize
from tests.support.cache_traces import popular, trace_of


@pytest.fixture(scope="module")
def points():
    trace = popular(np.random.default_rng(2), largest=100)
    return compare(
        trace,
        [make_policy(name) for name in ("lru", "s3fifo", "belady")],
        [1000, 4000],
        SimulationSettings(warm_up=300),
    )


def test_every_policy_at_every_size(points):
    assert [(point.policy, point.capacity_bytes) for point in points[:4]] == [
        ("lru", 1000),
        ("s3fifo", 1000),
        ("belady", 1000),
        ("lru", 4000),
    ]
    ratios = np.array([point.account.byte_miss_ratio for point in points]).reshape(2, 3)
    assert (ratios[1] < ratios[0]).all()


def test_the_way_goes_from_lru_to_belady(points):
    ways = [way_to_belady(points, point) for point in points]
    assert ways[0] == ways[3] == 0
    assert ways[2] == ways[5] == 1
    assert 0 < ways[1] < 1
    assert math.isnan(way_to_belady(points[:2], points[1]))


def test_progress_is_reported():
    heard = []
    compare(trace_of([0, 1]), [make_policy("lru"), make_policy("fifo")], [1], progress=lambda *step: heard.append(step))
    assert heard == [("lru", 0.0), ("fifo", 0.5)]


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_a_picture_is_drawn(points, tmp_path, ending):
    draw(points, tmp_path / f"x.{ending}", "a title")
    assert (tmp_path / f"x.{ending}").stat().st_size > 5000


def test_a_picture_that_cannot_be_written(points, tmp_path):
    with pytest.raises(SimulationError, match=r"end its name in one of \.png"):
        draw(points, tmp_path / "x.bmp", "")
    with pytest.raises(SimulationError, match=r"cannot write .*No such file"):
        draw(points, tmp_path / "nowhere/x.png", "")


def test_the_summary_of_a_trace():
    summary = summarize(trace_of([0, 1, 0, 2, 0, 1], [10, 20, 40, 7], times=[0, 0, 60, 60, 160, 86_400]))
    assert (summary.requests, summary.files, summary.days) == (6, 3, 2)
    assert (summary.requested_bytes, summary.footprint_bytes) == (110, 70)
    assert (summary.median_size_bytes, summary.largest_size_bytes) == (20, 40)
    assert (summary.read_once, summary.read_twice) == (1 / 3, 1 / 3)
    assert summary.compulsory_byte_miss_ratio == 70 / 110
    assert summary.median_reuse_s == 100
    assert summary.tasks is None
    assert summary.datasets is None
