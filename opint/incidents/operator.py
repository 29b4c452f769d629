"""What operators do to incidents; every deed is kept in the history, in the same transaction."""

from sqlalchemy import Connection

from conf.errors import NightshiftError
from opint.incidents import acknowledgement
from opint.incidents.families import SYSTEM
from opint.store import feedback, incidents
from opint.store.feedback import Feedback, Verdict
from opint.store.incidents import HistoryEntry, Incident
from opint.store.sql import storable

MOST_ACTOR = 200
MOST_TEXT = 4000
LONGEST_S = 31 * 86_400.0
"""Longest time for which an acknowledgement is given."""


class ActionError(NightshiftError):
    """The incident's state does not allow this, or the name or the text cannot be used."""


def acknowledge(
    tx: Connection, incident_id: int, actor: str, text: str, now_s: float, until_s: float | None = None
) -> None:
    """Note that ``actor`` is looking at an open incident as it is now, with an optional ``text``.

    That holds until the incident ends or changes (opint.incidents.acknowledgement), and no longer than ``until_s``.

    Raises UnknownIncidentError, and ActionError if it is acknowledged or resolved already, or the time is no later one.
    """
    incident = locked_incident(tx, incident_id, actor)
    if incident.state == "acknowledged":
        raise ActionError(f"incident {incident_id} is acknowledged by {incident.acknowledged_by} already")
    _require_active(incident)
    if until_s is not None and not now_s < until_s <= now_s + LONGEST_S:
        raise ActionError(f"the end of the acknowledgement must lie ahead, at most {LONGEST_S / 86_400:.0f} days")
    acknowledgement.bind(tx, incident, storable(actor, MOST_ACTOR), now_s, until_s)
    write_deed(tx, incident, actor, "acknowledged", text, now_s)


def assign(tx: Connection, incident_id: int, actor: str, assignee: str, now_s: float) -> None:
    """Note who looks after an incident that is not resolved; an empty ``assignee`` is ``actor``.

    Raises UnknownIncidentError, and ActionError if it is resolved.
    """
    incident = locked_incident(tx, incident_id, actor)
    _require_active(incident)
    incident.assigned_to = storable(assignee.strip() or actor.strip(), MOST_ACTOR)
    write_deed(tx, incident, actor, "assigned", f"to {incident.assigned_to}", now_s)


def resolve(tx: Connection, incident_id: int, actor: str, text: str, now_s: float) -> None:
    """End an incident on behalf of ``actor``; should its cause go on, a new one opens.

    Raises UnknownIncidentError, and ActionError if it is resolved already.
    """
    incident = locked_incident(tx, incident_id, actor)
    _require_active(incident)
    incident.state, incident.resolved_s, incident.resolved_by = "resolved", now_s, storable(actor, MOST_ACTOR)
    write_deed(tx, incident, actor, "resolved", text, now_s)


def reopen(tx: Connection, incident_id: int, actor: str, text: str, now_s: float) -> None:
    """Take back the end of an incident; it is acknowledged again if it was before.

    What goes on being good clears it again. Raises UnknownIncidentError, and ActionError if it is not resolved, or if
    the same fault has opened another incident since.
    """
    incident = locked_incident(tx, incident_id, actor)
    if incident.state != "resolved":
        raise ActionError(f"incident {incident_id} is {incident.state}: there is nothing to reopen")
    successor = incidents.active(tx, incident.fingerprint)
    if successor is not None:
        raise ActionError(f"incident {successor.id} stands for the same fault since: go on there")
    incident.reopen()
    write_deed(tx, incident, actor, "reopened", text, now_s)


def comment(tx: Connection, incident_id: int, actor: str, text: str, now_s: float) -> None:
    """Add ``text`` to the history of an incident in any state.

    Raises UnknownIncidentError, and ActionError for an empty text.
    """
    incident = locked_incident(tx, incident_id, actor)
    if not text.strip():
        raise ActionError("the comment is empty; write something")
    write_deed(tx, incident, actor, "commented", text, now_s)


def confirm(tx: Connection, incident_id: int, actor: str, text: str, now_s: float) -> None:
    """Note that ``actor`` holds an incident in any state for a true alarm; the last verdict stands.

    Raises UnknownIncidentError, and ActionError if that is its verdict already.
    """
    _judge(tx, incident_id, Verdict.TRUE, actor, text, now_s)


def dispute(tx: Connection, incident_id: int, actor: str, text: str, now_s: float) -> None:
    """Note that ``actor`` holds an incident in any state for a false alarm; raises as :func:`confirm`."""
    _judge(tx, incident_id, Verdict.FALSE_ALARM, actor, text, now_s)


def _judge(tx: Connection, incident_id: int, verdict: Verdict, actor: str, text: str, now_s: float) -> None:
    incident = locked_incident(tx, incident_id, actor)
    previous = feedback.load(tx, incident_id)
    if previous is not None and previous.verdict is verdict:
        raise ActionError(f"incident {incident_id} was {_VERDICT_WORDS[verdict]} by {previous.actor} already")
    feedback.save(tx, incident_id, Feedback(verdict, storable(actor, MOST_ACTOR), now_s))
    write_deed(tx, incident, actor, _VERDICT_WORDS[verdict], text, now_s)


_VERDICT_WORDS = {Verdict.TRUE: "confirmed", Verdict.FALSE_ALARM: "called a false alarm"}


def locked_incident(tx: Connection, incident_id: int, actor: str) -> Incident:
    """The incident as it is once nobody else can change it."""
    if not actor.strip():
        raise ActionError("the name of who does this is empty; give one")
    if actor.strip() == SYSTEM:
        raise ActionError(f"{SYSTEM!r} is the name of the system itself; give your own")
    incidents.lock(tx, incidents.get(tx, incident_id).dataset)
    return incidents.get(tx, incident_id)


def _require_active(incident: Incident) -> None:
    if incident.state == "resolved":
        raise ActionError(f"incident {incident.id} was resolved by {incident.resolved_by} already")


def write_deed(tx: Connection, incident: Incident, actor: str, action: str, text: str, now_s: float) -> None:
    """Store the incident as it is now, with the deed that made it so."""
    incident.updated_s = now_s
    incidents.overwrite(tx, [incident])
    entry = HistoryEntry(incident.id, now_s, storable(actor, MOST_ACTOR), action, storable(text.strip(), MOST_TEXT))
    incidents.write_history(tx, [entry])
