"""The benchmark of cost, small."""

import math

import pytest

from benchmarks.popularity import cost
from benchmarks.popularity.cost_run import ENGINES


@pytest.mark.benchmark
def test_every_engine_is_timed_beside_its_peer(spark, tmp_path):
    result = {}
    for size, rows in cost.QUICK.rows.items():
        path = tmp_path / f"{size}.parquet"
        result[size] = [{"rows": cost.table(path, 1, rows, cost.QUICK.weeks)}]
        for engine, figures in ENGINES.items():
            report = figures(path, 1) | {"peak_gb": 1.0}
            result[size][0] |= {f"{engine} {name}": value for name, value in report.items()}
        assert result[size][0]["rows"] == pytest.approx(rows, rel=0.2)
    results = {key: item.as_json() for key, item in cost.report(result).items()}
    for size in cost.QUICK.rows:
        rate, seconds = results[f"features_rows_per_s_{size}"], results[f"features_s_{size}"]
        assert rate["peer"] == "pandas"
        assert rate["value"] * seconds["value"] == pytest.approx(result[size][0]["rows"])
        assert results[f"fit_s_{size}"]["peer"] == "scikit-learn"
    grown = math.log(results["features_s_1e6"]["value"] / results["features_s_1e5"]["value"])
    rows = math.log(result["1e6"][0]["rows"] / result["1e5"][0]["rows"])
    assert results["growth_exponent"]["value"] == pytest.approx(grown / rows)


def test_pandas_makes_the_same_features(tmp_path):
    cost.table(tmp_path / "weekly.parquet", 2, 3000, 60)
    cost.check_same(tmp_path / "weekly.parquet")


def test_an_engine_in_a_process_of_its_own_tells_its_time_and_memory(tmp_path):
    cost.table(tmp_path / "weekly.parquet", 3, 500, 26)
    result = cost.run("kernels", tmp_path / "weekly.parquet", 0)
    assert set(result) == {"features_s", "peak_gb"}
    assert result["features_s"] > 0
    assert 0.03 < result["peak_gb"] < 2
