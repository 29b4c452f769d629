"""Every format gives the same trace, compressed or not, and says what is wrong with a bad file."""

import gzip
import lzma

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from rl_cache.errors import TraceError
from rl_cache.traces.assemble import Sizes
from rl_cache.traces.read import RECORD, read

COLUMNS = {
    "time": [10, 11, 11, 90_000],
    "file": ["/store/a", "/store/b", "/store/a", "/store/c"],
    "size": [5_000_000_000, 2, 5_000_000_000, 3],
    "dataset": ["A", "B", "A", "A"],
    "tier": ["AOD", "RAW", "AOD", "AOD"],
    "site": ["T2_IT_Bari", "T2_IT_Rome", "T2_IT_Rome", "T2_IT_Bari"],
    "cpu_time": [1.0, 2.5, 3.0, 4.0],
    "io_time": [0.0, 0.5, 1.0, 1.0],
}
PACK = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}


def as_csv(path, columns):
    csv.write_csv(pa.table(columns), path)
    return path


def as_parquet(path, columns):
    parquet.write_table(pa.table(columns), path)
    return path


def zstd(raw):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(raw)
    return sink.getvalue().to_pybytes()


PACK[".zst"] = zstd
WRITERS = {"x.csv": as_csv, "x.parquet": as_parquet}


@pytest.mark.parametrize("name", WRITERS)
def test_all_columns_arrive(tmp_path, name):
    trace = read(WRITERS[name](tmp_path / name, COLUMNS))
    assert trace.time_s.tolist() == COLUMNS["time"]
    assert trace.file_name[trace.file].tolist() == COLUMNS["file"]
    assert trace.size.tolist() == COLUMNS["size"]
    assert [trace.dataset.names[code] for code in trace.dataset.code[trace.file]] == COLUMNS["dataset"]
    assert [trace.tier.names[code] for code in trace.tier.code[trace.file]] == COLUMNS["tier"]
    assert [trace.site.names[code] for code in trace.site.code] == COLUMNS["site"]
    assert trace.cpu_s.tolist() == COLUMNS["cpu_time"]
    assert trace.io_s.tolist() == COLUMNS["io_time"]


@pytest.mark.parametrize("name", WRITERS)
def test_tasks_and_users_arrive_under_the_names_of_the_grid(tmp_path, name):
    columns = COLUMNS | {"jediTaskID": ["7", "", "8", "7"], "usrdn": ["u", "v", "", "u"]}
    if name == "x.parquet":
        columns["jediTaskID"] = [7, None, 8, 7]
    trace = read(WRITERS[name](tmp_path / name, columns))
    assert [trace.task.names[code] for code in trace.task.code] == ["7", "", "8", "7"]
    assert [trace.user.names[code] for code in trace.user.code] == ["u", "v", "", "u"]


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("absent", [name for name in COLUMNS if name != "file"])
def test_any_column_may_be_missing(tmp_path, name, absent):
    trace = read(WRITERS[name](tmp_path / name, {key: rows for key, rows in COLUMNS.items() if key != absent}))
    assert trace.file.tolist() == [0, 1, 0, 2]
    if absent == "time":
        assert trace.time_s.tolist() == [0, 1, 2, 3]
    elif absent == "size":
        assert trace.size.tolist() == [1, 1, 1, 1]
    else:
        field = absent.replace("_time", "_s")
        assert getattr(trace, field) is None


@pytest.mark.parametrize("suffix", PACK)
def test_compression_changes_nothing(tmp_path, suffix):
    plain = as_csv(tmp_path / "x.csv", COLUMNS)
    packed = tmp_path / f"y.csv{suffix}"
    packed.write_bytes(PACK[suffix](plain.read_bytes()))
    assert read(packed).size.tolist() == COLUMNS["size"]


@pytest.mark.parametrize("suffix", PACK)
def test_oracle_general(tmp_path, suffix):
    records = np.array([(3, 2**63 + 5, 7, 2), (4, 9, 2**32 - 1, -1), (4, 2**63 + 5, 7, -1)], RECORD)
    path = tmp_path / f"x.oracleGeneral.bin{suffix}"
    path.write_bytes(PACK[suffix](records.tobytes()))
    trace = read(path)
    assert trace.time_s.tolist() == [3, 4, 4]
    assert trace.file_name[trace.file].tolist() == [2**63 + 5, 9, 2**63 + 5]
    assert trace.size.tolist() == [7, 2**32 - 1, 7]


def test_many_blocks_are_one_trace(tmp_path, monkeypatch):
    monkeypatch.setattr("rl_cache.traces.read._BLOCK_BYTES", 4096)
    rng = np.random.default_rng(1)
    files = [f"/store/{number}" for number in rng.integers(0, 300, 5000)]
    trace = read(as_csv(tmp_path / "x.csv", {"file": files}))
    assert trace.file_name[trace.file].tolist() == files


def test_timestamps_are_seconds_since_1970(tmp_path):
    (tmp_path / "x.csv").write_text("time,file\n1970-01-02T00:00:01Z,a\n1970-01-02 00:00:02Z,a\n")
    assert read(tmp_path / "x.csv").time_s.tolist() == [86_401, 86_402]


MISTAKES = {
    "unordered": ("time,file\n2,a\n1,b\n", "time_s of request 1 is 1 after 2; sort the trace"),
    "zero": ("file,size\na,0\n", "size of file a is 0; sizes are whole bytes"),
    "negative": ("file,size\na,-4\n", "size of file a is -4"),
    "fraction": ("file,size\na,1.5\n", "size of request 0 is 1.5; sizes are whole bytes"),
    "changing": ("file,size\na,4\nb,1\na,5\n", "size of file a at request 2 is 5 after 4"),
    "empty": ("", "content is empty; text in UTF-8 is needed"),
    "names only": ("time,file\n", "number of requests is 0"),
    "no file": ("time,size\n1,2\n", "column file is missing; columns are named time, file"),
    "words for numbers": ("file,size\na,big\n", "size of request 0 is big; numbers are expected"),
    "a gap": ("file,size\na,\nb,3\n", "size of request 0 is missing"),
    "ragged": ("file,size\na,1\nb\n", "CSV parse error: Row #3: Expected 2 columns, got 1"),
    "infinite time": ("time,file\ninf,a\n", "time of request 0 is inf; out of range"),
    "milliseconds": ("time,file\n1500000000000,a\n1600000000000,a\n", "times must be in seconds"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path, mistake):
    text, message = MISTAKES[mistake]
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(TraceError) as refused:
        read(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert message in str(refused.value)


def test_the_first_of_changing_sizes_may_stand(tmp_path):
    (tmp_path / "x.csv").write_text("file,size\na,4\nb,1\na,5\n")
    assert read(tmp_path / "x.csv", Sizes.FIRST).size.tolist() == [4, 1, 4]


@pytest.mark.parametrize("cut", [1, 10, 30])
def test_a_truncated_binary_is_refused(tmp_path, cut):
    raw = np.ones(4, RECORD).tobytes()
    (tmp_path / "x.oracleGeneral").write_bytes(raw[:-cut])
    with pytest.raises(TraceError, match=rf"length of the last record is {-cut % 24} bytes; .*ends inside request"):
        read(tmp_path / "x.oracleGeneral")


@pytest.mark.parametrize("suffix", [item for item in PACK if item])
def test_truncated_compression_is_refused(tmp_path, suffix):
    raw = np.ones(400, RECORD)
    raw["file"] = np.random.default_rng(1).integers(0, 2**60, 400)
    packed = PACK[suffix](raw.tobytes())
    (tmp_path / f"x.oracleGeneral{suffix}").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(TraceError, match=r"content is unreadable|ends inside request"):
        read(tmp_path / f"x.oracleGeneral{suffix}")


@pytest.mark.parametrize("name", ["x.csv", "x.parquet", "x.oracleGeneral"])
def test_a_missing_file_is_one_line(tmp_path, name):
    with pytest.raises(TraceError, match=r"content is unreadable: .*No such file"):
        read(tmp_path / name)


def test_an_unknown_name_lists_what_is_known(tmp_path):
    with pytest.raises(TraceError, match=r"name is x.txt; say what it is: x.csv, x.parquet, x.oracleGeneral, x.vscsi"):
        read(tmp_path / "x.txt")


def test_no_more_rows_than_allowed(tmp_path, monkeypatch):
    monkeypatch.setattr("rl_cache.traces.assemble.MAX_REQUESTS", 3)
    with pytest.raises(TraceError, match="number of requests is over 3; split the trace"):
        read(as_csv(tmp_path / "x.csv", COLUMNS))
