"""What a file holds is seen by its content, whatever its name."""

import pytest

from conf.settings import Settings
from dqm.simulate.detector import stream
from opint.stream_kinds import KINDS, kind_of_file
from streams.errors import DecodeError
from streams.files.arrow_file import write_recording
from streams.records import LumisectionKey
from tests.small import LEVEL
from tests.support.records import EVENTS, RATES

SETTINGS = Settings()


def test_the_content_says_what_a_recording_holds(tmp_path, detector):
    (lumisection,) = stream(detector, [(LumisectionKey(1, 1), LEVEL)], (), 1)
    contents = {"histograms": lumisection.batches[:1], "rates": [RATES, RATES], "events": [EVENTS]}
    paths = {name: tmp_path / f"histograms-{n}.ARROW" for n, name in enumerate(contents)}
    assert [write_recording(paths[name], records) for name, records in contents.items()] == [1, 2, 1]
    assert {kind_of_file(path, SETTINGS).name: path for path in paths.values()} == paths


def test_a_table_of_rates_is_told_from_other_tables(tmp_path):
    for name, header, kind in [("a.csv", "run,ls,rate_hz", "rates"), ("b.csv", "fromrun,histo", "histograms")]:
        (tmp_path / name).write_text(header)
        assert kind_of_file(tmp_path / name, SETTINGS) is KINDS[kind]


@pytest.mark.parametrize("content", [b"\xff\xff\xff\xff", b"\xff\xff\xff\xff\x10\0\0\0" + bytes(16), b"no arrow"])
def test_what_is_no_recording_is_left_to_the_reader_of_histograms(tmp_path, content):
    path = tmp_path / "a.arrow"
    path.write_bytes(content)
    assert kind_of_file(path, SETTINGS) is KINDS["histograms"]


@pytest.mark.parametrize(("content", "reason"), [(b"", "empty-file"), (b"\x1f\x8b\x08", "compressed")])
def test_what_holds_nothing_readable_is_of_no_kind(tmp_path, content, reason):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DecodeError, match=rf"{reason}: a\.csv"):
        kind_of_file(tmp_path / "a.csv", SETTINGS)


def test_a_file_that_is_not_there_is_of_no_kind(tmp_path):
    with pytest.raises(DecodeError, match=r"unreadable-file: missing\.arrow"):
        kind_of_file(tmp_path / "missing.arrow", SETTINGS)
