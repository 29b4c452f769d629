"""The whole job on a real cluster, submitted as users do it: the same forecast as on one machine."""

from pathlib import Path

import pytest
from pyarrow import parquet

from opint.popularity.spark import job
from tests.support.spark_cluster import cluster, submit


@pytest.mark.slow
def test_a_cluster_forecasts_what_one_machine_does(spark, weekly, tmp_path):
    arguments = ["--input", str(weekly), "--model", "forest", "--trees", "5", "--seed", "5"]
    with cluster(tmp_path) as url:
        output = submit(url, Path(job.__file__), [*arguments, "--output", str(tmp_path / "cluster")])
        ran = {path.parts[-2] for worker in range(2) for path in (tmp_path / f"work{worker}").glob("app-*/*/stderr")}
    own = job.main([*arguments, "--output", str(tmp_path / "own")], {})
    assert output.strip().endswith("week=2023-07-31/forecast.parquet")
    assert len(ran) == 2
    first, second = (parquet.read_table(file, partitioning=None) for file in (output.strip().splitlines()[-1], own))
    assert first.equals(second)
    assert len(first) == 300
    assert 0 < sum(first["forecast"].to_pylist()) < 100
