"""What a message says: neutral to the receiver, stored with the message, so that every attempt says the same."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypedDict

from opint.notifications.subject import Subject
from opint.store.earlier import Recurrence
from opint.store.incidents import Incident
from opint.store.notices import Notice
from opint.wording import iso, ordinal

MOST_LISTED = 20
"""Incidents of a digest that its text names; the structured form has all."""

MOST_GUIDANCE = 2000
"""Characters of guidance in a message."""


class IncidentContent(TypedDict):
    """One incident in a message; times in s since 1970 (UTC)."""

    id: int
    purpose: str
    changes: list[str]
    title: str
    explanation: str
    severity: str
    state: str
    dataset: str
    subsystem: str
    family: str
    folder: str
    kind: str
    mode: str
    first: list[int] | None
    last: list[int] | None
    lumisections: int
    opened_s: float
    resolved_s: float | None
    resolved_by: str | None
    assigned_to: str | None
    url: str
    recurrence: dict[str, Any] | None
    guidance: str


class MessageContent(TypedDict):
    """A message: one line, text for people, and the incidents for programs."""

    version: int
    subject: str
    text: str
    incidents: list[IncidentContent]


@dataclass(frozen=True, slots=True)
class Item:
    """An incident in a message, with the notices that put it there and what there is to add."""

    subject: Subject
    notices: Sequence[Notice]
    recurrence: Recurrence | None = None
    guidance: str = ""


def compose(items: Sequence[Item], page_url: str) -> MessageContent:
    """The message about these incidents."""
    listed = [incident_content(item, page_url) for item in items]
    if len(items) == 1:
        return MessageContent(version=1, subject=_line(listed[0]), text=_single(listed[0], items[0]), incidents=listed)
    return MessageContent(version=1, subject=_summary(listed), text=_digest(listed, page_url), incidents=listed)


def trial_content(receiver: str, now_s: float) -> MessageContent:
    """The message of `nightshift notify test`."""
    text = f"Receiver {receiver!r} can be reached. Sent at {iso(now_s)} by nightshift notify test; nothing is wrong."
    return MessageContent(version=1, subject="[nightshift] test", text=text, incidents=[])


def incident_content(item: Item, page_url: str) -> IncidentContent:
    """One incident as programs read it."""
    incident = item.subject.incident
    return IncidentContent(
        id=incident.id,
        purpose=_purpose(item.notices),
        changes=[notice.detail for notice in item.notices if notice.detail],
        title=incident.title,
        explanation=incident.explanation,
        severity=incident.severity,
        state=incident.state,
        dataset=incident.dataset,
        subsystem=incident.subsystem,
        family=incident.family,
        folder=incident.element_group,
        kind=incident.kind,
        mode=item.subject.mode,
        first=_place(incident.first_run, incident.first_ls),
        last=_place(incident.last_run, incident.last_ls),
        lumisections=incident.lumisections,
        opened_s=incident.opened_s,
        resolved_s=incident.resolved_s,
        resolved_by=incident.resolved_by,
        assigned_to=incident.assigned_to,
        url=incident_url(incident, page_url),
        recurrence=None if item.recurrence is None else asdict(item.recurrence),
        guidance=item.guidance[:MOST_GUIDANCE],
    )


def incident_url(incident: Incident, page_url: str) -> str:
    """Its page; empty where the settings do not say where the page is."""
    return f"{page_url.rstrip('/')}/incidents/{incident.id}" if page_url else ""


def recurrence_sentence(recurrence: Recurrence) -> str:
    """How often the fault came in the last week, and how it ended last time."""
    newest = recurrence.newest
    end = f", resolved by {newest.resolved_by}" if newest.resolved_by else ""
    comment = f": {newest.comment}" if newest.comment else ""
    times = f"The {ordinal(recurrence.times)} time in a week"
    return f"{times}; last time it was incident {newest.id} ({iso(newest.opened_s)}{end}){comment}."


def _purpose(notices: Sequence[Notice]) -> str:
    """The most urgent of them."""
    purposes = {notice.purpose for notice in notices}
    return next((purpose for purpose in ("escalation", "call", "repeat", "end") if purpose in purposes), "call")


def _place(run: int | None, ls: int | None) -> list[int] | None:
    return None if run is None or ls is None else [run, ls]


_MARKS = {"end": "RESOLVED", "repeat": "STILL", "escalation": "ESCALATED"}


def _line(incident: IncidentContent) -> str:
    mark = _MARKS.get(incident["purpose"], incident["severity"].upper())
    return f"[{mark}] {incident['title']}"


def _single(incident: IncidentContent, item: Item) -> str:
    parts = [incident["title"], incident["explanation"]]
    changes = [change for change in incident["changes"] if change and change != incident["title"]]
    if incident["purpose"] == "end":
        parts = [incident["title"], f"Resolved by {incident['resolved_by']}."]
    elif changes:
        parts.append("What changed: " + "; ".join(changes))
    if item.recurrence is not None and incident["purpose"] != "end":
        parts.append(recurrence_sentence(item.recurrence))
    where = [incident["dataset"], incident["subsystem"], incident["folder"]]
    parts.append(f"{incident['severity']}, {incident['family']}; {' · '.join(filter(None, where))}")
    parts.append(f"Opened {iso(incident['opened_s'])}" + (f"; {incident['url']}" if incident["url"] else ""))
    if incident["guidance"] and incident["purpose"] != "end":
        parts.append("What to do:\n" + incident["guidance"])
    return "\n\n".join(filter(None, parts))


def _summary(incidents: Sequence[IncidentContent]) -> str:
    ended = sum(incident["purpose"] == "end" for incident in incidents)
    critical = sum(incident["severity"] == "critical" and incident["purpose"] != "end" for incident in incidents)
    parts = [f"{len(incidents) - ended} incidents" if len(incidents) > ended else ""]
    parts += [f"{critical} critical" if critical else "", f"{ended} resolved" if ended else ""]
    return f"[DIGEST] {', '.join(filter(None, parts))}"


def _digest(incidents: Sequence[IncidentContent], page_url: str) -> str:
    urgent = sorted(incidents, key=lambda incident: (incident["purpose"] == "end", incident["severity"] != "critical"))
    lines = [f"{_line(incident)} {incident['url']}".rstrip() for incident in urgent[:MOST_LISTED]]
    if len(urgent) > MOST_LISTED:
        more = f"and {len(urgent) - MOST_LISTED} more"
        lines.append(f"{more}: {page_url.rstrip('/')}/incidents" if page_url else more)
    return "\n".join(lines)
