"""What every codec of failing workflows promises, for each content type in the registry."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.codecs.values import LATEST_S
from streams.codecs.workflows import WORKFLOW_CODECS, WorkflowLimits, decode_workflows, encode_workflows
from streams.codecs.workflows.schema import MOST_CODE, MOST_JOBS
from streams.errors import ContentTypeError, DecodeError, OversizeError
from streams.source import Message, Partition
from streams.workflows import ErrorCount, ErrorMessage, FailureReport, WorkflowFacts, WorkflowFailures, WorkflowOutcome

LIMITS = WorkflowLimits(max_message_bytes=1 << 20, max_tasks=8, max_errors=50, max_texts=9)
SNAPSHOT = WorkflowFailures(
    1.7e9,
    "/pdmv_B2G-00123/B2G-00123_0",
    (ErrorCount(-1, "T2_IT_Rome", 3, False), ErrorCount(8021, "T2_IT_Rome", 12, True)),
    WorkflowFacts("Run3Summer22", "/A/B/MINIAOD", 85000, 4000.0, 2, 7200.0, 86400.0, 1.8e9),
    (ErrorMessage("Failed to open file", 8021, "T2_IT_Rome", 12),),
)

words = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=20)
numbers = st.none() | st.integers(0, MOST_JOBS)
amounts = st.none() | st.floats(0, 1e9)
facts = st.builds(
    WorkflowFacts,
    campaign=words | st.just(""),
    dataset=words | st.just(""),
    priority=numbers,
    requested_memory=amounts,
    attempts=numbers,
    running_time=amounts,
    lost_wall_time=amounts,
    deadline=amounts,
)
errors = st.dictionaries(
    st.tuples(st.integers(-MOST_CODE, MOST_CODE), words, st.sampled_from([None, False, True])),
    st.integers(1, MOST_JOBS),
    min_size=1,
    max_size=6,
).map(
    lambda jobs: tuple(
        ErrorCount(code, site, jobs[code, site, good], good)
        for code, site, good in sorted(jobs, key=lambda key: (key[0], key[1], key[2] is not None, key[2] is True))
    )
)
messages = st.lists(
    st.builds(
        ErrorMessage,
        text=words,
        code=st.none() | st.integers(-MOST_CODE, MOST_CODE),
        site=words | st.just(""),
        jobs=st.integers(1, MOST_JOBS),
    ),
    max_size=3,
).map(tuple)
times = st.floats(0, LATEST_S)
snapshots = st.builds(WorkflowFailures, time=times, task=words, errors=errors, facts=facts, messages=messages)
outcomes = st.builds(WorkflowOutcome, time=times, task=words.map(lambda word: f"ended {word}"), succeeded=st.booleans())
reports = st.builds(
    FailureReport,
    snapshots=st.lists(snapshots, min_size=1, max_size=3, unique_by=lambda snapshot: snapshot.task).map(tuple),
    outcomes=st.lists(outcomes, max_size=2, unique_by=lambda outcome: outcome.task).map(tuple),
)


def message(value, content_type, published_s=5.0):
    headers = {} if content_type is None else {"Content-Type": content_type}
    return Message(Partition("c", "workflows.failures", 0), 0, value, headers, published_s, "test")


def refusal(value, content_type, limits=LIMITS):
    with pytest.raises(DecodeError) as caught:
        decode_workflows(message(value, content_type), limits)
    return caught.value


def refusal_of(content_type, **changes):
    return refusal(encode_workflows(FailureReport((replace(SNAPSHOT, **changes),)), content_type), content_type)


@pytest.fixture(params=sorted(WORKFLOW_CODECS), scope="module")
def content_type(request):
    return request.param


@given(report=reports)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_decoding_inverts_encoding(content_type, report):
    assert decode_workflows(message(encode_workflows(report, content_type), content_type), LIMITS) == report


@given(cut=st.data())
def test_a_truncated_message_is_refused(content_type, cut):
    raw = encode_workflows(FailureReport((SNAPSHOT,)), content_type)
    assert refusal(raw[: cut.draw(st.integers(0, len(raw) - 1))], content_type).reason


@given(data=st.data())
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_message_is_refused_or_sane(content_type, data):
    raw = bytearray(encode_workflows(FailureReport((SNAPSHOT, replace(SNAPSHOT, task="/b/c"))), content_type))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        report = decode_workflows(message(bytes(raw), content_type), LIMITS)
    except DecodeError:
        return
    for snapshot in report.snapshots:
        assert snapshot.task
        assert 0 <= snapshot.time <= LATEST_S
        assert 1 <= len(snapshot.errors) <= LIMITS.max_errors
        assert all(error.site and error.jobs > 0 for error in snapshot.errors)


@given(raw=st.binary(max_size=200))
def test_noise_is_refused(content_type, raw):
    assert refusal(raw, content_type).reason


def test_a_message_of_50_mb_is_refused_unread(content_type):
    error = refusal(bytes(50_000_000), content_type)
    assert (type(error), error.reason, error.value) == (OversizeError, "too-large", "50000000")


def test_the_numbers_of_tasks_errors_and_messages_are_bounded(content_type):
    many = FailureReport(tuple(replace(SNAPSHOT, task=f"/w/{n}") for n in range(9)))
    assert refusal(encode_workflows(many, content_type), content_type).reason == "too-many-tasks"
    errors = tuple(ErrorCount(code, "T2_IT_Rome", 1) for code in range(51))
    assert refusal_of(content_type, errors=errors).reason == "too-many-errors"
    assert refusal_of(content_type, messages=SNAPSHOT.messages * 10).reason == "too-many-messages"


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"errors": ()}, "wrong-type", "errors"),
        ({"errors": (ErrorCount(8021, "A", 0),)}, "no-errors", "errors"),
        ({"errors": (ErrorCount(8021, "A", -3),)}, "out-of-range", "code 8021 at A"),
        ({"errors": (ErrorCount(8021, "A", MOST_JOBS + 1),)}, "out-of-range", "code 8021 at A"),
        ({"errors": (ErrorCount(8021, "A", 1.5),)}, "wrong-type", "code 8021 at A"),
        ({"errors": (ErrorCount(2**31, "A", 1),)}, "bad-code", "code"),
        ({"errors": (ErrorCount("many", "A", 1),)}, "bad-code", "code"),
        ({"errors": (ErrorCount(8021, "A\x00B", 1),)}, "unprintable-text", "code 8021: site"),
        ({"errors": (ErrorCount(8021, "\xa0", 1),)}, "empty-text", "code 8021: site"),
        ({"errors": (ErrorCount(8021, "n" * 513, 1),)}, "text-too-long", "code 8021: site"),
        ({"facts": WorkflowFacts(priority=-1)}, "out-of-range", "priority"),
        ({"facts": WorkflowFacts(requested_memory=-1.0)}, "out-of-range", "requested_memory"),
        ({"facts": WorkflowFacts(lost_wall_time="long")}, "wrong-type", "lost_wall_time"),
        ({"facts": WorkflowFacts(deadline=1.7e12)}, "not-seconds", "deadline"),
        ({"facts": WorkflowFacts(campaign="a\nb")}, "unprintable-text", "campaign"),
        ({"messages": (ErrorMessage("text", jobs=-1),)}, "out-of-range", "message 0: jobs"),
        ({"messages": (ErrorMessage(7),)}, "wrong-type", "message 0: text"),
        ({"time": -1.0}, "out-of-range", "time"),
        ({"time": 1.7e12}, "not-seconds", "time"),
    ],
)
def test_what_no_operator_can_have_been_shown_is_refused_by_name(content_type, changes, reason, field):
    error = refusal_of(content_type, **changes)
    assert (error.reason, error.field) == (reason, f"{SNAPSHOT.task}: {field}")


def test_a_task_that_cannot_be_read_does_not_take_the_others_with_it(content_type):
    bad = replace(SNAPSHOT, task="/b/c", errors=(ErrorCount(8021, "A", -3),))
    raw = encode_workflows(FailureReport((bad, SNAPSHOT)), content_type)
    report = decode_workflows(message(raw, content_type), LIMITS)
    assert report.snapshots == (SNAPSHOT,)
    assert [error.field for error in report.unread] == ["/b/c: code 8021 at A"]


@pytest.mark.parametrize(
    ("header", "reason"),
    [(None, "missing-content-type"), ("text/csv", "unknown-content-type"), ("", "unknown-content-type")],
)
def test_an_unknown_content_type_is_refused(header, reason):
    error = refusal(b"{}", header)
    assert (type(error), error.reason, error.field) == (ContentTypeError, reason, "content-type")
