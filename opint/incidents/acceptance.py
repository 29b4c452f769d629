"""Accepting the state that an incident is about as the new reference, and taking that back.

What was accepted is learned from there on by whoever judges the stream; a run that has begun keeps its reference. So an
incident of lumisections is acknowledged and clears by itself, as good ones come; one of whole runs, of which each is
judged anew, is resolved.
"""

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection

from opint.incidents import acknowledgement
from opint.incidents.families import IncidentKey
from opint.incidents.operator import MOST_ACTOR, MOST_TEXT, ActionError, locked_incident, write_deed
from opint.incidents.window import alarming_elements
from opint.store import acceptances, incidents, occurrences
from opint.store.acceptances import Acceptance
from opint.store.incidents import Incident
from opint.store.sql import storable
from streams.keys import LumisectionKey

TOGETHER = 3
"""Lumisections between the beginnings of incidents that began together."""


def accept(tx: Connection, incident_id: int, actor: str, reason: str, now_s: float, streams: Mapping[str, str]) -> None:
    """Let the elements of the newest occurrence be learned anew from where they are stable on, for a ``reason``.

    Where it is not known since when they are, it is from the first occurrence on.

    ``streams`` names the stream of each family that can be accepted. Raises UnknownIncidentError, and ActionError if
    the family cannot be, if the reason is empty, or if it is accepted already.
    """
    incident = locked_incident(tx, incident_id, actor)
    stream = streams.get(incident.family)
    if stream is None:
        raise ActionError(f"incident {incident_id} is of family {incident.family}: that is no state to be learned")
    if incident.first is None or incident.last is None:
        raise ActionError(f"incident {incident_id} has no lumisection to learn from")
    if not reason.strip():
        raise ActionError("the reason is empty; say why this state is the new reference")
    earlier = acceptances.of_incident(tx, incident_id)
    if earlier:
        raise ActionError(f"incident {incident_id} was accepted by {earlier[0].actor} already")
    by, why = storable(actor, MOST_ACTOR), storable(reason.strip(), MOST_TEXT)
    until = incident.last
    stable = acceptances.stable_since(tx, incident_id, until)
    since = incident.first if stable is None else LumisectionKey(stable.run, stable.ls)
    (newest,) = occurrences.between(tx, [incident_id], until, until)[incident_id]
    incident_key = IncidentKey(incident.dataset, incident.subsystem, incident.family, incident.element_group)
    # An occurrence names no more than a page shows.
    elements = alarming_elements(tx, incident_key, until) or newest.elements
    what = Acceptance(
        stream=stream,
        dataset=incident.dataset,
        subsystem=incident.subsystem,
        element="",
        since_run=since.run,
        since_ls=since.ls,
        until_run=until.run,
        until_ls=until.ls,
        incident_id=incident_id,
        actor=by,
        reason=why,
        at_s=now_s,
    )
    acceptances.add(tx, [replace(what, element=element) for element in elements])
    if incident.state != "resolved" and incident.last_ls == 0:
        incident.state, incident.resolved_s, incident.resolved_by = "resolved", now_s, by
    elif incident.state == "open":
        acknowledgement.bind(tx, incident, by, now_s, None)
    where = f"run {since.run}" + (f" LS {since.ls}" if since.ls else "")
    count = "1 element" if len(elements) == 1 else f"{len(elements)} elements"
    write_deed(tx, incident, actor, "accepted", f"{count} as reference since {where}: {why}", now_s)


def companions(tx: Connection, incident: Incident, streams: Mapping[str, str]) -> list[Incident]:
    """Incidents that began with this one: a detector that moves, moves in many folders, and is accepted as a whole."""
    families = [family for family, stream in streams.items() if stream == streams.get(incident.family)]
    began_together = incidents.began_with(tx, incident, families, TOGETHER) if families else []
    return [other for other in began_together if not acceptances.of_incident(tx, other.id)]


def accept_together(
    tx: Connection, incident_id: int, actor: str, reason: str, now_s: float, streams: Mapping[str, str]
) -> None:
    """Accept an incident and its :func:`companions`, for one reason; raises as :func:`accept`."""
    together = companions(tx, incidents.get(tx, incident_id), streams)
    for number in (incident_id, *(other.id for other in together)):
        accept(tx, number, actor, reason, now_s, streams)


def revoke(tx: Connection, incident_id: int, actor: str, reason: str, now_s: float) -> None:
    """Take an acceptance back: what begins from now on, a run or stretch of one, is judged by what was learned before.

    Raises UnknownIncidentError, and ActionError if nothing of the incident is accepted.
    """
    incident = locked_incident(tx, incident_id, actor)
    if not acceptances.revoke(tx, incident_id, now_s):
        raise ActionError(f"incident {incident_id} is not accepted as a reference: there is nothing to revoke")
    write_deed(tx, incident, actor, "acceptance revoked", reason, now_s)
