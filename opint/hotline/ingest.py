"""Events become the few that are kept: the transaction of the hotline.

The events kept, the ladder after all events, the incident of a rate that cannot be held, and the offset of the messages
are written together or not at all. Nothing in this module keeps state between transactions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from dqm.events.level import Ladder
from dqm.events.model import CENTRAL_95, HotlineModel, Scored, judge
from opint.consumer.offsets import Clock, ConsumerOffsets
from opint.consumer.transaction import StreamIngest
from opint.incidents import operational
from opint.incidents.families import FAMILIES, HOTLINE_RATE, IncidentKey
from opint.incidents.operational import OperationalFault
from opint.incidents.update import IncidentUpdate
from opint.store import hotline
from opint.store.deadletters import DeadLetter
from opint.store.engine import Store
from opint.store.hotline import EventCount
from opint.store.incidents import Incident
from streams.errors import DecodeError
from streams.source import Message, Partition

STRAINED, RELIEVED = 5.0, 3.0
"""Standard deviations between kept and declared at which the incident begins, and at which it ends."""


@dataclass(frozen=True, slots=True)
class EventArrival:
    """A message with its scored events, or why it is unusable."""

    message: Message
    outcome: Scored | DecodeError


@dataclass(frozen=True, slots=True)
class EventIngestResult:
    """What one transaction has stored: offsets behind the messages, numbers of events, unusable messages, incidents."""

    next_offsets: Mapping[Partition, int]
    seen: int
    kept: int
    letters: Sequence[DeadLetter]
    alerts: IncidentUpdate


class EventIngest(StreamIngest):
    """Writes arrivals and losses to the store on behalf of one consumer, ``owner``; keeps ``per_hour`` events."""

    def __init__(
        self, store: Store, model: HotlineModel, per_hour: float, offsets: ConsumerOffsets, clock: Clock
    ) -> None:
        """Keep the collaborators; ``clock`` gives s since 1970."""
        super().__init__(store, offsets, clock)
        self._model = model
        self._per_hour = per_hour
        self._usual = dict(zip(model.features, model.usual[:, CENTRAL_95].tolist(), strict=True))

    def apply(self, arrivals: Sequence[EventArrival]) -> EventIngestResult:
        """Judge these events; those of messages that were judged before are left alone.

        Raises as :meth:`transaction`.
        """
        with self.transaction(arrivals) as poll:
            scored = [arrival.outcome for arrival in poll.arrivals if isinstance(arrival.outcome, Scored)]
            # In the order of names, so that two daemons never wait for each other's ladders.
            kept, opened, cleared = 0, list[Incident](), list[Incident]()
            for dataset in sorted({events.events.dataset for events in scored}):
                of_dataset = [events for events in scored if events.events.dataset == dataset]
                alerts, more = self._judge(poll.tx, dataset, of_dataset, poll.now_s)
                kept += more
                opened += alerts.opened
                cleared += alerts.cleared
        event_count = sum(len(events.surprise) for events in scored)
        return EventIngestResult(poll.next_offsets, event_count, kept, poll.letters, IncidentUpdate(opened, cleared))

    def _judge(
        self, tx: Connection, dataset: str, scored: Sequence[Scored], now_s: float
    ) -> tuple[IncidentUpdate, int]:
        """Incidents that came of it, and how many events are kept."""
        version = self._model.version
        ladder, counted = hotline.ladder(tx, dataset, version, self._model.start, now_s), []
        for events in scored:
            judged = judge(self._model, ladder, events, self._per_hour)
            hotline.keep(tx, events.events, judged.kept, self._usual, version, now_s)
            passed_s = ladder.passed(events.events.key, events.live_s)
            counted.append(EventCount(passed_s, len(events.surprise), len(judged.kept)))
            ladder = judged.ladder
        hotline.put(tx, dataset, version, ladder, now_s)
        hotline.count(tx, dataset, version, counted, now_s)
        kept = sum(hour.kept for hour in counted)
        return _update_rate_incident(tx, dataset, ladder, self._per_hour, now_s), kept


def _update_rate_incident(
    tx: Connection, dataset: str, ladder: Ladder, per_hour: float, now_s: float
) -> IncidentUpdate:
    """Begin or end the incident of a rate that is not held."""
    incident_key, strain = IncidentKey(dataset, "", HOTLINE_RATE, ""), ladder.strain(per_hour)
    if abs(strain) > STRAINED:
        many = "many" if strain > 0 else "few"
        title = f"Event hotline: far too {many} events are kept, {per_hour:g} an hour are declared"
        opened = operational.open_fault(
            tx, OperationalFault(incident_key, title, FAMILIES[HOTLINE_RATE].advice, "warning"), now_s
        )
        return IncidentUpdate(opened=[opened] if opened else [])
    if abs(strain) < RELIEVED:
        cleared = operational.clear_fault(tx, incident_key, "the declared rate is held again", now_s)
        return IncidentUpdate(cleared=[cleared] if cleared else [])
    return IncidentUpdate()
