"""Features on Spark: every number is that of the laptop."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import csv, parquet

from opint.popularity.errors import TableError
from opint.popularity.examples import gather, labels
from opint.popularity.features import features, totals
from opint.popularity.history import Label
from opint.popularity.readers.access_table import read_frame
from opint.popularity.spark.features import BatchSpec

LABEL = Label("naccess", ">", 10)
BY_WEEK = [("week", "ascending"), ("dataset", "ascending")]


@pytest.fixture(scope="module")
def table(spark, weekly):
    from opint.popularity.spark.table import read_table

    return read_table(spark, str(weekly), pytest.fail)


def test_totals_are_those_of_one_machine(table, weekly):
    from opint.popularity.spark.features import SHARED_KINDS, shared_totals

    shared, own = shared_totals(table, LABEL), totals(read_frame(weekly, pytest.fail), LABEL, SHARED_KINDS)
    assert set(shared) == set(own)
    for kind, expected in own.items():
        assert shared[kind].words == expected.words
        for name in ("existing", "popular", "log"):
            np.testing.assert_array_equal(
                getattr(shared[kind], name), getattr(expected, name), err_msg=f"{kind} {name}"
            )


def test_features_and_labels_are_those_of_one_machine_bit_for_bit(table, weekly):
    from opint.popularity.spark.features import LOCAL_KINDS, empty_history, examples, shared_totals

    shared = shared_totals(table, LABEL)
    rows = examples(table, BatchSpec(LABEL, 2), shared, range(30)).toArrow().sort_by(BY_WEEK)
    history = read_frame(weekly, pytest.fail)
    columns = features(history, LABEL, totals(history, LABEL))
    own = gather(columns, history, range(30))
    nothing = empty_history(table)
    assert tuple(features(nothing, LABEL, {**shared, **totals(nothing, LABEL, LOCAL_KINDS)})) == own.names
    assert rows["dataset"].to_pylist() == [history.names[row] for row in own.dataset]
    assert rows["week"].to_pylist() == own.week.tolist()
    values = rows["features"].combine_chunks().flatten().to_numpy().reshape(own.values.shape)
    np.testing.assert_array_equal(values.view(np.int32), own.values.view(np.int32))
    early = own.only(own.week < 28)
    assert rows["popular"].drop_null().to_pylist() == labels(early, history, LABEL, 2).tolist()
    assert rows["popular"].null_count == len(own) - len(early)


def test_a_csv_file_is_read_as_the_same_table(spark, table, weekly, tmp_path):
    from opint.popularity.spark.table import read_table

    csv.write_csv(parquet.read_table(weekly), tmp_path / "weekly.csv")
    from_csv = read_table(spark, str(tmp_path / "weekly.csv"), pytest.fail)
    assert (from_csv.span, from_csv.rows) == (table.span, table.rows)
    first, second = (table_.parts.toArrow().sort_by(BY_WEEK) for table_ in (from_csv, table))
    assert first.select(["dataset", "week", "naccess", "size"]).equals(
        second.select(["dataset", "week", "naccess", "size"])
    )


ROW = {"dataset": "/A/B-v1/RAW", "week": "2026-11-23", "naccess": "3"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{**ROW, "week": "soon"}], "week is 'soon'; a day is needed"),
        ([ROW, {**ROW, "week": None}], "dataset '/A/B-v1/RAW': week is empty; a day is needed"),
        ([{**ROW, "naccess": "many"}], "naccess is 'many'; a number is needed"),
        ([{"dataset": "/A/B-v1/RAW", "week": "2026-11-23"}], "columns is dataset, week; naccess is missing"),
        ([ROW, {**ROW, "week": "1999-01-04"}], None),
        ([ROW, {**ROW, "week": "1989-01-04"}], "week is 1989-01-04; a day is needed"),
    ],
)
def test_what_is_wrong_in_a_table_is_reported(spark, tmp_path, rows, message):
    from opint.popularity.spark.table import read_table

    path = tmp_path / "weekly.parquet"
    parquet.write_table(pa.Table.from_pylist(rows), path)
    if message is None:
        assert read_table(spark, str(path), pytest.fail).rows == 2
        return
    with pytest.raises(TableError, match=message):
        read_table(spark, str(path), pytest.fail)


def test_a_table_that_is_not_there_is_reported(spark, tmp_path):
    from opint.popularity.spark.table import read_table

    with pytest.raises(TableError, match=r"nowhere.parquet: files is 0; there is none: a CSV or Parquet table"):
        read_table(spark, str(tmp_path / "nowhere.parquet"), pytest.fail)


ROWS = 40


def small(column):
    """Two datasets in twenty weeks."""
    return pa.table({"dataset": ["/A/B-v1/RAW", "/C/D-v1/AOD"] * 20, "week": column, "naccess": list(range(ROWS))})


def mondays(unit, zone=None):
    days = np.repeat(np.datetime64("2024-05-20") + 7 * np.arange(20), 2).astype(f"datetime64[{unit}]")
    naive = pa.array(days, pa.timestamp(unit))
    return naive if zone is None else pc.assume_timezone(naive, zone)


@pytest.mark.parametrize(
    "column",
    [
        mondays("ns"),
        mondays("us"),
        mondays("ms", "UTC"),
        mondays("us", "Europe/Zurich"),
        mondays("ns", "America/Chicago"),
        pa.array([20240520] * ROWS),
        pa.array(["20240520"] * ROWS),
        pa.array(["2024-05-20 00:00:00"] * ROWS),
    ],
    ids=str,
)
def test_weeks_begin_on_the_same_day_as_on_one_machine(spark, tmp_path, column):
    from opint.popularity.spark.table import read_table

    path = tmp_path / "weekly.parquet"
    parquet.write_table(small(column), path)
    table = read_table(spark, str(path), pytest.fail)
    history = read_frame(path, pytest.fail)
    assert (table.span.first, table.span.weeks) == (history.first_day, history.shape[1])
    assert str(table.span.first) == "2024-05-20"


def test_a_month_is_no_week(spark, tmp_path):
    from opint.popularity.spark.table import read_table

    parquet.write_table(small(["2015-01"] * ROWS), tmp_path / "weekly.parquet")
    with pytest.raises(TableError, match="week is '2015-01'; a day is needed"):
        read_table(spark, str(tmp_path / "weekly.parquet"), pytest.fail)


def test_odd_names_are_left_out_and_anonymous_ones_are_kept(spark, tmp_path):
    from opint.popularity.spark.table import read_table

    path, warnings = tmp_path / "weekly.parquet", []
    table = small(mondays("us"))
    parquet.write_table(table.set_column(0, "dataset", [["unknown", *table["dataset"].to_pylist()[1:]]]), path)
    read = read_table(spark, str(path), warnings.append)
    assert (read.rows, read.named, read.parts.count()) == (39, True, 39)
    assert "1 of 40 rows are left out" in warnings[0]
    parquet.write_table(table.set_column(0, "dataset", [["7@3", "8@0"] * 20]), path)
    read = read_table(spark, str(path), pytest.fail)
    assert (read.rows, read.named) == (40, False)


def test_a_folder_is_what_its_files_are(spark, tmp_path):
    from opint.popularity.spark.table import read_table

    folder = tmp_path / "weekly"
    folder.mkdir()
    for part in (0, 1):
        csv.write_csv(small(["2024-05-20"] * ROWS), folder / f"part-{part}.csv")
    (folder / "_SUCCESS").touch()
    assert read_table(spark, str(folder), pytest.fail).rows == 2 * ROWS
    parquet.write_table(small(["2024-05-20"] * ROWS), folder / "part-2.parquet")
    with pytest.raises(TableError, match="a folder holds either CSV or Parquet"):
        read_table(spark, str(folder), pytest.fail)


def test_series_of_cms_and_groups_of_atlas_are_read_as_they_are(spark, tmp_path):
    from opint.popularity.spark.table import read_table

    series = tmp_path / "series.txt"
    series.write_text("Length: 2 dataset: 7 dbs: 3\ntstamp,naccess\n20131217-20131223,5.0\n20131224-20131231,11.0\n")
    table = read_table(spark, str(series), pytest.fail)
    assert (table.named, table.rows, str(table.span.first)) == (False, 2, "2013-12-17")
    groups = tmp_path / "groups.csv"
    groups.write_text(
        "DATETIME,WORKINGGROUP,INPUT_FORMAT_SHORT,INPUT_FORMAT_DESC,INPUT_PROJECT,N_TASKS,N_FILES\n"
        "2017-01-02,AP_HIGG,DAOD,HIGG1,data16,7,70\n"
    )
    table = read_table(spark, str(groups), pytest.fail)
    assert (table.named, table.rows, table.parts.first()["dataset"]) == (True, 1, "/data16/AP_HIGG-HIGG1/DAOD")
