"""Error messages of reports: what is new in them, by class, and which classes nobody has met before."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from opint.actions.bundles import ClassifiedMessage
from opint.actions.message_classes import MessageClass, MessageClasses
from opint.store.message_classes import ClassTally, MessageClassView
from streams.workflows import ErrorMessage, WorkflowFailures

HOUR_S = 3600.0


@dataclass(slots=True)
class MessageIntake:
    """Sorts messages into ``classes``, which grow by it, and counts what is new by the number of the class."""

    classes: MessageClasses
    tallies: dict[int, ClassTally] = field(default_factory=dict)

    def take(self, failures: WorkflowFailures, before: WorkflowFailures | None) -> list[ClassifiedMessage]:
        """The messages of a snapshot with their classes; what ``before``, the last of the task, had is not new."""
        past = Counter[tuple[str, int | None, str]]()
        for message in before.messages if before else ():
            past[_identity(message)] += message.jobs
        classified = []
        for message in failures.messages:
            message_class, _ = self.classes.classify(message.text)
            classified.append(ClassifiedMessage(message_class.number, message.code, message.site, message.jobs))
            identity = _identity(message)
            more, past[identity] = message.jobs - past[identity], max(0, past[identity] - message.jobs)
            if more > 0:
                self._count(message_class, message, failures.time, more)
        return classified

    def _count(self, message_class: MessageClass, message: ErrorMessage, time_s: float, jobs: int) -> None:
        empty = ClassTally(message_class.template, message.text, {})
        tally = self.tallies.setdefault(message_class.number, empty)
        tally.template = message_class.template
        tally.add(message.site, time_s, jobs)


def new_classes(
    stored: Mapping[int, MessageClassView], began_s: float | None, least_messages: int, learn_s: float
) -> list[MessageClassView]:
    """Those of the ``stored`` classes that have become an incident.

    A class is one when ``least_messages`` of it have come, unless it began within ``learn_s`` of the first class of
    all, at ``began_s``: in the beginning every class is new.
    """
    if began_s is None:
        return []
    return [
        view
        for view in stored.values()
        if view.flagged_s is None and view.messages >= least_messages and view.first_s >= began_s + learn_s
    ]


def jobs_by_class(messages: Iterable[ClassifiedMessage]) -> dict[int, int]:
    """Failed jobs by the number of the class."""
    jobs = Counter[int]()
    for message in messages:
        jobs[message.number] += message.jobs
    return dict(jobs)


def restored(views: Sequence[MessageClassView], max_classes: int) -> MessageClasses:
    """The stored classes, to go on with."""
    return MessageClasses.restore((MessageClass(view.number, view.template) for view in views), max_classes)


def _identity(message: ErrorMessage) -> tuple[str, int | None, str]:
    return message.text, message.code, message.site
