"""The published metrics by hand, and what must hold between them."""

import math

import numpy as np
import pytest

from rl_cache.kernels.request import COLUMNS
from rl_cache.laboratory.account import Account, Percentage, cpu_efficiency, published_metrics
from rl_cache.laboratory.simulator import simulate
from rl_cache.policies.registry import make_policy
from rl_cache.traces.trace import Trace
from tests.support.cache_traces import popular, trace_of

DAY = 86_400


def account_of(*days, capacity=100):
    table = np.array([[day.get(name, 0) for name in COLUMNS] for day in days], np.int64)
    return Account.from_table(0, capacity, table)


TWO_DAYS = account_of(
    {"hit_bytes": 30, "miss_bytes": 10, "written_bytes": 10, "deleted_bytes": 0, "hits": 3, "misses": 1},
    {"hit_bytes": 10, "miss_bytes": 190, "written_bytes": 40, "deleted_bytes": 20, "hits": 1, "misses": 19},
    {},
)


def test_days_weigh_alike_and_bytes_weigh_alike():
    metrics = published_metrics(TWO_DAYS, trace_of([0]), daily_bandwidth=1000)
    assert metrics.throughput == Percentage(pytest.approx((300 + 25) / 2), pytest.approx(80.0))
    assert metrics.cost == Percentage(pytest.approx((10 + 60) / 2), pytest.approx(35.0))
    assert metrics.read_on_hit == Percentage(pytest.approx((75 + 5) / 2), pytest.approx(100 * 40 / 240))
    assert metrics.band_saturation == Percentage(pytest.approx((1 + 19) / 2), pytest.approx(10.0))
    assert metrics.cpu_efficiency is None


def test_a_day_without_a_denominator_is_left_out():
    metrics = published_metrics(
        account_of({"hit_bytes": 5, "hits": 1}, {"hit_bytes": 6, "written_bytes": 3, "hits": 1}), trace_of([0])
    )
    assert metrics.throughput.mean_of_days == 200
    assert metrics.band_saturation is None
    assert math.isnan(
        published_metrics(account_of({"hit_bytes": 5, "hits": 1}), trace_of([0])).throughput.ratio_of_sums
    )


def with_times(files, times, cpu, io):
    trace = trace_of(files, times=times)
    return Trace(trace.time_s, trace.file, trace.file_size, cpu_s=np.array(cpu, float), io_s=np.array(io, float))


def test_a_remote_read_costs_cpu_efficiency():
    # Two jobs a day at 50% and 100%: the first day reads both remotely, the second none.
    trace = with_times([0, 1, 0, 1], [0, 0, DAY, DAY], [1, 1, 1, 1], [1, 0, 1, 0])
    account = simulate(trace, make_policy("lru"), 10)
    efficiency = cpu_efficiency(account, trace)
    assert efficiency.mean_of_days == pytest.approx((75 - 19 + 75) / 2)
    assert cpu_efficiency(account, trace, remote_loss=10).ratio_of_sums == pytest.approx(75 - 5)


def test_the_warm_up_is_left_out_of_cpu_efficiency():
    trace = with_times([0, 0, 0], [0, 0, 0], [0, 1, 1], [1, 1, 0])
    account = simulate(trace, make_policy("lru"), 10, warm_up=1)
    assert cpu_efficiency(account, trace, warm_up=1).ratio_of_sums == pytest.approx(75)


def test_cost_is_twice_what_was_missed_where_all_is_stored_and_the_cache_is_full():
    """What makes the published table consistent: written = missed, and deleted nearly so."""
    trace = popular(np.random.default_rng(3), requests=20_000, files=5000)
    account = simulate(trace, make_policy("lru"), 30_000, warm_up=5000)
    twice = 200 * account.miss_bytes.sum() / account.capacity_bytes / len(account)
    assert published_metrics(account, trace, 5000).cost.ratio_of_sums == pytest.approx(twice, rel=0.02)
