"""Recordings: what was written is read again, also when the file is damaged or cut."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from streams.codecs.histograms import arrow
from streams.errors import DecodeError, OversizeError
from streams.files import read_file
from streams.files.arrow_file import write_recording


@pytest.fixture
def recording(tmp_path, batch_of_ls):
    path = tmp_path / "run.arrows"
    assert write_recording(path, map(batch_of_ls, range(1, 6))) == 5
    return path


def test_a_recording_is_read_in_order(recording, limits, batch_of_ls):
    file = list(read_file(recording, limits))
    assert [batch.key.ls for batch in file] == [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(file[2].counts[0], batch_of_ls(3).counts[0])


def test_recordings_may_be_joined(recording, limits):
    recording.write_bytes(recording.read_bytes() * 2)
    assert [batch.key.ls for batch in read_file(recording, limits)] == [1, 2, 3, 4, 5] * 2


def test_a_message_of_a_recording_is_an_ordinary_arrow_stream(recording):
    with pa.ipc.open_stream(recording.read_bytes()) as reader:
        assert reader.read_all().column_names == ["me", "axes", "entries", "below", "above", "counts"]


def test_a_cut_recording_is_read_to_the_cut(recording, limits):
    recording.write_bytes(recording.read_bytes()[:-100])
    *batches, error = read_file(recording, limits)
    assert [batch.key.ls for batch in batches] == [1, 2, 3, 4]
    assert error.reason in {"truncated-arrow", "bad-arrow"}
    assert error.field.startswith("run.arrows message 4: ")


def test_a_bad_message_does_not_hide_the_next(tmp_path, limits, batch_of_ls):
    path = tmp_path / "run.arrow"
    bad = replace(batch_of_ls(2), dataset="")
    path.write_bytes(b"".join(arrow.encode(batch) for batch in (batch_of_ls(1), bad, batch_of_ls(3))))
    first, error, last = read_file(path, limits)
    assert (first.key.ls, last.key.ls) == (1, 3)
    assert isinstance(error, DecodeError)
    assert (error.reason, error.field) == ("empty-text", "run.arrow message 1: dataset")


def test_a_message_beyond_the_limit_is_skipped(tmp_path, limits, batch_of_ls):
    path = tmp_path / "run.arrow"
    long = replace(batch_of_ls(2), dataset="d" * 5000)
    path.write_bytes(b"".join(arrow.encode(batch) for batch in (batch_of_ls(1), long, batch_of_ls(3))))
    first, error, last = read_file(path, replace(limits, max_message_bytes=4000))
    assert (first.key.ls, last.key.ls) == (1, 3)
    assert isinstance(error, OversizeError)
    assert error.field.startswith("run.arrow message 1")


def test_an_empty_recording_says_so(tmp_path, limits):
    path = tmp_path / "none.arrow"
    write_recording(path, [])
    assert [(error.reason, error.field) for error in read_file(path, limits)] == [("empty-file", "none.arrow")]
