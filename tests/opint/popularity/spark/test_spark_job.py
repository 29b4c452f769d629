"""The batch job on this machine: one file a week, written in one step, with Java or without."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from opint.popularity.errors import PopularityError
from opint.popularity.readers.batch_forecast import COLUMNS, read_batch_forecast
from opint.popularity.spark.job import main
from opint.popularity.tables import write_history

WEEK, WEEK_BEFORE = "week=2023-07-31", "week=2023-07-24"


def run(source, output, *more, environ=None):
    path = main(["--input", str(source), "--output", str(output), "--trees", "3", *more], environ or {})
    return parquet.read_table(path, partitioning=None)


def files(output: Path) -> dict[str, tuple[int, int]]:
    """Name, inode and time of change of every file below: what was written anew has others."""
    paths = (path for path in output.rglob("*") if path.is_file())
    return {str(path.relative_to(output)): (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}


def test_a_week_is_replaced_and_no_other(spark, history, weekly, tmp_path):
    short = tmp_path / "short.parquet"
    write_history(history.until(28), short)
    output = tmp_path / "forecasts"
    run(short, output)
    before = files(output)
    assert list(before) == [f"{WEEK_BEFORE}/forecast.parquet"]
    first = run(weekly, output)
    again = run(weekly, output)
    assert first.equals(again)
    assert files(output) == before | {f"{WEEK}/forecast.parquet": files(output)[f"{WEEK}/forecast.parquet"]}
    assert again.column_names == list(COLUMNS)
    assert again["dataset"].to_pylist() == sorted(history.names)
    assert set(map(str, again["issued"].to_pylist())) == {"2023-07-24"}
    assert [probability > 0.5 for probability in again["probability"].to_pylist()] == again["forecast"].to_pylist()


@pytest.mark.parametrize(
    ("row", "more", "message"),
    [
        ({"naccess": -1}, (), r"dataset '/A/B-v1/RAW', week 2023-07-24: naccess is -1.0; counts are finite"),
        ({}, ("--label", "nsites > 3"), "the table has no nsites; it has naccess"),
        ({}, ("--label", "naccess > 1000000"), r"none of \d+ examples of 25 weeks has naccess > 1000000"),
        ({}, ("--horizon", "26"), "30 weeks are known; training needs at least 31"),
        ({}, ("--model", "oracle"), "model is 'oracle'; known on Spark are"),
    ],
)
def test_a_job_that_fails_reports_the_cause_and_leaves_the_forecast_alone(spark, weekly, tmp_path, row, more, message):
    output = tmp_path / "forecasts"
    (output / WEEK).mkdir(parents=True)
    (output / WEEK / "forecast.parquet").write_text("of yesterday")
    before = files(output)
    good = parquet.read_table(weekly).select(["dataset", "week", "naccess"])
    week = good["week"].to_pylist()[-1]
    table = pa.concat_tables(
        [good, pa.Table.from_pylist([{"dataset": "/A/B-v1/RAW", "week": week, "naccess": 1} | row], good.schema)]
    )
    parquet.write_table(table, tmp_path / "weekly.parquet")
    with pytest.raises(PopularityError, match=message):
        run(tmp_path / "weekly.parquet", output, *more)
    assert files(output) == before


def test_without_java_the_error_names_the_package_and_the_local_engine(monkeypatch, weekly, tmp_path):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PopularityError) as caught:
        run(weekly, tmp_path)
    assert str(caught.value) == (
        "Java 17 or newer is not installed (java not found); install openjdk-17-jre-headless; "
        "without Java, --engine local makes the same features and forecasts on one machine"
    )
    forecast = run(weekly, tmp_path, "--engine", "local")
    assert forecast.column_names == list(COLUMNS)
    assert sum(forecast["forecast"].to_pylist()) > 0


def test_both_engines_agree_on_new_and_popular_datasets(spark, history, tmp_path):
    short = tmp_path / "short.parquet"
    write_history(history.until(17), short)
    first, second = (
        read_batch_forecast(main(["--input", str(short), "--output", str(tmp_path / engine), "--engine", engine], {}))
        for engine in ("spark", "local")
    )
    assert (first.label, first.horizon, first.week) == (second.label, second.horizon, second.week)
    for flags in ("new", "was"):
        rows, expected = (
            dict(zip(forecast.dataset, getattr(forecast, flags), strict=True)) for forecast in (first, second)
        )
        assert rows == expected
        assert 0 < sum(rows.values()) < len(rows)


def test_settings_of_the_operator_take_precedence():
    """As spark-submit and spark-defaults.conf hand it over."""
    code = (
        "import os; from opint.popularity.spark.session import session; s = session(os.environ);"
        "print([s.conf.get(n) for n in"
        " ('spark.sql.shuffle.partitions', 'spark.sql.session.timeZone', 'spark.app.name', 'spark.ui.enabled')])"
    )
    arguments = "--conf spark.sql.shuffle.partitions=3 --conf spark.sql.session.timeZone=Asia/Tokyo --name theirs"
    environ = os.environ | {"PYSPARK_SUBMIT_ARGS": f"--master local[1] {arguments} pyspark-shell"}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "['3', 'Asia/Tokyo', 'theirs', 'false']"


def test_a_java_that_is_named_is_left_to_spark(monkeypatch):
    from opint.popularity.spark.session import check_java

    monkeypatch.setenv("PATH", "")
    check_java({"JAVA_HOME": os.devnull})
