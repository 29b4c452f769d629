"""Records of failing workflows: what the computing operator is shown of a task, decoded."""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property

from streams.errors import DecodeError


def workflow_of(task: str) -> str:
    """Name of the workflow that a task belongs to; ``task`` itself where tasks are not told apart."""
    return task.split("/")[1] if task.startswith("/") else task


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """``jobs`` (> 0) that failed with one exit code at one site; ``site_good`` is whether the site was in order then.

    ``site_good`` is None where the producer does not tell good sites from bad ones.
    """

    code: int
    site: str
    jobs: int
    site_good: bool | None = None


@dataclass(frozen=True, slots=True)
class ErrorMessage:
    """The raw text of an error that ``jobs`` (> 0) jobs gave, with its exit code and site where they are known."""

    text: str
    code: int | None = None
    site: str = ""
    jobs: int = 1


@dataclass(frozen=True, slots=True)
class WorkflowFacts:
    """What is known of a workflow beside its errors; None or empty where it is not.

    ``requested_memory`` is in MB, ``lost_wall_time`` (of the failed jobs) in seconds, ``running_time`` in seconds since
    the workflow was started, ``deadline`` in seconds since 1970; ``priority`` grows with importance, ``attempts``
    counts the recoveries so far.
    """

    campaign: str = ""
    dataset: str = ""
    priority: int | None = None
    requested_memory: float | None = None
    attempts: int | None = None
    running_time: float | None = None
    lost_wall_time: float | None = None
    deadline: float | None = None


@dataclass(frozen=True)
class WorkflowFailures:
    """A snapshot of one task of one workflow at ``time`` (seconds since 1970): exactly what the operator is shown.

    ``task`` is the path ``/WORKFLOW/TASK…``, or the workflow's name where tasks are not told apart. The pairs of code,
    site and ``site_good`` in ``errors`` are unique and in sorted order.
    """

    time: float
    task: str
    errors: tuple[ErrorCount, ...]
    facts: WorkflowFacts = WorkflowFacts()
    messages: tuple[ErrorMessage, ...] = ()

    @property
    def workflow(self) -> str:
        """Name of the workflow the task belongs to."""
        return workflow_of(self.task)

    @property
    def failed_jobs(self) -> int:
        """Jobs that failed, over all codes and sites."""
        return sum(error.jobs for error in self.errors)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything but the time: equal digests mean that the operator saw the same."""
        content = asdict(self)
        del content["time"]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class WorkflowOutcome:
    """How a task ended, as its producer says at ``time`` (seconds since 1970)."""

    time: float
    task: str
    succeeded: bool


@dataclass(frozen=True, slots=True)
class FailureReport:
    """One message: snapshots of tasks that fail, and how tasks ended.

    Each task has at most one snapshot in it, and at most one outcome. ``unread`` names the tasks of the message that
    could not be read, and why.
    """

    snapshots: tuple[WorkflowFailures, ...] = ()
    outcomes: tuple[WorkflowOutcome, ...] = ()
    unread: tuple[DecodeError, ...] = ()
