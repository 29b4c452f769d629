"""DIALS JSON: rows of many lumisections and MEs become batches."""

import json

import numpy as np
import pytest

from streams.errors import DecodeError
from streams.files import read_file
from streams.records import LumisectionKey


@pytest.mark.parametrize("wrap", [lambda rows: rows, lambda rows: {"next": None, "results": rows}])
def test_neighbouring_rows_of_one_lumisection_and_subsystem_are_one_batch(
    tmp_path, limits, dials_row, write_json, wrap
):
    rows = [
        dials_row("PixelPhase1/charge", 1, 1, [1, 2, 3]),
        dials_row("DT/occupancy", 1, 1, [4, 5]),
        dials_row("PixelPhase1/size", 1, 1, [7, 8, 9]),
        dials_row("PixelPhase1/charge", 1, 2, [1, 2, 3]),
    ]
    file = list(read_file(write_json(tmp_path / "page.json", wrap(rows)), limits))
    assert [(b.key, b.subsystem, b.catalogue.names) for b in file] == [
        (LumisectionKey(1, 1), "PixelPhase1", ("PixelPhase1/charge", "PixelPhase1/size")),
        (LumisectionKey(1, 1), "DT", ("DT/occupancy",)),
        (LumisectionKey(1, 2), "PixelPhase1", ("PixelPhase1/charge",)),
    ]
    np.testing.assert_array_equal(file[0].counts[0], [[1, 2, 3], [7, 8, 9]])
    assert file[0].dataset == "/ZeroBias/Run2022C-v1/DQMIO"
    assert file[0].entries[0] == 10


def test_a_map_is_turned_so_that_x_comes_first(tmp_path, limits, dials_row, write_json):
    path = write_json(tmp_path / "a.dials.json", [dials_row("DT/map", 1, 1, [[1, 2, 3], [4, 5, 6]])])
    (batch,) = read_file(path, limits)
    (me,) = batch.catalogue.elements
    assert me.shape == (3, 2)
    assert (me.axes[0].upper, me.axes[1].upper) == (1.0, 2.0)
    np.testing.assert_array_equal(batch.histogram("DT/map").reshape(3, 2), [[1, 4], [2, 5], [3, 6]])


BAD_ROWS = {
    "me": ({"me": None}, "wrong-type", "me"),
    "no subsystem": ({"me": "/x"}, "empty-text", "subsystem"),
    "run": ({"run_number": None}, "missing-run", "run"),
    "ls": ({"ls_number": None}, "missing-ls", "ls"),
    "a time for an ls": ({"ls_number": 1_700_000_000}, "looks-like-a-time", "ls"),
    "dataset": ({"dataset": 5}, "wrong-type", "dataset"),
    "bins": ({"x_bin": 2.5}, "wrong-type", "x_bin"),
    "absurd bins": ({"x_bin": 1e15}, "too-many-bins", "x_bin"),
    "infinite bins": ({"x_bin": None}, "wrong-type", "x_bin"),
    "other bins": ({"x_bin": 4}, "wrong-bin-count", "data"),
    "range": ({"x_min": 1.0}, "bad-axis", "DT/a: axis range"),
    "entries": ({"entries": None}, "wrong-type", "entries"),
    "text": ({"data": ["a", "b", "c"]}, "wrong-type", "data"),
    "null": ({"data": [1, None, 3]}, "wrong-type", "data"),
    "ragged": ({"data": [[1, 2], [3]]}, "wrong-bin-count", "data"),
    "nothing": ({"data": None}, "wrong-type", "data"),
    "negative": ({"data": [1, -2, 3]}, "negative-count", "DT/a: cell 2"),
}


@pytest.mark.parametrize(("change", "reason", "field"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_bad_row_is_named_and_the_next_is_read(tmp_path, limits, dials_row, write_json, change, reason, field):
    rows = [dials_row("DT/a", 1, 1, [1, 2, 3]) | change, dials_row("DT/b", 1, 1, [1, 2, 3])]
    error, batch = read_file(write_json(tmp_path / "rows.json", rows), limits)
    assert isinstance(error, DecodeError)
    assert (error.reason, error.field) == (reason, f"rows.json row 0: {field}")
    assert str(error).startswith("rows.json row 0: ")
    assert batch.catalogue.names == ("DT/b",)


def test_a_name_that_comes_twice_in_a_lumisection_is_reported(tmp_path, limits, dials_row, write_json):
    rows = [dials_row("DT/a", 1, 1, [1, 2]), dials_row("DT/a", 1, 1, [3, 4])]
    error, batch = read_file(write_json(tmp_path / "rows.json", rows), limits)
    assert (error.reason, error.field) == ("duplicate-name", "rows.json row 1: name")
    np.testing.assert_array_equal(batch.histogram("DT/a"), [1, 2])


@pytest.mark.parametrize(
    ("text", "reason"), [("[1", "bad-json"), ("[5]", "not-dials"), ('{"results": 5}', "not-dials")]
)
def test_what_is_no_list_of_rows_is_refused(tmp_path, limits, text, reason):
    path = tmp_path / "x.json"
    path.write_text(text)
    (error,) = read_file(path, limits)
    assert error.reason == reason


def test_a_group_beyond_the_limit_is_split(tmp_path, limits, dials_row, write_json):
    rows = [dials_row(f"DT/{i}", 1, 1, [1]) for i in range(10)]
    from dataclasses import replace

    narrow = replace(limits, max_histograms=10)
    assert len(list(read_file(write_json(tmp_path / "rows.json", rows), narrow))) == 1
    (error,) = read_file(write_json(tmp_path / "more.json", [*rows, rows[0]]), narrow)
    assert error.reason == "too-many-histograms"


def test_rows_may_stand_on_lines_of_their_own_and_one_is_lost_alone(tmp_path, limits, dials_row):
    path = tmp_path / "rows.json"
    rows = [json.dumps(dials_row("DT/a", 1, ls, [1, 2])) for ls in (1, 2)]
    path.write_text("\n".join([rows[0], "{broken", "", rows[1]]))
    first, error, second = sorted(
        read_file(path, limits), key=lambda record: getattr(getattr(record, "key", 0), "ls", 1.5)
    )
    assert (first.key.ls, second.key.ls) == (1, 2)
    assert (error.reason, error.field) == ("bad-json", "rows.json line 2")


@pytest.mark.parametrize("wrap", [lambda row: row, lambda row: [row]])
def test_a_single_row_is_read(tmp_path, limits, dials_row, write_json, wrap):
    (batch,) = read_file(write_json(tmp_path / "row.json", wrap(dials_row("DT/a", 1, 1, [1, 2]))), limits)
    assert batch.histogram("DT/a").tolist() == [1, 2]


def test_what_pandas_writes_for_numbers_that_are_not_there_is_no_key(tmp_path, limits, dials_row, write_json):
    row = dials_row("DT/a", 297047.0, 5.0, [1, 2]) | dict.fromkeys(("y_min", "y_max", "y_bin", "me_id"), float("nan"))
    (batch,) = read_file(write_json(tmp_path / "row.json", [row]), limits)
    assert (batch.key, batch.catalogue.elements[0].shape) == (LumisectionKey(297047, 5), (2,))


@pytest.mark.parametrize("content", ["[]", '{"results": []}'])
def test_a_page_without_rows_says_so(tmp_path, limits, content):
    (tmp_path / "empty.json").write_text(content)
    (error,) = read_file(tmp_path / "empty.json", limits)
    assert (error.reason, error.field) == ("no-histograms", "empty.json")


def test_names_without_a_folder_are_of_one_subsystem(tmp_path, limits, dials_row, write_json):
    rows = [dials_row(name, 1, 1, [1, 2]) for name in ("charge", "size")]
    (batch,) = read_file(write_json(tmp_path / "rows.json", rows), limits)
    assert (batch.subsystem, batch.catalogue.names) == ("unknown", ("charge", "size"))


VARIANTS = {
    "no y": {"y_bin": 0, "y_min": 0, "y_max": 0},
    "counts as text": {"data": "[1, 2]"},
    "whole floats": {"run_number": 1.0, "x_bin": 2.0},
}


@pytest.mark.parametrize("change", VARIANTS.values(), ids=VARIANTS)
def test_what_other_exports_write_is_read(tmp_path, limits, dials_row, write_json, change):
    (batch,) = read_file(write_json(tmp_path / "rows.json", [dials_row("DT/a", 1, 1, [1, 2]) | change]), limits)
    assert batch.histogram("DT/a").tolist() == [1, 2]


def test_pages_may_stand_on_lines_of_their_own(tmp_path, limits, dials_row):
    pages = [json.dumps({"next": None, "results": [dials_row("DT/a", 1, ls, [1, 2])]}) for ls in (1, 2)]
    (tmp_path / "pages.jsonl").write_text("\n".join(pages))
    assert [batch.key.ls for batch in read_file(tmp_path / "pages.jsonl", limits)] == [1, 2]
