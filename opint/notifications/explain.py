"""Why who was or was not notified of an incident, from what is stored."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from opint.store import messages, notices, outbox
from opint.store.messages import Message
from opint.store.notices import Notice


@dataclass(frozen=True, slots=True)
class ExplanationLine:
    """One line: at ``at_s`` (s since 1970) this happened to the incident; ``receiver`` is empty where nobody is meant.

    ``outcome`` is the word of :data:`opint.store.notices.Outcome`, or waiting or dead for a message on its way.
    """

    at_s: float
    change: str
    detail: str
    receiver: str
    outcome: str
    why: str


def explain(tx: Connection, incident: int) -> list[ExplanationLine]:
    """All changes of an incident that concern people, with what became of each; in order."""
    by_change: dict[int | None, list[Notice]] = {}
    for notice in notices.of_incident(tx, incident):
        by_change.setdefault(notice.outbox_id, []).append(notice)
    sent = messages.by_number(
        tx, {notice.message_id for group in by_change.values() for notice in group if notice.message_id is not None}
    )
    return sorted(_accounts(tx, incident, by_change, sent), key=lambda account: account.at_s)


def _accounts(
    tx: Connection, incident: int, by_change: Mapping[int | None, list[Notice]], sent: Mapping[int, Message]
) -> Iterator[ExplanationLine]:
    for entry in outbox.of_incident(tx, incident):
        decided = by_change.get(entry.id, [])
        for notice in decided:
            yield _account(notice, "escalated" if notice.purpose == "escalation" else entry.change, sent)
        if not decided:
            why = "no dispatcher has looked at it yet" if entry.routed_s is None else "nobody had been called for it"
            yield ExplanationLine(
                entry.at_s, entry.change, entry.detail, "", "waiting" if entry.routed_s is None else "over", why
            )
    for notice in by_change.get(None, []):
        yield _account(notice, "repeated", sent)


def _account(notice: Notice, change: str, sent: Mapping[int, Message]) -> ExplanationLine:
    outcome, why = str(notice.outcome), notice.reason
    message = None if notice.message_id is None else sent.get(notice.message_id)
    if notice.outcome == "pending":
        why = f"due later, by route {notice.route!r}"
    elif message is not None:
        outcome = message.state
        why = f"{why}; message {message.id}" + (f", {message.attempts} attempts" if message.attempts > 1 else "")
        why += f": {message.error}" if message.error else ""
    return ExplanationLine(notice.at_s, change, notice.detail, notice.receiver, outcome, why)
