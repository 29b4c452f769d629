"""Recordings of every kind: read as records, and delivered as messages."""

import time

import numpy as np
import pytest

from streams.codecs import events, rates
from streams.codecs.events import EventLimits
from streams.codecs.rates import RateLimits, decode_rates
from streams.errors import DecodeError
from streams.files import read_file
from streams.files.arrow_file import messages, read_with, write_recording
from streams.files.source import FileSource
from tests.support.records import EVENTS, RATES

RATE_LIMITS = RateLimits(1 << 20, 100)
EVENT_LIMITS = EventLimits(1 << 20, 100, 100)


@pytest.fixture
def recordings(tmp_path, batch_of_ls):
    """A recording of each kind, under names that say something else."""
    contents = {"histograms": [batch_of_ls(1)], "rates": [RATES, RATES], "events": [EVENTS]}
    paths = {kind: tmp_path / f"histograms-{n}.ARROW" for n, kind in enumerate(contents)}
    assert [write_recording(paths[kind], records) for kind, records in contents.items()] == [1, 2, 1]
    return paths


def test_rates_and_events_are_read_as_they_were_written(recordings):
    (first, second) = read_with(rates.decode_arrow, recordings["rates"], RATE_LIMITS)
    assert first.menu is second.menu
    np.testing.assert_array_equal(first.hlt, RATES.hlt)
    (features,) = read_with(events.decode_arrow, recordings["events"], EVENT_LIMITS)
    np.testing.assert_array_equal(features.values, EVENTS.values)


def test_a_recording_of_another_kind_is_refused_message_by_message(recordings, limits):
    for result in (
        read_file(recordings["rates"], limits),
        read_with(rates.decode_arrow, recordings["events"], RATE_LIMITS),
    ):
        for error in result:
            assert isinstance(error, DecodeError)
            assert error.reason == "wrong-schema"
            assert "message 0" in error.field or "message 1" in error.field


def test_messages_come_as_they_are_and_resume(recordings, limits):
    path = recordings["rates"]
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
