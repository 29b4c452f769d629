"""The CSV dialect, real and written by hand."""

from dataclasses import replace

import numpy as np
import pytest

from conf.stream import FileSettings
from streams.files import FileLayout, read_file
from streams.records import Axis, LumisectionKey

HEADER = "fromrun,fromlumi,hname,fromrun,fromlumi,metype,hname,histo,entries,Xmax,Xmin,Xbins,Ymax,Ymin,Ybins"


def line(histo="[1, 2, 3, 4]", run=315488, ls=229, name="DT/a", metype=3, entries=10, xbins=2, ybins=1):
    return f'{run},{ls},{name},{run},{ls},{metype},{name},"{histo}",{entries},1.0,0.0,{xbins},2,0,{ybins}'


@pytest.fixture
def read(tmp_path, limits):
    """``read(lines...)``: the records of a file of these lines under the dialect's header."""

    def write_and_read(*lines, header=HEADER, limits=limits):
        path = tmp_path / "table.csv"
        path.write_text("\n".join([header, *lines]))
        return list(read_file(path, limits))

    return write_and_read


def test_real_histograms_are_read(real_data, limits):
    (batch,) = read_file(real_data("dqm_csv/per_lumisection_1d.csv"), limits)
    assert batch.key == LumisectionKey(315488, 229)
    assert batch.subsystem == "unknown"
    assert len(batch.catalogue) == 9
    assert batch.counts[0].shape == (9, 100)
    row = batch.catalogue.index["Summary_ClusterStoNCorr__OnTrack__TEC__MINUS__wheel__7"]
    assert (batch.flow[row, 1], batch.entries[row]) == (2015, 78001)
    # What the table calls entries is all fills, those beyond the axis included.
    np.testing.assert_array_equal(batch.counts[0].sum(axis=1) + batch.flow.sum(axis=1), batch.entries)


def test_flow_cells_are_kept_apart(read):
    (batch,) = read(line())
    assert batch.catalogue.elements[0].axes == (Axis(2, 0.0, 1.0, "x"),)
    np.testing.assert_array_equal(batch.counts[0], [[2, 3]])
    np.testing.assert_array_equal(batch.flow, [[1, 4]])
    assert batch.subsystem == "DT"
    assert batch.counts[0].dtype == np.int64


def test_a_map_runs_along_x_first(read):
    cells = np.zeros((3, 4), int)  # y, x
    cells[1, 1:3] = 5, 6
    cells[0, 1], cells[2, 2], cells[2, 0] = 1, 2, 4
    (batch,) = read(line(cells.ravel().tolist(), metype=6))
    assert batch.catalogue.elements[0].shape == (2, 1)
    np.testing.assert_array_equal(batch.counts[0], [[5, 6]])
    np.testing.assert_array_equal(batch.flow, [[5, 2]])


def test_lumisections_are_told_apart_and_keep_their_order(read):
    result = read(line(ls=2), line(ls=1), line(ls=1, name="DT/b"), line(ls=2, name="DT/b"))
    assert [(b.key.ls, b.catalogue.names) for b in result] == [(2, ("DT/a",)), (1, ("DT/a", "DT/b")), (2, ("DT/b",))]


BAD_LINES = {
    "run": (line(run="x"), "wrong-type", "fromrun"),
    "no run": (line(run=""), "wrong-type", "fromrun"),
    "run 0": (line(run=0), "out-of-range", "run"),
    "a time for an ls": (line(ls=1_500_000_000), "looks-like-a-time", "ls"),
    "name": (line(name=""), "empty-text", "hname"),
    "metype": (line(metype=4), "unsupported-metype", "metype"),
    "too few numbers": (line("[1, 2, 3]"), "wrong-bin-count", "DT/a: counts"),
    "negative": (line("[1, 2, -3, 4]"), "negative-count", "DT/a: cell 2"),
    "no list": (line("1"), "wrong-type", "histo"),
    "no numbers": (line("[true, false]"), "wrong-type", "histo"),
    "ragged": (line("[[1], [2, 3]]"), "bad-json", "histo"),
    "no JSON": (line("[1, nan]"), "bad-json", "histo"),
    "bins": (line(xbins=-1), "bad-axis", "DT/a: axis bins"),
    "absurd bins": (line(xbins=10**12), "too-many-bins", "DT/a: bins"),
    "entries": (line(entries="many"), "wrong-type", "entries"),
    "infinite entries": (line(entries="inf"), "not-finite", "DT/a: entries"),
    "short": ("1,2,3", "wrong-column-count", "line"),
}


@pytest.mark.parametrize(("bad", "reason", "field"), BAD_LINES.values(), ids=BAD_LINES)
def test_a_bad_line_is_named_and_the_next_is_read(read, bad, reason, field):
    error, batch = read(bad, line(name="DT/b"))
    assert (error.reason, error.field) == (reason, f"table.csv line 2: {field}")
    assert batch.catalogue.names == ("DT/b",)


def test_a_missing_column_is_named(read):
    (error,) = read(line(), header=HEADER.replace("histo", "data"))
    assert (error.reason, error.value) == ("missing-column", "'histo'")


def test_a_line_beyond_the_limit_ends_the_file(read, limits):
    result = read(line(), line("1" * 2000), limits=replace(limits, max_message_bytes=1000))
    assert {getattr(record, "reason", "batch") for record in result} == {"too-large", "batch"}


@pytest.mark.parametrize("name", ["monday.csv", "tuesday.csv"])
def test_names_without_a_folder_are_of_one_subsystem_whatever_the_file_is_called(tmp_path, limits, name):
    (tmp_path / name).write_text(f"{HEADER}\n{line(name='charge')}")
    assert [batch.subsystem for batch in read_file(tmp_path / name, limits)] == ["unknown"]
    layout = FileLayout(dataset="/X/Y/DQM", subsystem="Pixel")
    assert [(b.dataset, b.subsystem) for b in read_file(tmp_path / name, limits, layout)] == [("/X/Y/DQM", "Pixel")]


def test_a_byte_order_mark_and_empty_lines_are_passed_over(read):
    (batch,) = read("", line(), "", header="\ufeff" + HEADER)
    np.testing.assert_array_equal(batch.histogram("DT/a"), [2, 3])


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_a_header_of_another_separator_is_shown(read, separator):
    (error,) = read(line().replace(",", separator), header=HEADER.replace(",", separator))
    assert error.reason == "missing-column"
    assert f"the columns stand in one: {HEADER.replace(',', separator)!r}" in str(error)


def test_a_table_without_rows_says_so(read):
    (error,) = read()
    assert (error.reason, error.field) == ("no-histograms", "table.csv")


def test_columns_of_other_names_are_read_as_the_settings_say(tmp_path, limits):
    path = tmp_path / "mine.csv"
    path.write_text("\n".join([HEADER.replace("fromrun", "run").replace("hname", "name"), line()]))
    (batch,) = read_file(path, limits, FileLayout.of(FileSettings(columns="fromrun=run, hname=name")))
    assert (batch.key, batch.catalogue.names) == (LumisectionKey(315488, 229), ("DT/a",))


def test_a_line_that_is_not_utf8_is_named_and_the_others_are_read(tmp_path, limits):
    path = tmp_path / "table.csv"
    path.write_bytes("\n".join([HEADER, line(), line(name="DT/é"), line(name="DT/b")]).encode("latin-1"))
    error, batch = read_file(path, limits)
    assert (error.reason, error.field, error.value) == ("not-utf8", "table.csv line 3: hname", repr(b"DT/\xe9"))
    assert batch.catalogue.names == ("DT/a", "DT/b")


def test_whole_numbers_written_as_floats_are_read(read):
    (batch,) = read(line("[0.0, 16777217.0, 33554433.0, 0.0]", run="315488.0", metype="3.0", entries="50331650.0"))
    assert batch.key == LumisectionKey(315488, 229)
    assert batch.histogram("DT/a").tolist() == [16777217, 33554433]


def test_rows_of_dials_are_read(read, dials_row):
    row = dials_row("DT/a", 1, 2, [1, 2, 3]) | {"y_bin": ""}
    (batch,) = read(",".join(f'"{value}"' for value in row.values()), header=",".join(row))
    assert (batch.key, batch.dataset) == (LumisectionKey(1, 2), "/ZeroBias/Run2022C-v1/DQMIO")
    np.testing.assert_array_equal(batch.histogram("DT/a"), [1, 2, 3])


def test_broken_quoting_and_text_are_reported(tmp_path, limits):
    path = tmp_path / "x.csv"
    path.write_bytes(HEADER.encode() + b'\n1,2,"a" b,\xff\xfe\n')
    (error,) = read_file(path, limits)
    assert error.reason == "bad-csv"
