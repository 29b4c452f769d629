"""What every file reader promises, for each suffix in the registry."""

import bz2
import gzip
import json
import lzma
import os
import shutil

import hist
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.codecs import Limits
from streams.codecs.histograms import json as uhi_encode
from streams.errors import DecodeError
from streams.files import READERS, read_file
from streams.files.arrow_file import write_recording
from streams.records import Axis, Catalogue, Conditions, HistogramBatch, LumisectionKey, MonitoringElement

LIMITS = Limits(max_message_bytes=1 << 20, max_histograms=100, max_bins=1000)


def batch(ls):
    catalogue = Catalogue.of([MonitoringElement("DT/occupancy", (Axis(3, 0.0, 3.0),))])
    counts = (np.array([[1, 2, 3]], np.int64),)
    return HistogramBatch(
        LumisectionKey(1, ls), "/A/B/C", "DT", Conditions(), catalogue, counts, np.zeros((1, 2)), np.array([6.0])
    )


def recording(path):
    write_recording(path, [batch(1), batch(2)])


def csv(path):
    head = "fromrun,fromlumi,hname,metype,histo,entries,Xmin,Xmax,Xbins,Ymin,Ymax,Ybins\n"
    path.write_text(head + "".join(f'1,{ls},DT/occupancy,3,"[0, 1, 2, 3, 0]",6,0,3,3,0,1,1\n' for ls in (1, 2)))


def dials(path):
    shared = {"dataset": "/A/B/C", "me": "DT/occupancy", "run_number": 1, "x_min": 0, "x_max": 3, "x_bin": 3}
    path.write_text(json.dumps([shared | {"ls_number": ls, "entries": 6, "data": [1, 2, 3]} for ls in (1, 2)]))


def parquet(path):
    rows = {"run": [1, 2], "entries": [6, 6], "counts": [[1, 2, 3]] * 2, "lhc_fill": [1, 1], "run_lumi": [1.0, 1.0]}
    pq.write_table(pa.table(rows), path)


def root(path):
    with uproot.recreate(path) as file:
        for ls in (1, 2):
            h = hist.Hist.new.Reg(3, 0, 3).Double().fill([0.5, 1.5, 1.5, 2.5, 2.5, 2.5])
            file[f"DQMData/Run 1/DT/By Lumi Section {ls}-{ls}/occupancy"] = h


def uhi_json(path):
    path.write_bytes(uhi_encode.encode(batch(1)))


SAMPLES = {
    ".arrow": recording,
    ".arrows": recording,
    ".csv": csv,
    ".dials.json": dials,
    ".jsonl": dials,
    ".parquet": parquet,
    ".root": root,
    ".uhi.json": uhi_json,
}


def read(path):
    return list(read_file(path, LIMITS))


def summary(records):
    return [record.reason if isinstance(record, DecodeError) else record.key for record in records]


@pytest.fixture(scope="module", params=sorted(READERS))
def suffix(request):
    return request.param


@pytest.fixture(scope="module")
def sample(suffix, tmp_path_factory):
    """A sound file of this format."""
    path = tmp_path_factory.mktemp("sample") / f"sample{suffix}"
    SAMPLES[suffix](path)
    return path


@pytest.fixture(scope="module")
def elsewhere(suffix, tmp_path_factory):
    """A path of this format to write damaged files to."""
    return tmp_path_factory.mktemp("damaged") / f"file{suffix}"


def test_every_reader_has_a_sample():
    assert SAMPLES.keys() == READERS.keys()


def test_a_sound_file_gives_sound_batches(sample, suffix):
    records = read(sample)
    assert len(records) == (1 if READERS[suffix].single else 2)
    for record in records:
        assert record.subsystem in {"DT", "CSC"}
        assert [counts.tolist() for counts in record.counts] == [[[1, 2, 3]]]
        assert record.entries.tolist() == [6]
        assert record.dataset
        for array in (*record.counts, record.flow, record.entries):
            assert not array.flags.writeable
        assert all(counts.dtype in (np.float32, np.int64) for counts in record.counts)


ODD_NAMES = [
    b"donn\xe9es",
    b"a:b",
    b"http:a",
    b"a#b?c",
    b"a%41*[b]",
    b"-a",
    b"a\nb",
    b"~a",
    "\N{HATCHING CHICK}".encode() * 50,
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_file_may_have_any_name(sample, suffix, name, tmp_path):
    odd = tmp_path / os.fsdecode(name + suffix.encode())
    shutil.copy(sample, odd)
    assert summary(read(odd)) == summary(read(sample))


def test_records_keep_their_numbers(sample):
    assert summary(read(sample)) == summary(read(sample))


def test_equal_catalogues_are_one_object(sample):
    assert len({id(record.catalogue) for record in read(sample) + read(sample)}) == 1


def test_an_absent_file_is_reported(elsewhere):
    absent = elsewhere.with_name("absent" + "".join(elsewhere.suffixes))
    (error,) = read(absent)
    assert (error.reason, error.field) == ("unreadable-file", absent.name)


def test_a_folder_is_reported(elsewhere):
    folder = elsewhere.with_name("folder" + "".join(elsewhere.suffixes))
    folder.mkdir()
    (error,) = read(folder)
    assert isinstance(error, DecodeError)


BEGINNINGS = {
    "nothing": (b"", "empty-file"),
    "gzip": (gzip.compress(b"x"), "compressed"),
    "bzip2": (bz2.compress(b"x"), "compressed"),
    "xz": (lzma.compress(b"x"), "compressed"),
    "Zstandard": (zstandard.compress(b"x"), "compressed"),
    "zip": (b"PK\x03\x04", "compressed"),
    "UTF-16": ("x".encode("utf-16"), "not-utf8"),
}


@pytest.mark.parametrize(("content", "reason"), BEGINNINGS.values(), ids=BEGINNINGS)
def test_a_file_that_is_empty_compressed_or_in_utf16_says_so_in_one_line(elsewhere, content, reason):
    elsewhere.write_bytes(content)
    (error,) = read(elsewhere)
    assert (error.reason, error.field) == (reason, elsewhere.name)
    assert "NaN" not in str(error)


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_file_gives_batches_and_errors_and_no_crash(sample, elsewhere, data):
    raw = bytearray(sample.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    elsewhere.write_bytes(raw[: data.draw(st.integers(1, len(raw)))])
    for record in read(elsewhere):
        if isinstance(record, DecodeError):
            assert record.reason
            assert record.field
        else:
            assert all((counts >= 0).all() and np.isfinite(counts).all() for counts in record.counts)


@pytest.mark.parametrize(("write", "records"), [(uhi_json, 1), (dials, 2)])
def test_plain_json_is_told_apart_by_its_content(tmp_path, write, records):
    path = tmp_path / "file.json"
    write(path)
    assert len(read(path)) == records
    assert all(isinstance(record, HistogramBatch) for record in read(path))


@pytest.mark.parametrize("name", ["notes.txt", "file", "file.json.gz"])
def test_an_unknown_suffix_is_reported(tmp_path, name):
    path = tmp_path / name
    path.write_text("x")
    (error,) = read(path)
    assert error.reason == "unknown-file-type"


def test_suffixes_may_be_in_capitals(tmp_path):
    path = tmp_path / "FILE.CSV"
    csv(path)
    assert summary(read(path)) == [LumisectionKey(1, 1), LumisectionKey(1, 2)]
