"""Failing workflows as JSON, in the two forms in which operators are shown them.

That of AIErrorHandling, with all that is known of a task::

    {"/pdmv_B2G-Run3-00123/B2G-Run3-00123_0": {
        "time": 1732521600.0,
        "errors": {"good_sites": {"8021": {"T2_IT_Rome": 12}}, "bad_sites": {"71104": {"T2_US_MIT": 3}}},
        "facts": {"campaign": "Run3Summer22", "priority": 85000, "requested_memory": 4000, "lost_wall_time": 86400},
        "messages": [{"text": "Failed to open file root://…", "code": 8021, "site": "T2_IT_Rome", "jobs": 12}]}}

and that of WorkflowWebTools, where good sites are not told from bad ones::

    {"pdmv_B2G-Run3-00123": {"8021": {"T2_IT_Rome": 12}, "71104": {"T2_US_MIT": 3}}}

The names of facts are those of :class:`streams.workflows.WorkflowFacts`. ``succeeded`` beside the errors, or alone,
says how a task ended. Without ``time`` the time of the message counts. A task that cannot be read, or in which a name
comes twice, is named in ``unread`` and the others are read; other fields are ignored.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import orjson

from streams.codecs.json_text import parse_json
from streams.codecs.values import check_flag, check_text, check_time
from streams.codecs.workflows.schema import WorkflowLimits, read_snapshot
from streams.errors import DecodeError
from streams.workflows import FailureReport, WorkflowFailures, WorkflowOutcome

GROUPS: Mapping[str, bool | None] = {"good_sites": True, "bad_sites": False, "sites": None}
"""What is known of the sites of each part of a matrix."""

_DETAILS = {"errors", "succeeded", "time", "facts", "messages"}


class _Repeating(dict[str, Any]):
    """An object in which a name comes twice; of each the first value."""

    repeated: list[str]


def decode(raw: bytes, limits: WorkflowLimits, received_s: float) -> FailureReport:
    """The report in a message that came at ``received_s``; raise DecodeError if nothing in it can be read."""
    limits.check_bytes(len(raw))
    if not isinstance(message := parse_json(raw), dict):
        raise DecodeError("wrong-type", "message", message, "an object with a task for each name is needed")
    limits.check_tasks(len(message))
    try:
        # Again, since the quick parser silently takes the last of two values that have the same name.
        message = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise DecodeError("bad-json", "message", str(error)) from None
    return read_report(message, limits, received_s)


def encode(report: FailureReport) -> bytes:
    """One message; what is not known is left out."""
    tasks = {snapshot.task: write_snapshot(snapshot) for snapshot in report.snapshots}
    for outcome in report.outcomes:
        tasks.setdefault(outcome.task, {"time": outcome.time})["succeeded"] = outcome.succeeded
    return orjson.dumps(tasks)


def read_report(message: Mapping[str, Any], limits: WorkflowLimits, received_s: float) -> FailureReport:
    """The report in an object with a task for each name; raises DecodeError, the first of several, if all are bad."""
    limits.check_tasks(len(message))
    snapshots: list[WorkflowFailures] = []
    outcomes: list[WorkflowOutcome] = []
    unread = [DecodeError("name-twice", name, name, "the first stands") for name in _repeated(message)]
    for name, value in message.items():
        try:
            snapshot, outcome = _read_task(check_text(name, "task"), value, limits, received_s)
        except DecodeError as error:
            unread.append(error)
            continue
        snapshots += [snapshot] if snapshot else []
        outcomes += [outcome] if outcome else []
    if not snapshots and not outcomes:
        raise unread[0]
    return FailureReport(tuple(snapshots), tuple(outcomes), tuple(unread))


def write_snapshot(snapshot: WorkflowFailures) -> dict[str, Any]:
    """The object of a task in the form of AIErrorHandling."""
    errors: dict[str, dict[str, dict[str, int]]] = {}
    for error in snapshot.errors:
        group = next(name for name, good in GROUPS.items() if good is error.site_good)
        errors.setdefault(group, {}).setdefault(str(error.code), {})[error.site] = error.jobs
    facts = {name: fact for name, fact in asdict(snapshot.facts).items() if fact not in (None, "")}
    messages = [
        {name: value for name, value in asdict(message).items() if value not in (None, "")}
        for message in snapshot.messages
    ]
    fields = {"time": snapshot.time, "errors": errors, "facts": facts, "messages": messages}
    return {name: value for name, value in fields.items() if value or name == "time"}


def _read_task(
    task: str, value: object, limits: WorkflowLimits, received_s: float
) -> tuple[WorkflowFailures | None, WorkflowOutcome | None]:
    fields = _mapping(value, task)
    if not _DETAILS & fields.keys():
        fields = {"errors": fields}
    time_s = received_s if fields.get("time") is None else check_time(fields["time"], f"{task}: time")
    outcome = None
    if (succeeded := fields.get("succeeded")) is not None:
        outcome = WorkflowOutcome(time_s, task, check_flag(succeeded, f"{task}: succeeded"))
        if "errors" not in fields:
            return None, outcome
    matrix = _mapping(fields.get("errors"), f"{task}: errors")
    facts = _mapping(fields.get("facts") or {}, f"{task}: facts")
    messages = fields.get("messages") or []
    if not isinstance(messages, list):
        raise DecodeError("wrong-type", f"{task}: messages", messages, "a list is needed")
    limits.check_texts(len(messages), task)
    texts = [_mapping(message, f"{task}: message {number}") for number, message in enumerate(messages)]
    texts = [text for text in texts if text.get("text") != ""]
    return read_snapshot(task, time_s, _numbers(matrix, task), facts, texts, limits), outcome


def _numbers(matrix: Mapping[str, Any], task: str) -> Iterator[tuple[bool | None, object, object, object]]:
    if not GROUPS.keys() & matrix.keys():
        matrix = {"sites": matrix} if matrix else {}
    for group, codes in matrix.items():
        if group not in GROUPS:
            raise DecodeError("unknown-group", f"{task}: errors", group, f"parts are {', '.join(GROUPS)}")
        for code, sites in _mapping(codes, f"{task}: {group}").items():
            for site, count in _mapping(sites, f"{task}: {group}: {code}").items():
                yield GROUPS[group], code, site, count


def _mapping(value: object, field: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise DecodeError("wrong-type", field, value, "an object is needed")
    for name in _repeated(value):
        raise DecodeError("name-twice", field, name, "each name may come once")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(values := dict(reversed(pairs))) == len(pairs):
        return dict(pairs)
    repeating = _Repeating((name, values[name]) for name, _ in pairs)
    names = [name for name, _ in pairs]
    repeating.repeated = sorted({name for name in names if names.count(name) > 1})
    return repeating


def _repeated(value: Mapping[str, Any]) -> list[str]:
    return value.repeated if isinstance(value, _Repeating) else []
