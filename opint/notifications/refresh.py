"""What an Alertmanager must hear again and again: the incidents that are active and for which it was called."""

from sqlalchemy import Connection

from opint.notifications import content, subject
from opint.notifications.content import Content, Item
from opint.notifications.planner import Planner, load_silences, parents
from opint.notifications.silencing import hiding
from opint.store import notices


def active_content(tx: Connection, receiver: str, planner: Planner, now_s: float) -> Content:
    """A message with those incidents, without what is silenced, follows from another or is quiet by now."""
    active = subject.active(tx)
    called = notices.called(tx, receiver, [subject_.incident.id for subject_ in active])
    hidden_by, parent_by_incident = load_silences(tx, now_s), parents(active, active)
    shown = [
        subject_
        for subject_ in active
        if subject_.incident.id in called
        and subject_.incident.id not in parent_by_incident
        and hiding(hidden_by, subject_, now_s) is None
        and not planner.quiet(subject_)
    ]
    items = [Item(subject_, (), guidance=planner.guidance(subject_.incident)) for subject_ in shown]
    incidents = [content.incident_content(item, planner.settings.page_url) for item in items]
    return Content(version=1, subject="", text="", incidents=incidents)
