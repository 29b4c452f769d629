"""Features on Spark: every number is that of the laptop."""

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from opint.popularity.errors import TableError
from opint.popularity.examples import gather, labels
from opint.popularity.features import features
from opint.popularity.label import Label
from opint.popularity.readers import frames
from opint.popularity.spark.asked import Asked
from opint.popularity.totals import totals

LABEL = Label("naccess", ">", 10)
BY_WEEK = [("week", "ascending"), ("dataset", "ascending")]


@pytest.fixture(scope="module")
def table(spark, weekly):
    from opint.popularity.spark.table import read

    return read(spark, str(weekly))


def test_totals_are_those_of_one_machine(table, weekly):
    from opint.popularity.spark.features import all_totals

    found, own = all_totals(table, LABEL), totals(frames.read(weekly), LABEL)
    assert set(found) == set(own)
    for kind, one in own.items():
        assert found[kind].words == one.words
        for name in ("existing", "popular", "log"):
            np.testing.assert_array_equal(getattr(found[kind], name), getattr(one, name), err_msg=f"{kind} {name}")


def test_features_and_labels_are_those_of_one_machine_bit_for_bit(table, weekly):
    from opint.popularity.spark.features import all_totals, empty, examples

    known = all_totals(table, LABEL)
    found = examples(table, Asked(LABEL, 2), known, range(30)).toArrow().sort_by(BY_WEEK)
    history = frames.read(weekly)
    columns = features(history, LABEL, totals(history, LABEL))
    own = gather(columns, history, range(30))
    assert tuple(features(empty(table), LABEL, known)) == own.names
    assert found["dataset"].to_pylist() == [history.names[row] for row in own.dataset]
    assert found["week"].to_pylist() == own.week.tolist()
    values = found["features"].combine_chunks().flatten().to_numpy().reshape(own.values.shape)
    np.testing.assert_array_equal(values.view(np.int32), own.values.view(np.int32))
    early = own.only(own.week < 28)
    assert found["popular"].drop_null().to_pylist() == labels(early, history, LABEL, 2).tolist()
    assert found["popular"].null_count == len(own) - len(early)


def test_a_csv_file_is_read_as_the_same_table(spark, table, weekly, tmp_path):
    from opint.popularity.spark.table import read

    csv.write_csv(parquet.read_table(weekly), tmp_path / "weekly.csv")
    found = read(spark, str(tmp_path / "weekly.csv"))
    assert (found.span, found.rows) == (table.span, table.rows)
    first, second = (one.parts.toArrow().sort_by(BY_WEEK) for one in (found, table))
    assert first.select(["dataset", "week", "naccess", "size"]).equals(
        second.select(["dataset", "week", "naccess", "size"])
    )


ROW = {"dataset": "/A/B-v1/RAW", "week": "2026-11-23", "naccess": "3"}


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([{**ROW, "week": "soon"}], "week is 'soon'; a day is needed"),
        ([ROW, {**ROW, "week": None}], "dataset '/A/B-v1/RAW': week is empty; a day is needed"),
        ([{**ROW, "naccess": "many"}], "naccess is 'many'; a number is needed"),
        ([{"dataset": "/A/B-v1/RAW", "week": "2026-11-23"}], "columns is dataset, week; naccess is missing"),
        ([ROW, {**ROW, "week": "1999-01-04"}], None),
        ([ROW, {**ROW, "week": "1989-01-04"}], "week is 1989-01-04; a day is needed"),
    ],
)
def test_what_is_wrong_in_a_table_is_told(spark, tmp_path, rows, told):
    from opint.popularity.spark.table import read

    path = tmp_path / "weekly.parquet"
    parquet.write_table(pa.Table.from_pylist(rows), path)
    if told is None:
        assert read(spark, str(path)).rows == 2
        return
    with pytest.raises(TableError, match=told):
        read(spark, str(path))


def test_a_table_that_is_not_there_is_told(spark, tmp_path):
    from opint.popularity.spark.table import read

    with pytest.raises(TableError, match=r"nowhere.parquet: file is .*PATH_NOT_FOUND.* a CSV or Parquet table"):
        read(spark, str(tmp_path / "nowhere.parquet"))
