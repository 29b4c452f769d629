"""Changes become notices, and notices that are due become messages: what a dispatcher does in one transaction.

Only one dispatcher plans at a time; a lock is held until the transaction ends.
"""

import secrets
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Connection

from conf.notifications import AnyReceiver
from conf.settings import Settings
from opint.incidents import acknowledgement
from opint.notifications import causes, content, routing, silencing, subject
from opint.notifications.content import Item
from opint.notifications.decision import NoticeDecision, Situation, decide
from opint.store import earlier, incidents, messages, notices, outbox
from opint.store.incidents import Incident
from opint.store.notices import Notice

MOST_CHANGES = 500
"""Changes, and notices of one receiver, that are dealt with in one transaction."""

MOST_WAITING = 3
"""While so many messages to a receiver wait, what comes for it waits as well, and becomes one digest later."""

Guidance = Callable[[Incident], str]
"""What to do about an incident, in Markdown; empty if nothing is on file."""


@dataclass(frozen=True)
class Planner:
    """Plans by the settings; ``guidance`` is what messages say on what to do."""

    settings: Settings
    guidance: Guidance

    @cached_property
    def _receivers(self) -> Mapping[str, AnyReceiver]:
        return {receiver.name: receiver for receiver in self.settings.notifications.receivers}

    def ready(self, tx: Connection, now_s: float) -> tuple[bool, list[str]]:
        """Whether changes wait, and which receivers may get messages now; needs no lock."""
        due = notices.open_receivers(tx, now_s)
        changes = bool(outbox.waiting(tx, 1) or incidents.overdue_acknowledgements(tx, now_s))
        return changes, [name for name in due if not self._is_held(tx, name, now_s)]

    def _is_held(self, tx: Connection, name: str, now_s: float) -> bool:
        """Whether a receiver gets nothing more for now: it is behind, had a digest, or as many messages as it may."""
        receiver = self._receivers.get(name)
        if receiver is None:
            return False
        if messages.waiting_of(tx, name) >= MOST_WAITING:
            return True
        recent = messages.recent(tx, name, now_s, receiver.digest_above)
        if recent.number >= receiver.most_per_minute:
            return True
        digest_s = recent.newest_digest_s
        # A clock that was set back must not hold messages for longer than the time itself.
        return digest_s is not None and 0.0 <= now_s - digest_s < receiver.digest_every_s

    def route(self, tx: Connection, now_s: float) -> None:
        """Make notices of the changes that wait, the ends of acknowledgements among them."""
        outbox.lock(tx)
        acknowledgement.expire(tx, now_s)
        entries = outbox.waiting(tx, MOST_CHANGES)
        subjects = subject.load(tx, {entry.incident for entry in entries})
        for entry in entries:
            # One after the other, since the end of an incident goes to those who were called for it by now.
            called = {
                notice.receiver: notice.route
                for notice in notices.of_incident(tx, entry.incident)
                if notice.receiver and notice.purpose != "end"
            }
            planned = routing.notices_of(entry, subjects[entry.incident], called, self.settings.notifications, now_s)
            notices.add(tx, planned)
        outbox.mark_routed(tx, [entry.id for entry in entries], now_s)

    def compose(self, tx: Connection, name: str, now_s: float) -> int:
        """Decide about the notices of a receiver that are due, and store messages; how many."""
        outbox.lock(tx)
        notices.release_put_off_ahead(tx, now_s)
        due = self._due(tx, name, now_s)
        if not due:
            return 0
        receiver = self._receivers.get(name)
        if receiver is None:
            _settle(due, NoticeDecision("unrouted", f"receiver {name!r} is not in the settings any more"), now_s)
            notices.rewrite(tx, due)
            return 0
        situation = self._situation(tx, name, {notice.incident_id for notice in due}, now_s)
        sent: dict[int, list[Notice]] = defaultdict(list)
        for notice in due:
            _settle([notice], decide(notice, situation), now_s)
            if notice.outcome == "sent":
                sent[notice.incident_id].append(notice)
        stored = self._store(tx, receiver, sent, situation)
        notices.rewrite(tx, due)
        newest = [group[-1] for group in sent.values()]
        repeated = routing.repetitions(newest, self.settings.notifications.routes, now_s)
        waiting = notices.repeating(tx, name, sent)
        notices.add(tx, [notice for notice in repeated if notice.incident_id not in waiting])
        return stored

    def _due(self, tx: Connection, name: str, now_s: float) -> list[Notice]:
        """What is due, and, once anything is, what has come since and waits for its group."""
        waits = {route.name: route.group_wait_s for route in self.settings.notifications.routes}
        until_s = now_s + max(waits.values(), default=0.0)
        soon = [(notice, notice.due_s or 0.0) for notice in notices.due(tx, name, until_s, MOST_CHANGES)]
        if all(due_s > now_s for _, due_s in soon):
            return []
        return [
            notice
            for notice, due_s in soon
            if due_s <= now_s
            or (
                notice.purpose in ("call", "end")
                and notice.outcome == "pending"
                and due_s - now_s <= waits.get(notice.route, 0.0)
                and notice.at_s <= now_s
            )
        ]

    def _situation(self, tx: Connection, name: str, numbers: Collection[int], now_s: float) -> Situation:
        subjects = subject.load(tx, numbers)
        return Situation(
            now_s=now_s,
            subjects=subjects,
            silences=silencing.load(tx, now_s),
            causes=causes.load(tx, subjects.values(), self.settings),
            quiet={number: causes.quiet_reason(each, self.settings) for number, each in subjects.items()},
            called=frozenset(notices.called(tx, name, numbers)),
        )

    def _store(self, tx: Connection, receiver: AnyReceiver, sent: Mapping[int, Sequence[Notice]], at: Situation) -> int:
        """Store a message for each incident, or one for all where they are many; how many."""
        if not sent:
            return 0
        repeated = earlier.recurrences(tx, sent)
        items = [
            Item(at.subjects[number], group, repeated.get(number), self.guidance(at.subjects[number].incident))
            for number, group in sent.items()
        ]
        parts = [items] if len(items) > receiver.digest_above else [[item] for item in items]
        for part in parts:
            composed = content.compose(part, self.settings.page_url)
            key = secrets.token_hex(16)
            number = messages.add(tx, key, receiver.name, composed["subject"], dict(composed), len(part), at.now_s)
            for item in part:
                for notice in item.notices:
                    notice.message_id = number
        return len(parts)


def _settle(decided: Sequence[Notice], decision: NoticeDecision, now_s: float) -> None:
    for notice in decided:
        notice.outcome, notice.reason, notice.due_s = decision.outcome, decision.reason, decision.due_s
        notice.decided_s, notice.silence_id, notice.parent_id = now_s, decision.silence, decision.parent
