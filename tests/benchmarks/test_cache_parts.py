"""The quick versions of the cache benchmark's parts on policies."""

import pytest

pytest.importorskip("numba")
pytest.importorskip("stable_baselines3")

from benchmarks.cache import agent_cpu, ahead, guard, long_trace, speed, table, tried
from rl_cache.traces.workload import WORKLOADS


@pytest.mark.benchmark
def test_speed_beside_the_peer():
    results = speed.run(quick=True)
    assert {"lru_requests_per_s", "s3fifo_requests_per_s", "gdsf_requests_per_s"} <= set(results)
    assert all(result.value > 0 for result in results.values())


@pytest.mark.benchmark
def test_the_published_table_has_every_column_for_every_policy():
    results = table.run(quick=True)
    names = {key.removeprefix("table_") for key in results}
    columns = ("throughput", "cost", "read_on_hit", "band_saturation", "cpu_efficiency")
    assert {f"lru_{column}" for column in columns} <= names
    assert len(results) == 5 * (len(table.BASELINES) + len(table.ADMITTED) + len(table.AS) + 2)
    assert {"agent_cost", "random_as_scdl_cost", "dqn_cost", "random_as_dqn_cost"} <= names
    # The coin gains throughput and cost by storing less, whatever it does for the readers.
    assert results["table_random_0.1_throughput"].value > results["table_lru_throughput"].value
    assert results["table_random_0.1_cost"].value < results["table_lru_cost"].value


@pytest.mark.benchmark
def test_what_was_tried_is_measured_against_s3fifo():
    results = tried.run(quick=True)
    ways = {name: results[f"ablation_way_{name}"].value for name in ("all_features", "without_dataset_features")}
    assert all(way < 1 for way in ways.values())
    worth = results["ablation_worth_of_dataset_features"]
    assert worth.low <= worth.value <= worth.high


@pytest.mark.benchmark
def test_the_guard_is_measured_on_every_kind_of_trace(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_DATA", str(tmp_path))
    results = guard.run(quick=True)
    assert {"worst_harm", "guard_cost_bytes", "guarded_gain_over_s3fifo"} <= results.keys()
    assert results["worst_harm"].value == max(
        results[f"worst_harm_{agent}"].value for agent in ("trained", "heuristic", "contrary")
    )
    assert results["worst_harm"].n == 7 + 6
    assert results["worst_harm"].value <= 0.01


@pytest.mark.benchmark
def test_fetching_ahead_is_measured_in_waiting_and_its_price():
    results = ahead.run(quick=True)
    assert results["ahead_active_rules"].value <= results["ahead_active_rules"].n
    for workload in WORKLOADS:
        assert results[f"ahead_waiting_saved_{workload}"].value < 1
        assert 0 <= results[f"ahead_fetched_in_vain_{workload}"].value <= 0.2
    assert {"ahead_lines_read", "ahead_lines_bytes_read", "ahead_more_from_afar"} <= set(results)


def test_cpu_of_the_agent_is_measured_beside_lru():
    results = agent_cpu.run(quick=True)
    assert set(results) == {"s3fifo_cpu_over_lru", "agent_cpu_over_lru", "guarded_cpu_over_lru"}
    assert results["agent_cpu_over_lru"].value > results["s3fifo_cpu_over_lru"].value


def test_a_long_trace_is_read_from_disk_and_misses_as_the_peer():
    results = long_trace.run(quick=True)
    assert results["long_trace_lru_requests_per_s"].value > 0
    assert 0 < results["long_trace_memory_bytes"].value < 100e6
    missed = results["long_trace_byte_miss_ratio"]
    assert missed.peer_value in (None, pytest.approx(missed.value, abs=1e-6))
