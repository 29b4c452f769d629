"""What every decoded snapshot of a failing task must fulfil, whatever format it came in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from streams.codecs.limits import MessageLimits, check_most
from streams.codecs.values import (
    check_amount,
    check_text,
    check_time,
    check_whole,
    printable,
)
from streams.errors import DecodeError
from streams.workflows import ErrorCount, ErrorMessage, WorkflowFacts, WorkflowFailures

MOST_JOBS = 1_000_000_000
"""No workflow has more jobs: sums stay whole numbers that a database and a page can hold."""
MOST_AMOUNT = 2.0**53
"""Above it sums would lose whole numbers."""
MOST_CODE = 2**31 - 1
"""Greatest exit code, and least with a minus."""
MOST_TEXT = 8_000
"""Characters of an error message that are read: what follows says how long it was."""

_AMOUNTS = ("requested_memory", "running_time", "lost_wall_time")


@dataclass(frozen=True, slots=True)
class WorkflowLimits(MessageLimits):
    """How large a message may be, and of how much.

    ``max_tasks`` bounds the tasks of one message, ``max_errors`` the numbers of one task (a code at a site each), and
    ``max_texts`` its error messages.
    """

    max_tasks: int
    max_errors: int
    max_texts: int

    def check_tasks(self, count: int) -> None:
        """Raise DecodeError if there are none, OversizeError if ``count`` tasks are too many."""
        if count < 1:
            raise DecodeError("no-tasks", "tasks", count)
        check_most(count, self.max_tasks, "too-many-tasks", "tasks", "tasks")

    def check_errors(self, count: int, task: str) -> None:
        """Raise DecodeError if nothing failed, OversizeError if ``count`` numbers are too many."""
        if count < 1:
            raise DecodeError("no-errors", f"{task}: errors", count, "a snapshot without failed jobs says nothing")
        check_most(count, self.max_errors, "too-many-errors", f"{task}: errors", "numbers")

    def check_texts(self, count: int, task: str) -> None:
        """Raise OversizeError if ``count`` error messages are too many."""
        check_most(count, self.max_texts, "too-many-messages", f"{task}: messages", "messages")


def read_snapshot(
    task: str,
    time_s: float,
    errors: Iterable[tuple[bool | None, object, object, object]],
    facts: Mapping[str, Any],
    messages: Iterable[Mapping[str, Any]],
    limits: WorkflowLimits,
) -> WorkflowFailures:
    """A snapshot of ``task``; raise DecodeError naming the task and the field that is wrong.

    ``errors`` are ``site_good``, code, site and jobs. Names of sites lose the space around them, and what thereby
    falls together is added up; pairs without a failed job are left out.
    """
    jobs: dict[tuple[int, str, bool | None], int] = {}
    for site_good, code, site, count in errors:
        number = _code(code, f"{task}: code")
        name = _site(site, f"{task}: code {number}: site")
        failed = _jobs(count, f"{task}: code {number} at {name}")
        if failed:
            key = number, name, site_good
            jobs[key] = min(jobs.get(key, 0) + failed, MOST_JOBS)
    limits.check_errors(len(jobs), task)
    # None, not told, comes before False and True.
    ordered = sorted(jobs.items(), key=lambda item: (*item[0][:2], item[0][2] is not None, item[0][2] is True))
    counts = tuple(ErrorCount(code, site, failed, site_good) for (code, site, site_good), failed in ordered)
    return WorkflowFailures(time_s, task, counts, _facts(facts, task), tuple(_messages(messages, task)))


def _code(value: object, field: str) -> int:
    try:
        number = int(value) if isinstance(value, str) and len(value) < 12 else value
    except ValueError:
        number = value
    if not isinstance(number, int) or isinstance(number, bool) or abs(number) > MOST_CODE:
        raise DecodeError("bad-code", field, value, "an exit code is a whole number")
    return number


def _site(value: object, field: str) -> str:
    return check_text(value.strip() if isinstance(value, str) else value, field)


def _jobs(value: object, field: str) -> int:
    return check_whole(value, field, 0, MOST_JOBS)


def _facts(facts: Mapping[str, Any], task: str) -> WorkflowFacts:
    read: dict[str, Any] = {}
    for name in ("campaign", "dataset"):
        if facts.get(name) not in (None, ""):
            read[name] = check_text(facts[name], f"{task}: {name}")
    for name in ("priority", "attempts"):
        if facts.get(name) is not None:
            read[name] = _jobs(facts[name], f"{task}: {name}")
    for name in _AMOUNTS:
        if facts.get(name) is not None:
            read[name] = check_amount(facts[name], f"{task}: {name}", MOST_AMOUNT)
    if facts.get("deadline") is not None:
        read["deadline"] = check_time(facts["deadline"], f"{task}: deadline")
    return WorkflowFacts(**read)


def _messages(messages: Iterable[Mapping[str, Any]], task: str) -> Iterable[ErrorMessage]:
    for number, message in enumerate(messages):
        field = f"{task}: message {number}"
        text = message.get("text")
        if not isinstance(text, str):
            raise DecodeError("wrong-type", f"{field}: text", text, "a string is needed")
        code, site = message.get("code"), message.get("site")
        failed = _jobs(message.get("jobs", 1), f"{field}: jobs")
        yield ErrorMessage(
            text=_legible(text),
            code=None if code is None else _code(code, f"{field}: code"),
            site="" if site in (None, "") else _site(site, f"{field}: site"),
            jobs=max(failed, 1),
        )


def _legible(text: str) -> str:
    """The text on a line, cut where it is too long."""
    if len(text) <= MOST_TEXT:
        return printable(text)
    return f"{printable(text[:MOST_TEXT])} … ({len(text)} characters)"
