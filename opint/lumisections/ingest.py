"""One poll's messages become verdicts and incidents, in one transaction."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from conf.settings import Settings
from dqm.core.assembly import complete, merge
from dqm.core.drift import Residuals, RunSums
from dqm.core.state import LumisectionState, ScoredBatch
from opint.consumer.handler import PoisonIsolation
from opint.consumer.transaction import Clock, ConsumerOffsets, PollTransaction, StreamIngest
from opint.incidents import operational, update
from opint.lumisections.closing import REVISED, StateKey, close
from opint.lumisections.judge import Judge
from opint.lumisections.references import learned_counts
from opint.lumisections.shadow import Shadow
from opint.store import lumisections, references, short_faults
from opint.store.deadletters import DeadLetter
from opint.store.engine import Store
from opint.store.references import Part
from streams.errors import ConflictError, DecodeError
from streams.source import Message, Partition


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message with what became of it: its scores, those of the model in shadow, or why it has none.

    ``unread`` are parts of the message that could not be read although the rest could.
    """

    message: Message
    outcome: ScoredBatch | DecodeError
    shadow: ScoredBatch | None = None
    unread: Sequence[DecodeError] = ()


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What one transaction has stored, for metrics and logs."""

    next_offsets: Mapping[Partition, int] = field(default_factory=dict)
    closed: Sequence[LumisectionState] = ()
    published_s: Mapping[StateKey, float] = field(default_factory=dict)
    letters: Sequence[DeadLetter] = ()
    alerts: update.IncidentUpdate = field(default_factory=update.IncidentUpdate)
    set_aside: Sequence[StateKey] = ()


class LumisectionIngest(StreamIngest):
    """Writes arrivals, closings and losses to the store on behalf of one consumer, ``owner`` of ``group``.

    ``whole`` says that a message holds all there is of its lumisection, which therefore is closed with it.
    """

    def __init__(
        self,
        store: Store,
        pipeline: Judge,
        settings: Settings,
        owner: str,
        clock: Clock,
        shadow: Shadow | None = None,
        *,
        group: str | None = None,
        whole: bool = False,
    ) -> None:
        """Keep the collaborators; ``group`` None means that of histograms. Nothing is read or written yet."""
        offsets = ConsumerOffsets(
            store, group or settings.stream.kafka.group, owner, clock, settings.stream.dead_letter_bytes
        )
        super().__init__(store, offsets, clock)
        self._pipeline = pipeline
        self._settings = settings
        self._shadow = shadow
        self._whole = whole
        self._isolation = PoisonIsolation()

    def apply(self, arrivals: Sequence[Arrival], fault: DecodeError | None = None) -> IngestResult:
        """Write all effects of the arrivals and the offsets after them; raises as :meth:`transaction`.

        With a ``fault``, which judging has met, lumisections that would be closed are set aside instead, and the model
        in shadow sees nothing.
        """
        with self.transaction(arrivals) as poll:
            tx, now_s = poll.tx, poll.now_s
            for arrival in poll.arrivals:
                for error in arrival.unread:
                    self.refuse(poll, arrival.message, error)
            states, published_s = self._merged(poll)
            because = {
                key: (REVISED if state.closed_s is not None else "complete")
                for key, state in states.items()
                if state.closed_s is not None or self._whole or complete(state, self._pipeline.expected)
            }
            if fault is None:
                shadow = [arrival.shadow for arrival in poll.arrivals if arrival.shadow is not None]
                judged = self._close(tx, because, states, published_s, shadow, now_s)
            else:
                lumisections.save(tx, list(states.values()), published_s, now_s)
                judged = _set_aside(tx, because, fault, now_s)
        return replace(judged, next_offsets=poll.next_offsets, published_s=published_s, letters=poll.letters)

    def close_due(self, everything: bool = False) -> IngestResult:
        """Close lumisections that are overtaken or timed out, or all of them when nothing can follow.

        One whose judging fails by a fault of ours is set aside alone: it is closed without verdicts, with an incident.
        """
        if self._whole:
            return IngestResult()
        stream = self._settings.stream
        timeout_s = 0.0 if everything else stream.lumisection_timeout_s
        with self._store.read() as tx:
            due = lumisections.due(tx, self._clock(), timeout_s, stream.watermark_lumisections)
        if not due:
            return IngestResult()
        results = self._isolation.process(
            list(due.items()), lambda part: self._close_due(dict(part)), lambda item, fault: self._leave(item[0], fault)
        )
        return IngestResult(
            closed=[state for result in results for state in result.closed],
            set_aside=[key for result in results for key in result.set_aside],
            alerts=update.IncidentUpdate(
                [incident for result in results for incident in result.alerts.opened],
                [incident for result in results for incident in result.alerts.cleared],
            ),
        )

    def _close_due(self, because: Mapping[StateKey, str]) -> IngestResult:
        """Close these in one transaction, but for those that another daemon has closed by now."""
        now_s = self._clock()
        by_dataset = defaultdict(list)
        for dataset, key in because:
            by_dataset[dataset].append(key)
        with self._store.begin() as tx:
            states = {
                (dataset, key): state
                for dataset, keys in by_dataset.items()
                for key, state in lumisections.load(tx, dataset, keys).items()
                if state.closed_s is None
            }
            still_open = {key: reason for key, reason in because.items() if key in states}
            return self._close(tx, still_open, states, {}, (), now_s)

    def _leave(self, key: StateKey, fault: DecodeError) -> IngestResult:
        with self._store.begin() as tx:
            return _set_aside(tx, [key], fault, self._clock())

    def _close(
        self,
        tx: Connection,
        because: Mapping[StateKey, str],
        states: dict[StateKey, LumisectionState],
        published_s: Mapping[StateKey, float],
        shadow: Sequence[ScoredBatch],
        now_s: float,
    ) -> IngestResult:
        """Judge the states named in ``because``, store all, and bring incidents and the model in shadow up to date."""
        closed = close(tx, self._pipeline, because, states, self._settings.dqm.frozen_after - 1, now_s)
        states.update({(state.dataset, state.key): state for state in closed})
        lumisections.save(tx, list(states.values()), published_s, now_s)
        alerts = update.update(tx, closed, self._settings.alerts, now_s)
        if self._shadow is not None:
            self._shadow.write(tx, shadow, closed, now_s)
        return IngestResult(closed=closed, alerts=alerts)

    def _merged(self, poll: PollTransaction[Arrival]) -> tuple[dict[StateKey, LumisectionState], dict[StateKey, float]]:
        """Changed states, and the newest publishing time of each; contradictions become dead letters.

        What the batches add to later references and centres is stored at once.
        """
        tx, now_s = poll.tx, poll.now_s
        scored = [
            (arrival.message, arrival.outcome) for arrival in poll.arrivals if isinstance(arrival.outcome, ScoredBatch)
        ]
        states: dict[StateKey, LumisectionState] = {}
        for dataset in sorted({batch.dataset for _, batch in scored}):
            keys = sorted({batch.key for _, batch in scored if batch.dataset == dataset})
            states |= {(dataset, key): state for key, state in lumisections.load(tx, dataset, keys).items()}
        changed: dict[StateKey, LumisectionState] = {}
        published_s: dict[StateKey, float] = {}
        sums: dict[Part, RunSums] = {}
        residuals: dict[Part, Residuals] = {}
        for message, batch in scored:
            key = (batch.dataset, batch.key)
            if _differs_in_menu(states.get(key), batch):
                self.refuse(poll, message, _mixed(batch))
                continue
            part = Part(batch.dataset, batch.key.run, batch.subsystem, batch.model_version)
            new = learned_counts(states.get(key), batch, self._pipeline)
            if new.sums is not None:
                sums[part] = sums[part] + new.sums if part in sums else new.sums
            if new.residuals is not None:
                residuals[part] = residuals[part] + new.residuals if part in residuals else new.residuals
            merged = merge(states.get(key), batch, now_s, _origin(message.partition))
            states[key] = merged.state
            if merged.changed:
                changed[key] = merged.state
                published_s[key] = max(published_s.get(key, 0.0), message.published_s)
            if merged.conflicts:
                self.refuse(poll, message, _conflict(batch, merged.conflicts))
        for part in sorted(sums):
            references.add(tx, part, sums[part], now_s)
        for part in sorted(residuals):
            references.add_residuals(tx, part, residuals[part], now_s)
        return changed, published_s


def _set_aside(tx: Connection, keys: Iterable[StateKey], fault: DecodeError, now_s: float) -> IngestResult:
    """Close these lumisections without verdicts, and say so in an incident."""
    opened, aside = [], sorted(keys)
    for dataset, key in aside:
        lumisections.set_aside(tx, dataset, key, now_s)
        short_faults.replace(tx, dataset, [key], ())
        opened.append(operational.not_judged(tx, dataset, key, fault.__cause__ or fault, now_s))
    return IngestResult(set_aside=aside, alerts=update.IncidentUpdate(opened))


def _differs_in_menu(stored: LumisectionState | None, batch: ScoredBatch) -> bool:
    """Whether one of both holds rates and the other histograms: their models know nothing of each other."""
    rates = batch.scores.bands is not None
    return stored is not None and any((part.bands is not None) != rates for part in stored.parts.values())


def _mixed(batch: ScoredBatch) -> ConflictError:
    where = f"run {batch.key.run} LS {batch.key.ls}"
    reason = "histograms and trigger rates under one name; each stream needs datasets of its own"
    return ConflictError("conflict", where, batch.dataset, reason)


def _conflict(batch: ScoredBatch, names: Sequence[str]) -> ConflictError:
    where = f"run {batch.key.run} LS {batch.key.ls} {batch.subsystem}"
    return ConflictError("conflict", where, ", ".join(names), "other content came before; the first one stands")


def _origin(partition: Partition) -> str:
    return f"{partition.cluster} {partition.topic}[{partition.partition}]"
