"""The quick versions of the cache benchmark's parts on policies."""

import pytest

pytest.importorskip("numba")
pytest.importorskip("stable_baselines3")

from benchmarks.cache import speed, table


def test_speed_beside_the_peer():
    results = speed.run(quick=True)
    assert {"lru_requests_per_s", "s3fifo_requests_per_s", "gdsf_requests_per_s"} <= set(results)
    assert all(one.value > 0 for one in results.values())


def test_the_published_table_has_every_column_for_every_policy():
    results = table.run(quick=True)
    names = {key.removeprefix("table_") for key in results}
    columns = ("throughput", "cost", "read_on_hit", "band_saturation", "cpu_efficiency")
    assert {f"lru_{column}" for column in columns} <= names
    assert len(results) == 5 * (len(table.BASELINES) + len(table.ADMITTED) + 2)
    assert {"agent_cost", "random_as_scdl_cost"} <= names
    # The coin gains throughput and cost by storing less, whatever it does for the readers.
    assert results["table_random_0.1_throughput"].value > results["table_lru_throughput"].value
    assert results["table_random_0.1_cost"].value < results["table_lru_cost"].value
