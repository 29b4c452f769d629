"""Failing workflows as producers write them: in both forms, with names twice, with real sites, with endless logs."""

import json

import pytest

from streams.codecs.workflows import WorkflowLimits
from streams.codecs.workflows.json import decode
from streams.codecs.workflows.schema import MOST_TEXT
from streams.errors import DecodeError
from streams.workflows import ErrorCount, WorkflowOutcome

LIMITS = WorkflowLimits(32 << 20, 1000, 50_000, 1000)
NOW_S = 1.7e9


def report_of(message):
    return decode(message if isinstance(message, bytes) else json.dumps(message).encode(), LIMITS, NOW_S)


def test_both_forms_are_read_and_tell_good_sites_from_bad_ones_or_not():
    forms = {
        "/wf/task": {"errors": {"good_sites": {"85": {"A": 2}}, "bad_sites": {"85": {"A": 1, "B": 4}}}},
        "wf": {"-1": {"A": 3}},
    }
    task, workflow = report_of(forms).snapshots
    assert task.errors == (ErrorCount(85, "A", 1, False), ErrorCount(85, "A", 2, True), ErrorCount(85, "B", 4, False))
    assert workflow.errors == (ErrorCount(-1, "A", 3, None),)
    assert (task.workflow, workflow.workflow, task.time, workflow.time) == ("wf", "wf", NOW_S, NOW_S)


def test_a_decided_case_is_a_snapshot_and_an_outcome():
    errors = {"good_sites": {"85": {"A": 2}}, "bad_sites": {}}
    report = report_of({"wf": {"errors": errors, "parameters": {"action": "acdc"}, "succeeded": True, "time": 7}})
    assert report.snapshots[0].errors == (ErrorCount(85, "A", 2, True),)
    assert report.outcomes == (WorkflowOutcome(7.0, "wf", True),)


def test_all_real_codes_and_sites_are_read(real_data):
    names = json.loads(real_data("operator/codes_and_sites.json").read_text())
    matrix = {str(code): dict.fromkeys(names["all_sites"], 1) for code in names["all_errors"]}
    (snapshot,) = report_of({"wf": {"errors": {"good_sites": matrix, "bad_sites": matrix}}}).snapshots
    # One name is there twice, once with a space that does not print behind it.
    sites = {site.strip() for site in names["all_sites"]}
    assert {error.site for error in snapshot.errors} == sites
    assert len(snapshot.errors) == 2 * len(names["all_errors"]) * len(sites)
    assert {error.jobs for error in snapshot.errors if error.site == "T3_US_NERSC"} == {2}


@pytest.mark.parametrize(
    ("raw", "field", "value"),
    [
        (b'{"a": {"85": {"A": 1}}, "b": {"85": {"A": 1}, "85": {"A": 2}}}', "b", "'85'"),
        (b'{"a": {"85": {"A": 1}}, "b": {"85": {"A": 1, "A": 2}}}', "b: sites: 85", "'A'"),
        (b'{"a": {"85": {"A": 1}}, "a": {"85": {"A": 2}}}', "a", "'a'"),
    ],
)
def test_a_name_that_comes_twice_is_never_dropped_in_silence(raw, field, value):
    report = report_of(raw)
    assert [snapshot.errors for snapshot in report.snapshots] == [(ErrorCount(85, "A", 1, None),)]
    assert [(error.reason, error.field, error.value) for error in report.unread] == [("name-twice", field, value)]


def test_a_log_of_10_mb_keeps_its_beginning_and_says_how_long_it_was():
    text = "Fatal\x00 exception\n" + "x" * 10_000_000
    (snapshot,) = report_of({"wf": {"errors": {"85": {"A": 1}}, "messages": [{"text": text}]}}).snapshots
    (message,) = snapshot.messages
    assert message.text.startswith("Fatal  exception xxx")
    assert message.text.endswith(f"({len(text)} characters)")
    assert len(message.text) < MOST_TEXT + 40


@pytest.mark.parametrize(
    ("message", "reason", "field"),
    [
        ([], "wrong-type", "message"),
        ({}, "no-tasks", "tasks"),
        ({"wf": None}, "wrong-type", "wf"),
        ({"wf": {}}, "no-errors", "wf: errors"),
        ({"wf": {"errors": {}}}, "no-errors", "wf: errors"),
        ({"wf": {"errors": {"good_sites": {}, "bad_sites": {"85": {}}}}}, "no-errors", "wf: errors"),
        ({"wf": {"errors": {"good_sites": {}, "ugly_sites": {"85": {"A": 1}}}}}, "unknown-group", "wf: errors"),
        ({"wf": {"errors": {"good_sites": 7}}}, "wrong-type", "wf: good_sites"),
        ({"wf": {"85": 7}}, "wrong-type", "wf: sites: 85"),
        ({"wf": {"85": {"A": True}}}, "wrong-type", "wf: code 85 at A"),
        ({"wf": {"85": {"A": float("nan")}}}, "wrong-type", "wf: code 85 at A"),
        ({"wf": {"errors": {"85": {"A": 1}}, "messages": {"text": "x"}}}, "wrong-type", "wf: messages"),
        ({"wf": {"errors": {"85": {"A": 1}}, "messages": [7]}}, "wrong-type", "wf: message 0"),
        ({"wf": {"errors": {"85": {"A": 1}}, "facts": 7}}, "wrong-type", "wf: facts"),
        ({"wf": {"succeeded": "yes"}}, "wrong-type", "wf: succeeded"),
        ({"w\x07f": {"85": {"A": 1}}}, "unprintable-text", "task"),
        ({"": {"85": {"A": 1}}}, "empty-text", "task"),
        ('{"wf": {"85": {"é": 1}}}'.encode("latin-1"), "bad-json", "message"),
        ('{"wf": {"85": {"A": 1}}}'.encode("utf-16"), "not-utf8", "message"),
        (b'{"wf": ' + b'{"a": ' * 900 + b"1" + b"}" * 901, "bad-code", "wf: code"),
        (b'{"wf": ' + b"[" * 100_000, "bad-json", "message"),
        (b'{"wf": {"85": {"A": 1' + b"0" * 5000 + b"}}}", "bad-json", "message"),
    ],
)
def test_what_is_no_report_is_refused_by_name(message, reason, field):
    with pytest.raises(DecodeError) as caught:
        report_of(message)
    assert (caught.value.reason, caught.value.field) == (reason, field)
