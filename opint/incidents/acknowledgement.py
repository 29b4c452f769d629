"""What an acknowledgement is bound to: whoever gave it knew this fault, and not the one that it may become.

When kind or severity change, or many monitoring elements are new, the incident is open again and calls, and says what
changed. An acknowledgement for a time ends with it.
"""

from collections.abc import Collection, Sequence

import orjson
from sqlalchemy import Connection

from opint.incidents.families import SYSTEM
from opint.store import incidents, occurrences
from opint.store.incidents import HistoryEntry, Incident
from opint.store.occurrences import NAMELESS_KINDS

CALLED_AGAIN = "called again"
"""The action in the audit trail."""

NEW_SHARE = 0.5
"""An acknowledgement ends when so many MEs are new, as a share of those that it was about, and at least 2."""


def bind(tx: Connection, incident: Incident, actor: str, now_s: float, until_s: float | None) -> None:
    """Make the incident one that ``actor`` has acknowledged as it is now, until ``until_s`` if that is given."""
    elements: Sequence[str] = ()
    if incident.last is not None:
        newest = occurrences.between(tx, [incident.id], incident.last, incident.last)
        elements = next((occurrence.elements for occurrence in newest.get(incident.id, ())), ())
    basis = {"kind": incident.kind, "severity": incident.severity, "elements": list(elements)}
    incident.state, incident.acknowledged_s, incident.acknowledged_by = "acknowledged", now_s, actor
    incident.acknowledged_until_s, incident.acknowledged_basis = until_s, orjson.dumps(basis).decode()


def material_change(incident: Incident, elements: Collection[str]) -> str:
    """What of an acknowledged incident is other than when that was given, in words; empty if nothing matters.

    ``elements`` are the MEs of a lumisection in which it was seen since.
    """
    if incident.state != "acknowledged" or incident.acknowledged_basis is None:
        return ""
    basis = orjson.loads(incident.acknowledged_basis)
    changes = []
    if incident.severity == "critical" and basis["severity"] != "critical":
        changes.append("it is critical now")
    if incident.kind != basis["kind"] and not {incident.kind, basis["kind"]} & set(NAMELESS_KINDS):
        changes.append(f"{basis['kind']} became {incident.kind}")
    new = sorted(set(elements) - set(basis["elements"]))
    if basis["elements"] and len(new) >= max(2.0, NEW_SHARE * len(basis["elements"])):
        names = ", ".join(new[:3]) + (f" and {len(new) - 3} more" if len(new) > 3 else "")
        changes.append(f"{len(new)} monitoring elements are new: {names}")
    return "; ".join(changes)


def end(incident: Incident, why: str, now_s: float) -> HistoryEntry:
    """Make an acknowledged incident open again; what the history says of that."""
    by = incident.acknowledged_by
    incident.state, incident.updated_s = "open", now_s
    incident.acknowledged_s = incident.acknowledged_by = None
    incident.acknowledged_until_s = incident.acknowledged_basis = None
    return HistoryEntry(incident.id, now_s, SYSTEM, CALLED_AGAIN, f"{why} (acknowledged by {by} before)")


def expire(tx: Connection, now_s: float) -> list[Incident]:
    """End the acknowledgements whose time is over; their incidents."""
    ended = []
    for number in incidents.overdue_acknowledgements(tx, now_s):
        incidents.lock(tx, incidents.get(tx, number).dataset)
        incident = incidents.get(tx, number)
        until_s = incident.acknowledged_until_s
        # Somebody may have come first.
        if incident.state != "acknowledged" or until_s is None or until_s > now_s:
            continue
        entry = end(incident, "the time of the acknowledgement is over", now_s)
        incidents.overwrite(tx, [incident])
        incidents.write_history(tx, [entry])
        ended.append(incident)
    return ended
