"""Traces as people have them: other units, other columns, other separators, kinds of value that change on the way."""

import bz2

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from rl_cache.errors import TraceError
from rl_cache.traces.operations import is_read
from rl_cache.traces.read import read

DAY_S = 86_400
NEW_YEAR_S = 1_704_067_200
"""2024-01-01."""


@pytest.fixture
def refused(tmp_path):
    """The error for this text."""

    def of(text, name="x.csv"):
        (tmp_path / name).write_text(text)
        with pytest.raises(TraceError) as error:
            read(tmp_path / name)
        return str(error.value)

    return of


@pytest.fixture
def trace(tmp_path):
    def of(text):
        (tmp_path / "x.csv").write_text(text)
        return read(tmp_path / "x.csv")

    return of


def parquet_of(tmp_path, **columns):
    parquet.write_table(pa.table(columns), tmp_path / "x.parquet")
    return tmp_path / "x.parquet"


@pytest.mark.parametrize(("unit", "factor"), [("ms", 10**3), ("µs", 10**6), ("ns", 10**9)])
def test_times_in_another_unit_are_refused_by_its_name(refused, unit, factor):
    rows = "".join(f"{(NEW_YEAR_S + k) * factor},a\n" for k in range(3))
    assert f"time_s of the last request is {(NEW_YEAR_S + 2) * factor}; that is in {unit};" in refused(
        "time,file\n" + rows
    )


@pytest.mark.parametrize("kind", [pa.timestamp("s"), pa.timestamp("ms"), pa.timestamp("us", "UTC"), pa.timestamp("ns")])
def test_timestamps_of_any_unit_are_seconds(tmp_path, kind):
    time = pa.array([NEW_YEAR_S, NEW_YEAR_S + 1]).cast(pa.timestamp("s")).cast(kind)
    assert read(parquet_of(tmp_path, time=time, file=["a", "b"])).time_s.tolist() == [NEW_YEAR_S, NEW_YEAR_S + 1]


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (pa.array([19_723, 19_724], pa.date32()), [NEW_YEAR_S, NEW_YEAR_S + DAY_S]),
        (pa.array([NEW_YEAR_S * 1000] * 2, pa.date64()), [NEW_YEAR_S] * 2),
        (pa.array([1500, 2999], pa.duration("ms")), [1, 2]),
        (pa.array(["5", "7.9"]), [5, 7]),
        (pa.array(["5", "5"]).dictionary_encode(), [5, 5]),
        (pa.array([-1500], pa.timestamp("ms")), [-2]),
        (pa.array([5, 6]).cast(pa.decimal128(20, 0)), [5, 6]),
    ],
    ids=["dates", "dates in ms", "durations", "text", "categories", "before 1970", "decimals"],
)
def test_other_kinds_of_time(tmp_path, time, expected):
    assert read(parquet_of(tmp_path, time=time, file=["a"] * len(time))).time_s.tolist() == expected


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-01T00:00:00Z",
        "2024-01-01 00:00:00",
        "2024-01-01T02:00:00+02:00",
        "2024-01-01 00:00:00.750",
        "2024-01-01",
    ],
)
def test_written_times(trace, text):
    assert trace(f"time,file\n{text},a\n").time_s.tolist() == [NEW_YEAR_S]


@pytest.mark.parametrize("rows", [3, 5000])
@pytest.mark.parametrize("last", ["1.5", " 1 ", "1e0"])
def test_a_value_means_the_same_in_any_block(trace, monkeypatch, rows, last):
    monkeypatch.setattr("rl_cache.traces.read._BLOCK_BYTES", 4096)
    whole = trace("time,file,cpu_time\n" + "0,a,2\n" * rows + f"{last},b,{last}\n")
    assert len(whole) == rows + 1
    assert whole.time_s[-1] == 1
    assert whole.cpu_s.tolist()[-2:] == [2.0, float(last)]


@pytest.mark.parametrize("rows", [3, 5000])
def test_a_bad_value_is_named_in_any_block(refused, monkeypatch, rows):
    monkeypatch.setattr("rl_cache.traces.read._BLOCK_BYTES", 4096)
    text = "time,file,size\n" + "0,a,1\n" * rows
    assert f"time of request {rows} is soon; seconds since 1970" in refused(text + "soon,b,1\n")
    assert f"size of request {rows} is large; numbers are expected" in refused(text + "1,b,large\n")
    assert f"size of request {rows} is missing" in refused(text + "1,b,\n")
    assert "Expected 3 columns, got 2" in refused(text + "1,b\n")


def test_what_is_not_read_may_change_its_kind(trace, monkeypatch):
    monkeypatch.setattr("rl_cache.traces.read._BLOCK_BYTES", 4096)
    assert len(trace("user,file,time,size\n" + "1,a,0,1\n" * 5000 + "somebody,a,0,1\n")) == 5001


@pytest.mark.parametrize("header", ["time;file;size", "time\tfile\tsize", "time file size", "time|file|size"])
def test_another_separator_is_seen_in_the_error(refused, header):
    separator = header[4]
    line = separator.join(("1", "a", "2"))
    assert refused(f"{header}\n{line}\n").endswith(f"cpu_time, io_time; found {header!r}")


def test_the_columns_of_a_table_are_seen_in_the_error(tmp_path):
    with pytest.raises(TraceError, match="found 'lfn', 'when'"):
        read(parquet_of(tmp_path, lfn=["a"], when=[1]))


@pytest.mark.parametrize("header", ["time,file,size,size", "file,time,file,size", "time,op,op,file"])
def test_a_column_that_is_there_twice_is_refused(refused, header):
    name = next(name for name in header.split(",") if header.split(",").count(name) > 1)
    assert f"column {name} is there twice" in refused(f"{header}\n1,1,1,1\n")


def test_a_column_of_a_table_that_is_there_twice_is_refused(tmp_path):
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array([1]), pa.array([2])], ["file", "size", "size"])
    parquet.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(TraceError, match="column size is there twice"):
        read(tmp_path / "x.parquet")


@pytest.mark.parametrize("column", ["op", "Operation", "http_method"])
def test_only_reads_are_requests(trace, column):
    reads = trace(f"time,file,size,{column}\n1,a,10,PUT\n2,a,10,GET\n3,b,,DELETE\n4,a,10,get\n5,c,,\n")
    assert reads.time_s.tolist() == [2, 4]
    assert reads.file_name.tolist() == ["a"]
    assert reads.remarks == ("3 of 5 rows are no reads and not counted: PUT, DELETE, missing",)


def test_a_trace_without_reads_is_refused(refused):
    assert "column op is 2, 7; no row is a read; reads are called GET" in refused("file,op\na,2\nb,7\n")


@pytest.mark.parametrize(
    ("operation", "reads"),
    [("REST.GET.OBJECT", True), ("GetObject", True), ("READ", True), ("r", True), ("W", False), ("readdir", False)],
)
def test_names_of_reads(operation, reads):
    assert is_read(operation) is reads


def test_columns_that_are_not_read_are_named(trace):
    assert trace("time,file,filesize\n1,a,10\n").remarks == (
        "not read: column filesize",
        "no column size: files count as one byte each",
    )
    assert trace("time,file,size\n1,a,10\n").remarks == ()


@pytest.mark.parametrize("files", [[7, 3, 7, 5], [2**62, 3, 2**62, -5]], ids=["close together", "far apart"])
def test_files_are_numbered_as_they_appear(tmp_path, files):
    requests = read(parquet_of(tmp_path, file=np.array(files)))
    assert requests.file.tolist() == [0, 1, 0, 2]
    assert requests.file_name.tolist() == [files[0], files[1], files[3]]


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "content is empty"),
        (bz2.compress(b"file\na\n"), "compressed by bzip2"),
        (b"PK\x03\x04", "a zip archive"),
        ("file\na\n".encode("utf-16"), "in UTF-16"),
        (b"time,file\n1,a\n2,\xe9\n", r"file of request 1 is b'\xe9'; write the text in UTF-8"),
        (b"time,fil\xe9\n1,a\n", "line of column names"),
    ],
)
def test_what_is_no_text_in_utf8_is_refused_in_one_line(tmp_path, content, named):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(TraceError) as error:
        read(tmp_path / "x.csv")
    assert named in str(error.value)


def test_text_of_a_table_that_is_not_utf8_is_named(tmp_path):
    names = pa.array([b"a", b"\xff"]).view(pa.string())
    with pytest.raises(TraceError, match=r"file of request 1 is b'\\xff'"):
        read(parquet_of(tmp_path, file=names))


def test_times_in_milliseconds_since_the_beginning_are_refused(refused):
    lines = "".join(f"{hour * 3_600_000},a\n" for hour in range(0, 300, 10))
    assert "span of time_s is 12083 days; nobody" in refused(f"time,file\n{lines}")
