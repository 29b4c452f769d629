"""To whom a change goes: the ordered routes of the settings become notices. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from conf.notifications import NotificationSettings, Route
from opint.notifications.subject import Subject, fits
from opint.store.notices import Notice, Purpose
from opint.store.outbox import CALLS, OutboxEntry


def notices_of(
    entry: OutboxEntry, subject: Subject, called: Mapping[str, str], settings: NotificationSettings, now_s: float
) -> list[Notice]:
    """The notices of one change; exactly one without a receiver where no route fits.

    ``called`` are the receivers that have a notice of this incident already, with the route by which.
    """
    if entry.change in CALLS:
        return list(_calls(entry, subject, settings.routes, now_s))
    receivers = {receiver.name: receiver for receiver in settings.receivers}
    begin_s = min(entry.at_s, now_s)
    waits = {route.name: route.group_wait_s for route in settings.routes}
    return [
        _notice(entry, "end", name, receiver, begin_s + waits.get(name, 0.0))
        for receiver, name in called.items()
        if receiver in receivers and receivers[receiver].send_resolved
    ]


def _calls(entry: OutboxEntry, subject: Subject, routes: Sequence[Route], now_s: float) -> Iterator[Notice]:
    fitting = _fitting(routes, subject, entry.at_s)
    # In quiet hours nobody is called, and nobody is forgotten: the route that begins next takes it then.
    later = [] if fitting else [route for route in routes if route.hours and fits(route.match, subject.traits)]
    if later:
        fitting = [min(later, key=lambda route: next_start(route.hours, entry.at_s))]
    if not fitting:
        reason = "no route fits" if routes else "there are no routes"
        nobody = _notice(entry, "call", "", "", None)
        yield replace(nobody, at_s=now_s, outcome="unrouted", reason=reason, decided_s=now_s)
    sent_to: set[str] = set()
    for route in fitting:
        begin_s = next_start(route.hours, entry.at_s) if later else min(entry.at_s, now_s)
        for receiver in route.receivers:
            if receiver not in sent_to:
                sent_to.add(receiver)
                yield _notice(entry, "call", route.name, receiver, begin_s + route.group_wait_s)
        for receiver in route.escalate_to:
            yield _notice(entry, "escalation", route.name, receiver, begin_s + route.escalate_after_s)


def _fitting(routes: Sequence[Route], subject: Subject, at_s: float) -> list[Route]:
    """The first route that fits, and those after it that fit while all before them continue."""
    fitting: list[Route] = []
    for route in routes:
        if fits(route.match, subject.traits) and in_hours(route.hours, at_s):
            fitting.append(route)
            if not route.continues:
                break
    return fitting


def _notice(entry: OutboxEntry, purpose: Purpose, route: str, receiver: str, due_s: float | None) -> Notice:
    return Notice(entry.incident, entry.id, entry.at_s, purpose, entry.detail, route, receiver, due_s)


def repetitions(sent: Collection[Notice], routes: Sequence[Route], now_s: float) -> list[Notice]:
    """What is due later of routes that repeat, for notices that are sent now."""
    every = {route.name: route.repeat_every_s for route in routes}
    repeated = []
    for notice in sent:
        if notice.purpose in ("call", "repeat") and (every_s := every.get(notice.route)):
            to = notice.route, notice.receiver, now_s + every_s
            repeated.append(Notice(notice.incident_id, None, now_s, "repeat", "not acknowledged", *to))
    return repeated


def in_hours(hours: str, at_s: float) -> bool:
    """Whether a moment (s since 1970) lies in ``HH:MM-HH:MM`` (UTC), over midnight too; an empty text is always."""
    if not hours:
        return True
    moment = datetime.fromtimestamp(at_s, UTC).strftime("%H:%M")
    first, last = hours.split("-")
    return first <= moment < last if first < last else moment >= first or moment < last


def next_start(hours: str, at_s: float) -> float:
    """When the hours begin next after ``at_s``, s since 1970."""
    moment = datetime.fromtimestamp(at_s, UTC)
    hour, minute = map(int, hours[:5].split(":"))
    start = moment.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (start if start > moment else start + timedelta(days=1)).timestamp()
