"""Files of failing workflows: an object, or an object on each line."""

import json
import os

import pytest

from streams.codecs.workflows import WorkflowLimits
from streams.errors import DecodeError
from streams.files.workflows import read

LIMITS = WorkflowLimits(10_000, 100, 100, 100)
OBJECT = {"wf": {"85": {"A": 1}}, "/other/task": {"errors": {"good_sites": {"92": {"B": 2}}}}}


def reports(tmp_path, content):
    path = tmp_path / "failures.json"
    path.write_bytes(content)
    os.utime(path, (1000, 1000))
    return list(read(path, LIMITS))


@pytest.mark.parametrize("content", [json.dumps(OBJECT), json.dumps(OBJECT, indent=2), json.dumps(OBJECT) + "\n\n"])
def test_an_object_is_one_report_however_it_is_laid_out(tmp_path, content):
    (report,) = reports(tmp_path, content.encode())
    assert {snapshot.task: snapshot.time for snapshot in report.snapshots} == {"wf": 1000.0, "/other/task": 1000.0}


def test_each_line_is_a_report_and_a_bad_one_is_named(tmp_path):
    lines = [json.dumps({"a": {"85": {"A": 1}}}), '{"b": {"85": {"A": -1}}}', json.dumps({"c": {"85": {"A": 1}}})]
    first, second, third = reports(tmp_path, "\n".join(lines).encode())
    assert (first.snapshots[0].task, third.snapshots[0].task) == ("a", "c")
    assert isinstance(second, DecodeError)
    assert second.field == "failures.json: line 2: b: code 85 at A"


def test_a_line_without_end_stops_the_file_and_is_named(tmp_path):
    line = json.dumps({"a": {"85": {"A": 1}}})
    first, second = reports(tmp_path, f"{line}\n{'x' * 20_000}\n{line}".encode())
    assert first.snapshots
    assert (second.reason, second.field) == ("too-large", "failures.json: line 2: message")


@pytest.mark.parametrize(("content", "reason"), [(b"", "empty-file"), (b"\x1f\x8b\x08", "compressed")])
def test_what_holds_nothing_readable_is_refused(tmp_path, content, reason):
    (error,) = reports(tmp_path, content)
    assert error.reason == reason


def test_a_file_that_is_not_there_is_named(tmp_path):
    (error,) = read(tmp_path / "missing.json", LIMITS)
    assert (error.reason, error.field) == ("unreadable-file", "missing.json")
