"""Recordings of every kind: found out by content, read as records, and delivered as messages."""

import time

import numpy as np
import pytest

from streams.codecs.events import EventLimits
from streams.codecs.events import arrow as event_arrow
from streams.codecs.rates import RateLimits, decode_rates
from streams.codecs.rates import arrow as rate_arrow
from streams.errors import DecodeError
from streams.files import read_file
from streams.files.arrow_file import messages, read_with, write_recording
from streams.files.kinds import Kind, kind_of
from streams.files.source import FileSource
from tests.contracts.test_lumisection_codecs import EVENTS, RATES

RATE_LIMITS = RateLimits(1 << 20, 100)
EVENT_LIMITS = EventLimits(1 << 20, 100, 100)


@pytest.fixture
def recordings(tmp_path, batch_of_ls):
    """A recording of each kind, under names that say something else."""
    contents = {Kind.HISTOGRAMS: [batch_of_ls(1)], Kind.RATES: [RATES, RATES], Kind.EVENTS: [EVENTS]}
    paths = {kind: tmp_path / f"histograms-{n}.ARROW" for n, kind in enumerate(contents)}
    assert [write_recording(paths[kind], records) for kind, records in contents.items()] == [1, 2, 1]
    return paths


def test_the_content_says_what_a_recording_holds(recordings, limits):
    assert {kind_of(path, limits): path for path in recordings.values()} == recordings


def test_a_table_of_rates_is_told_from_other_tables(tmp_path, limits):
    for name, header, kind in [("a.csv", "run,ls,rate_hz", Kind.RATES), ("b.csv", "fromrun,histo", Kind.HISTOGRAMS)]:
        (tmp_path / name).write_text(header)
        assert kind_of(tmp_path / name, limits) is kind


@pytest.mark.parametrize("content", [b"\xff\xff\xff\xff", b"\xff\xff\xff\xff\x10\0\0\0" + bytes(16), b"no arrow"])
def test_what_is_no_recording_is_left_to_the_reader_of_histograms(tmp_path, limits, content):
    path = tmp_path / "a.arrow"
    path.write_bytes(content)
    assert kind_of(path, limits) is Kind.HISTOGRAMS


@pytest.mark.parametrize(("content", "reason"), [(b"", "empty-file"), (b"\x1f\x8b\x08", "compressed")])
def test_what_holds_nothing_readable_is_of_no_kind(tmp_path, limits, content, reason):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DecodeError, match=rf"{reason}: a\.csv"):
        kind_of(tmp_path / "a.csv", limits)


def test_a_file_that_is_not_there_is_of_no_kind(tmp_path, limits):
    with pytest.raises(DecodeError, match=r"unreadable-file: missing\.arrow"):
        kind_of(tmp_path / "missing.arrow", limits)


def test_rates_and_events_are_read_as_they_were_written(recordings):
    (first, second) = read_with(rate_arrow.decode, recordings[Kind.RATES], RATE_LIMITS)
    assert first.menu is second.menu
    np.testing.assert_array_equal(first.hlt, RATES.hlt)
    (events,) = read_with(event_arrow.decode, recordings[Kind.EVENTS], EVENT_LIMITS)
    np.testing.assert_array_equal(events.values, EVENTS.values)


def test_a_recording_of_another_kind_is_refused_message_by_message(recordings, limits):
    for found in (
        read_file(recordings[Kind.RATES], limits),
        read_with(rate_arrow.decode, recordings[Kind.EVENTS], RATE_LIMITS),
    ):
        for error in found:
            assert isinstance(error, DecodeError)
            assert error.reason == "wrong-schema"
            assert "message 0" in error.field or "message 1" in error.field


def test_messages_come_as_they_are_and_resume(recordings, limits):
    path = recordings[Kind.RATES]
    path.write_bytes(path.read_bytes() + b"torn")
    source = FileSource([path], limits, time.time, read=messages)
    source.poll(0.0)
    (partition,) = source.claimed()
    source.start_at(partition, 1)
    sound, torn = source.poll(0.0)
    assert (sound.offset, torn.offset) == (1, 2)
    assert decode_rates(sound, RATE_LIMITS).key == RATES.key
    with pytest.raises(DecodeError, match="bad-arrow"):
        decode_rates(torn, RATE_LIMITS)
