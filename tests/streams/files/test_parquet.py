"""Parquet tables: CSC segment times, rows of DIALS."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streams.codecs import Limits
from streams.files import read_file
from streams.records import LumisectionKey


@pytest.fixture
def table(tmp_path):
    """``table(**columns)``: path of a parquet file of two runs with some columns changed, or left out by None."""

    def write(**changed):
        columns = {
            "run": [300000, 299000],
            "entries": [6, 10],
            "counts": [[1, 2, 3], [4, 6, 0]],
            "lhc_fill": [6057, 6044],
            "run_lumi": [105.2, 7.5],
            "start_time": ["2017-08-08 16:46:28", "2017-08-03 20:26:11"],
        } | changed
        path = tmp_path / "runs.parquet"
        pq.write_table(pa.table({name: values for name, values in columns.items() if values is not None}), path)
        return path

    return write


def test_real_runs_come_in_order(real_data):
    batches = list(read_file(real_data("csc/segments_time_combined.parquet"), Limits(32 << 20, 1000, 1000)))
    runs = [batch.key.run for batch in batches]
    assert len(runs) == 721
    assert runs == sorted(runs)
    assert {batch.key.ls for batch in batches} == {0}
    assert {counts.shape for batch in batches for counts in batch.counts} == {(1, 195)}
    assert len({id(batch.catalogue) for batch in batches}) == 1
    assert all(batch.conditions.fill for batch in batches)


def test_rows_become_runs(table, limits):
    first, second = read_file(table(), limits)
    assert (first.key, second.key) == (LumisectionKey(299000, 0), LumisectionKey(300000, 0))
    assert (first.subsystem, first.dataset) == ("CSC", "/CSC/Run2017/DQM")
    np.testing.assert_array_equal(first.histogram("CSC/Segments/segment_time"), [4, 6, 0])
    assert (first.conditions.fill, first.conditions.recorded_lumi) == (6044, 7.5)
    assert first.entries[0] == 10


@pytest.mark.parametrize("name", ["run", "counts", "run_lumi"])
def test_a_missing_column_is_named(table, limits, name):
    (error,) = read_file(table(**{name: None}), limits)
    assert (error.reason, error.value) == ("missing-column", f"'{name}'")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"run": [None, 299000]}, "missing-run"),
        ({"run": [1_700_000_000, 299000]}, "looks-like-a-time"),
        ({"counts": [None, [1, 2, 3]]}, "wrong-type"),
        ({"counts": [[1, None], [1, 2]]}, "wrong-type"),
        ({"counts": [[-1, 2], [1, 2]]}, "negative-count"),
        ({"counts": [[], [1, 2]]}, "bad-axis"),
        ({"entries": [None, 2]}, "wrong-type"),
    ],
)
def test_a_bad_row_is_named_and_the_other_is_read(table, limits, changed, reason):
    file = list(read_file(table(**changed), limits))
    (error,) = [record for record in file if hasattr(record, "reason")]
    assert error.reason == reason
    assert error.field.startswith("runs.parquet row 0: ")
    assert [record.key.run for record in file if record is not error] == [299000]


def test_runs_that_are_texts_are_refused_one_by_one(table, limits):
    assert [error.reason for error in read_file(table(run=["a", "b"]), limits)] == ["wrong-type", "wrong-type"]


def test_a_table_beyond_the_limit_is_not_read(table):
    (error,) = read_file(table(), Limits(100, 10, 10))
    assert error.reason == "too-large"


def test_rows_of_dials_are_read(tmp_path, limits, dials_row):
    gaps = {"y_min": None, "y_max": None, "y_bin": None}
    rows = [dials_row("DT/a", 1, ls, [1.0, 2.0, 16777217.0]) | gaps for ls in (1, 2)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    first, second = read_file(tmp_path / "rows.parquet", limits)
    assert (first.key, second.key) == (LumisectionKey(1, 1), LumisectionKey(1, 2))
    assert first.histogram("DT/a").tolist() == [1, 2, 16777217]


def test_a_map_of_dials_is_read(tmp_path, limits, dials_row):
    rows = [dials_row("DT/map", 1, 1, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    (batch,) = read_file(tmp_path / "rows.parquet", limits)
    assert batch.histogram("DT/map").tolist() == [1, 4, 2, 5, 3, 6]


def test_whole_floats_and_gaps_are_read(table, limits):
    first, second = read_file(table(counts=[[1.0, 2.0], [4.0, 6.0]], lhc_fill=[6057.0, float("nan")]), limits)
    assert (first.conditions.fill, second.conditions.fill) == (None, 6057)
    assert second.histogram("CSC/Segments/segment_time").tolist() == [1, 2]


def test_a_table_without_rows_says_so(tmp_path, limits, dials_row):
    pq.write_table(pa.Table.from_pylist([dials_row("DT/a", 1, 1, [1])])[:0], tmp_path / "rows.parquet")
    (error,) = read_file(tmp_path / "rows.parquet", limits)
    assert (error.reason, error.field) == ("no-histograms", "rows.parquet")


def test_text_that_is_not_utf8_is_named_with_its_row(tmp_path, limits, dials_row):
    rows = pa.Table.from_pylist([dials_row("DT/a", 1, ls, [1]) for ls in (1, 2)])
    names = pa.array([b"DT/a", b"DT/\xff"]).view(pa.string())
    pq.write_table(rows.set_column(rows.column_names.index("me"), "me", names), tmp_path / "rows.parquet")
    (error,) = read_file(tmp_path / "rows.parquet", limits)
    assert (error.reason, error.field) == ("not-utf8", "rows.parquet: column 'me' row 1")
