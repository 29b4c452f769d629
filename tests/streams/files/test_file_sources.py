"""Files and folders as sources: order, resumption, files in the making, files that are lost."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from streams.codecs import Limits
from streams.codecs.histograms import json
from streams.errors import DecodeError, SourceUnavailable
from streams.files import source as source_module
from streams.files.arrow_file import write_recording
from streams.files.source import LONGEST_PATH_BYTES, FileSource, FolderSource, topic_of
from streams.source import Partition


class Clock:
    """A clock that tests turn."""

    def __init__(self):
        self.now = 1000.0
        self.slept = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def record(batch_of_ls):
    """``record(path, first, last)``: a recording of these lumisections."""

    def write(path, first, last):
        write_recording(path, map(batch_of_ls, range(first, last + 1)))
        return path

    return write


@pytest.fixture
def folder_source(tmp_path, limits, clock):
    def build(pattern="*", settle_s=2.0, limits=limits):
        return FolderSource(tmp_path, pattern, settle_s, limits, clock, clock.sleep)

    return build


def drain(source, offsets=None, polls=30):
    """Messages of so many polls, each claimed partition started at its stored offset."""
    results = []
    for _ in range(polls):
        results.extend(source.poll(0.5))
        for partition in source.claimed():
            source.start_at(partition, (offsets or {}).get(partition))
    return results


def lumisections(messages):
    return [message.value.key.ls for message in messages]


def partition_of(path):
    return Partition("file", str(path), 0)


def test_a_single_message_and_what_of_it_cannot_be_read_are_one_record(tmp_path, limits, clock, batch_of_ls):
    """So that whoever has stored its offset has stored both."""
    batch = batch_of_ls(7)
    batch = replace(batch, counts=tuple(counts.copy() for counts in batch.counts))
    batch.counts[0][0, 0] = -1
    path = tmp_path / "one.uhi.json"
    path.write_bytes(json.encode(batch))
    (message,) = drain(FileSource([path], limits, clock, clock.sleep))
    assert message.offset == 0
    (error,) = message.value.unread
    assert error.field.startswith(f"one.uhi.json: {batch.catalogue.names[0]}")
    assert len(message.value.catalogue) == len(batch.catalogue) - 1


def test_files_are_read_in_the_given_order_and_end(tmp_path, limits, clock, record):
    paths = [record(tmp_path / "b.arrow", 1, 3), record(tmp_path / "a.arrow", 4, 5)]
    source = FileSource(paths, limits, clock, clock.sleep)
    assert not source.exhausted()
    messages = drain(source)
    assert lumisections(messages) == [1, 2, 3, 4, 5]
    assert [(m.partition, m.offset) for m in messages][2:4] == [
        (partition_of(paths[0]), 2),
        (partition_of(paths[1]), 0),
    ]
    assert messages[0].key == b"355374:1"
    assert messages[0].origin == f"{paths[0]} record 0"
    assert source.exhausted()
    assert set(source.lag().values()) == {0}


def test_no_files_are_exhausted_at_once(limits, clock):
    assert FileSource([], limits, clock).exhausted()


def test_a_restart_resumes_inside_a_file(tmp_path, limits, clock, record):
    path = record(tmp_path / "a.arrow", 1, 5)
    messages = drain(FileSource([path], limits, clock, clock.sleep), {partition_of(path): 3})
    assert lumisections(messages) == [4, 5]
    assert [m.offset for m in messages] == [3, 4]


def test_a_finished_file_delivers_nothing(tmp_path, limits, clock, record):
    path = record(tmp_path / "a.arrow", 1, 5)
    source = FileSource([path], limits, clock, clock.sleep)
    assert drain(source, {partition_of(path): 5}) == []
    assert source.exhausted()


def test_a_file_can_be_started_again(tmp_path, limits, clock, record):
    path = record(tmp_path / "a.arrow", 1, 3)
    source = FileSource([path], limits, clock, clock.sleep)
    drain(source)
    source.start_at(partition_of(path), 1)
    assert not source.exhausted()
    assert lumisections(drain(source)) == [2, 3]


def test_nothing_is_delivered_before_the_start_is_known(tmp_path, limits, clock, record):
    source = FileSource([record(tmp_path / "a.arrow", 1, 3)], limits, clock, clock.sleep)
    assert [list(source.poll(0.1)) for _ in range(5)] == [[]] * 5
    assert len(source.claimed()) == 1
    assert source.claimed() == []


def test_a_paused_source_delivers_nothing_and_does_not_spin(tmp_path, limits, clock, record):
    source = FileSource([record(tmp_path / "a.arrow", 1, 3)], limits, clock, clock.sleep)
    source.poll(0)
    source.start_at(source.claimed()[0], None)
    source.pause()
    assert drain(source, polls=3) == []
    assert clock.slept == [0.1] * 3
    source.resume()
    assert lumisections(drain(source)) == [1, 2, 3]


def test_lost_and_unreadable_files_are_reported_and_the_next_is_read(tmp_path, limits, clock, record):
    lost, sound = tmp_path / "lost.arrow", record(tmp_path / "sound.arrow", 1, 1)
    unknown = tmp_path / "x.doc"
    unknown.write_text("x")
    error, other, message = drain(FileSource([lost, unknown, sound], limits, clock, clock.sleep))
    assert isinstance(error.value, DecodeError)
    assert (error.value.reason, error.offset) == ("unreadable-file", 0)
    assert other.value.reason == "unknown-file-type"
    assert message.value.key.ls == 1


def test_a_file_lost_in_the_middle_is_reported_at_the_next_record(tmp_path, limits, clock):
    path = tmp_path / "lost.arrow"
    (message,) = drain(FileSource([path], limits, clock, clock.sleep), {partition_of(path): 3})
    assert (message.value.reason, message.offset) == ("unreadable-file", 3)


def test_a_file_of_one_record_that_is_finished_is_not_opened(tmp_path, limits, clock):
    path = tmp_path / "gone.uhi.json"
    assert drain(FileSource([path], limits, clock, clock.sleep), {partition_of(path): 1}) == []


def test_a_file_beyond_the_limit_is_a_record_that_says_so(tmp_path, clock):
    path = tmp_path / "big.uhi.json"
    path.write_bytes(bytes(2000))
    (message,) = drain(FileSource([path], Limits(1000, 10, 10), clock, clock.sleep))
    assert message.value.reason == "too-large"


def test_few_files_are_open_at_a_time_and_old_ones_are_let_go(tmp_path, limits, clock, record, monkeypatch):
    monkeypatch.setattr(source_module, "OPEN_FILES", 4)
    monkeypatch.setattr(source_module, "FINISHED_FILES", 5)
    paths = [record(tmp_path / f"{i:03}.arrow", i + 1, i + 1) for i in range(40)]
    source = FileSource(paths, limits, clock, clock.sleep)
    source.poll(0)
    assert len(source.claimed()) == len(source.owned()) == 4
    for partition in source.owned():
        source.start_at(partition, None)
    assert lumisections(drain(source)) == list(range(1, 41))
    assert source.exhausted()
    assert source.owned() == {partition_of(path) for path in paths[-5:]}


def test_a_folder_is_read_in_order_of_names_and_watched(tmp_path, folder_source, clock, record):
    record(tmp_path / "b.arrow", 3, 4)
    record(tmp_path / "a.arrow", 1, 2)
    source = folder_source()
    assert lumisections(drain(source)) == [1, 2, 3, 4]
    record(tmp_path / "c.arrow", 5, 5)
    assert lumisections(drain(source)) == [5]
    assert not source.exhausted()


def test_a_file_in_the_making_is_left_alone(tmp_path, folder_source, clock, record):
    whole = record(tmp_path / "whole.bin", 1, 4).read_bytes()
    (tmp_path / "whole.bin").unlink()
    growing = tmp_path / "growing.arrow"
    source = folder_source()
    for size in range(100, len(whole), 500):
        growing.write_bytes(whole[:size])
        assert drain(source, polls=1) == []
        clock.now += 1.0
    growing.write_bytes(whole)
    assert drain(source, polls=1) == []
    clock.now += 1.9
    assert drain(source, polls=1) == []
    assert lumisections(drain(source)) == [1, 2, 3, 4]


def test_hidden_and_temporary_files_and_other_names_are_left_alone(tmp_path, folder_source, record):
    for name in (".a.arrow", "b.arrow.tmp", "c.other"):
        record(tmp_path / name, 1, 1)
    (tmp_path / "d.arrow").mkdir()
    record(tmp_path / "e.arrow", 2, 2)
    assert lumisections(drain(folder_source("*.arrow"))) == [2]


def test_a_renamed_file_is_taken(tmp_path, folder_source, clock, record):
    path = record(tmp_path / "a.arrow.tmp", 1, 1)
    source = folder_source()
    assert drain(source) == []
    path.rename(tmp_path / "a.arrow")
    assert lumisections(drain(source)) == [1]


def test_a_restarted_folder_resumes_inside_a_file_and_skips_finished_ones(tmp_path, folder_source, record):
    done, half = record(tmp_path / "a.arrow", 1, 3), record(tmp_path / "b.arrow", 4, 6)
    offsets = {partition_of(done): 3, partition_of(half): 1}
    assert lumisections(drain(folder_source(), offsets)) == [5, 6]


def test_a_file_that_vanishes_before_it_is_read_is_reported(tmp_path, folder_source, clock, record):
    path = record(tmp_path / "a.arrow", 1, 1)
    source = folder_source(settle_s=0.0)
    source.poll(0)
    (partition,) = source.claimed()
    path.unlink()
    source.start_at(partition, None)
    (message,) = drain(source)
    assert message.value.reason == "unreadable-file"


def test_a_folder_that_is_away_is_unavailable_until_it_is_back(tmp_path, limits, clock, record):
    folder = tmp_path / "later"
    source = FolderSource(folder, "*", 0.0, limits, clock, clock.sleep)
    with pytest.raises(SourceUnavailable, match="later"):
        source.poll(0.1)
    folder.mkdir()
    record(folder / "a.arrow", 1, 1)
    clock.now += 1
    assert lumisections(drain(source)) == [1]


def test_published_is_when_the_file_was_written(tmp_path, folder_source, record):
    path = record(tmp_path / "a.arrow", 1, 1)
    (message,) = drain(folder_source())
    assert message.published_s == path.stat().st_mtime


def test_closing_twice_is_allowed(tmp_path, folder_source, record):
    record(tmp_path / "a.arrow", 1, 1)
    source = folder_source()
    drain(source)
    source.close()
    source.close()
    assert source.owned() == frozenset()


@pytest.mark.parametrize("name", [b"donn\xe9es", b"a\nb", b"a b:c#d", b"x" * 200, "\N{HATCHING CHICK}".encode() * 60])
def test_a_file_of_any_name_is_read_and_resumed(folder_source, record, tmp_path, name):
    record(tmp_path / os.fsdecode(name + b".arrow"), 1, 3)
    record(tmp_path / "good.arrow", 4, 4)
    source = folder_source(settle_s=0.0)
    result = drain(source)
    assert sorted(item.value.key.ls for item in result) == [1, 2, 3, 4]
    assert all(item.partition.topic.isprintable() and item.origin.isprintable() for item in result)
    (odd,) = {item.partition for item in result if item.value.key.ls < 4}
    assert [item.value.key.ls for item in drain(folder_source(settle_s=0.0), {odd: 2}) if item.value.key.ls < 4] == [3]


def test_topics_are_the_paths_unless_nobody_can_store_them():
    assert topic_of(Path("/data/é b.root")) == "/data/é b.root"
    odd = [
        topic_of(Path(os.fsdecode(raw))) for raw in (b"/a/\xe9", b"/a/\\xe9", b"/a/\xe9\n", b"/a" * 2000, b"/a" * 2001)
    ]
    assert len(set(odd)) == 5
    assert all(len(topic.encode()) <= LONGEST_PATH_BYTES and topic.isprintable() for topic in odd)
