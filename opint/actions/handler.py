"""The handler of failing workflows: reports from a topic become tasks, snapshots, suggestions and message classes.

What a report leads to is written with the offset of its message, or not at all. The classes of messages are kept in
memory between transactions, and read again when another daemon has changed them.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from conf.settings import ActionSettings, Settings
from opint.actions.bundles import bundle_key
from opint.actions.documents import snapshot_of
from opint.actions.kind import NAME
from opint.actions.message_classes import MessageClasses
from opint.actions.new_messages import HOUR_S, MessageIntake, jobs_by_class, new_classes, restored
from opint.actions.predictors import Predictors
from opint.consumer.handler import RetentionSweep, StreamHandler, decoded
from opint.consumer.heartbeat import StreamHeartbeat, log_incidents
from opint.consumer.stalls import StallDetector
from opint.consumer.transaction import Clock, ConsumerOffsets, StreamIngest
from opint.incidents.families import FAMILIES, NEW_MESSAGE_CLASS, SYSTEM, IncidentKey
from opint.incidents.operational import MOST_TITLE, OperationalFault, open_fault
from opint.incidents.update import IncidentUpdate
from opint.store import incidents, message_classes, workflow_decisions, workflows
from opint.store.deadletters import DeadLetter
from opint.store.engine import Store
from opint.store.incidents import Incident
from opint.store.message_classes import ClassRevision
from opint.store.sql import storable
from opint.store.workflows import JudgedSnapshot, StoredTask
from streams.errors import DecodeError
from streams.metrics import Metrics
from streams.source import Message, Partition, Source
from streams.workflows import FailureReport, WorkflowFailures, WorkflowOutcome


@dataclass(frozen=True, slots=True)
class ReportArrival:
    """A message with its report, or why it is unusable."""

    message: Message
    outcome: FailureReport | DecodeError


@dataclass(frozen=True, slots=True)
class WorkflowIngestResult:
    """What one transaction has stored: offsets behind the messages, snapshots, unusable messages, incidents."""

    next_offsets: Mapping[Partition, int]
    snapshots: int
    changed: int
    letters: Sequence[DeadLetter]
    alerts: IncidentUpdate


class WorkflowIngest(StreamIngest):
    """Writes reports and losses to the store on behalf of one consumer."""

    def __init__(
        self, store: Store, predictors: Predictors, settings: ActionSettings, offsets: ConsumerOffsets, clock: Clock
    ) -> None:
        """Keep the collaborators; ``clock`` gives s since 1970."""
        super().__init__(store, offsets, clock)
        self._predictors = predictors
        self._settings = settings
        self._memory: tuple[ClassRevision, MessageClasses] | None = None

    def apply(self, arrivals: Sequence[ReportArrival]) -> WorkflowIngestResult:
        """Store what these reports say; messages that were applied before are skipped.

        Raises as :meth:`transaction`.
        """
        snapshots = changed = 0
        with self.transaction(arrivals) as poll:
            # One at a time, so that a number stands for one class of messages.
            incidents.lock(poll.tx, "")
            intake, opened = MessageIntake(self._classes(poll.tx)), list[Incident]()
            for arrival in poll.arrivals:
                if isinstance(arrival.outcome, DecodeError):
                    continue
                for error in arrival.outcome.unread:
                    self.refuse(poll, arrival.message, error)
                snapshots += len(arrival.outcome.snapshots)
                changed += self._store_snapshots(poll.tx, arrival.outcome.snapshots, intake, poll.now_s)
                _store_outcomes(poll.tx, arrival.outcome.outcomes, poll.now_s)
            message_classes.count(poll.tx, intake.tallies, poll.now_s)
            opened += self._open_incidents(poll.tx, sorted(intake.tallies), poll.now_s)
            revision = message_classes.revision(poll.tx)
        self._memory = revision, intake.classes
        return WorkflowIngestResult(poll.next_offsets, snapshots, changed, poll.letters, IncidentUpdate(opened=opened))

    def _classes(self, tx: Connection) -> MessageClasses:
        memory, self._memory = self._memory, None
        if memory is not None and memory[0] == message_classes.revision(tx):
            return memory[1]
        return restored(message_classes.every(tx), self._settings.max_classes)

    def _store_snapshots(
        self, tx: Connection, snapshots: Sequence[WorkflowFailures], intake: MessageIntake, now_s: float
    ) -> int:
        """How many of them have changed or are new."""
        before = workflows.by_task(tx, [failures.task for failures in snapshots])
        repeated: list[tuple[StoredTask, float]] = []
        late: list[tuple[StoredTask, WorkflowFailures]] = []
        changed: list[WorkflowFailures] = []
        for failures in snapshots:
            stored = before.get(failures.task)
            if stored is None or (failures.time >= stored.time_s and failures.digest != stored.digest):
                changed.append(failures)
            elif failures.digest == stored.digest:
                repeated.append((stored, max(stored.last_s, min(failures.time, now_s))))
            else:
                late.append((stored, failures))
        workflows.repeat(tx, repeated)
        workflows.keep_late(tx, late, now_s)
        past = workflows.contents(
            tx, [stored.snapshot_id for failures in changed if (stored := before.get(failures.task))]
        )
        last = {task: snapshot_of(task, content) for task, content in past.values()}
        judged = [
            judged_snapshot(failures, intake, last.get(failures.task), suggestions)
            for failures, suggestions in zip(changed, self._predictors.suggest(changed), strict=True)
        ]
        workflows.keep(tx, judged, before, now_s)
        return len(changed)

    def _open_incidents(self, tx: Connection, numbers: Sequence[int], now_s: float) -> list[Incident]:
        settings = self._settings
        flagged = new_classes(
            message_classes.named(tx, numbers),
            message_classes.began(tx),
            settings.new_class_messages,
            settings.learn_classes_hours * HOUR_S,
        )
        message_classes.flag(tx, [view.number for view in flagged], now_s)
        opened = []
        for view in flagged:
            family = FAMILIES[NEW_MESSAGE_CLASS]
            title = storable(f"New kind of error message: {view.template}", MOST_TITLE)
            key = IncidentKey("", "", NEW_MESSAGE_CLASS, f"class {view.number}")
            incident = open_fault(tx, OperationalFault(key, title, family.advice, family.severity), now_s)
            opened += [incident] if incident else []
        return opened


def judged_snapshot(
    failures: WorkflowFailures,
    intake: MessageIntake,
    last: WorkflowFailures | None,
    suggestions: Sequence[workflows.MadeSuggestion],
) -> JudgedSnapshot:
    """A snapshot as it is stored; ``last`` is the snapshot of its task before, whose messages were counted."""
    messages = intake.take(failures, last)
    key = bundle_key(failures.errors, messages)
    return JudgedSnapshot(
        failures, key.name, key.code, key.site, key.message_class, jobs_by_class(messages), suggestions
    )


def _store_outcomes(tx: Connection, outcomes: Sequence[WorkflowOutcome], now_s: float) -> None:
    """Outcomes of tasks that are stored and whose end is not known yet; others say nothing new."""
    stored = workflows.by_task(tx, [outcome.task for outcome in outcomes])
    for outcome in outcomes:
        task = stored.get(outcome.task)
        if task is not None and task.outcome == "":
            workflow_decisions.end(tx, task.id, outcome.succeeded, SYSTEM, "", min(outcome.time, now_s))


Decode = Callable[[Message], FailureReport]
"""Raises DecodeError for a message that is unusable."""

log = structlog.get_logger()


class WorkflowHandler(StreamHandler[WorkflowIngest]):
    """Handler of :func:`streams.loop.run` for reports of failing workflows."""

    def __init__(
        self,
        ingest: WorkflowIngest,
        decode: Decode,
        heartbeat: StreamHeartbeat,
        retention: RetentionSweep,
        metrics: Metrics,
    ) -> None:
        """Keep the collaborators."""
        super().__init__(ingest, heartbeat, retention)
        self._decode = decode
        self._batch_seconds = metrics.batch_seconds.labels(NAME)

    def _judge(self, messages: Sequence[Message]) -> Mapping[Partition, int]:
        with self._batch_seconds.time():
            return self._apply([ReportArrival(message, decoded(self._decode, message)) for message in messages])

    def _refuse(self, message: Message, error: DecodeError) -> Mapping[Partition, int]:
        return self._apply([ReportArrival(message, error)])

    def _apply(self, arrivals: Sequence[ReportArrival]) -> Mapping[Partition, int]:
        stored = self._ingest.apply(arrivals)
        self._heartbeat.handled([arrival.message for arrival in arrivals], stored.snapshots)
        self._heartbeat.unusable(stored.letters)
        log_incidents(stored.alerts)
        if stored.changed:
            log.info("failing tasks", reported=stored.snapshots, changed=stored.changed)
        return stored.next_offsets


def workflow_handler(
    settings: Settings,
    store: Store,
    predictors: Predictors,
    decode: Decode,
    source: Source,
    metrics: Metrics,
    name: str,
    clock: Callable[[], float] = time.time,
) -> WorkflowHandler:
    """A handler under a ``name`` that no other has; ``clock`` gives s since 1970."""
    group = settings.actions.group
    offsets = ConsumerOffsets(store, group, name, clock, settings.stream.dead_letter_bytes)
    ingest = WorkflowIngest(store, predictors, settings.actions, offsets, clock)
    stalls = StallDetector.of(settings, group, None)
    heartbeat = StreamHeartbeat(name, NAME, source, store, metrics, stalls, clock)
    retention = RetentionSweep(store, settings.database.retain_days, clock)
    return WorkflowHandler(ingest, decode, heartbeat, retention, metrics)
