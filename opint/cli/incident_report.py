"""What ``nightshift incidents show`` prints."""

import orjson
import typer

from conf.errors import NightshiftError
from conf.settings import Settings
from opint.guidance.folder import load_guidance
from opint.notifications import causes
from opint.notifications.content import recurrence_sentence
from opint.store import earlier, incident_pages
from opint.store.engine import Store
from opint.wording import iso


def print_incident(store: Store, settings: Settings, number: int, *, as_json: bool) -> None:
    """Print one incident; raises NightshiftError if there is none of this number."""
    with store.read() as tx:
        incident = incident_pages.detail(tx, number)
        if incident is None:
            raise NightshiftError(f"there is no incident {number}; see `nightshift incidents list`")
        recurrence = earlier.recurrences(tx, [number]).get(number)
        cause = causes.of_active(tx, [number], settings).get(number)
    if as_json:
        follows_from = None if cause is None else cause.text
        typer.echo(orjson.dumps(incident.model_dump() | {"follows_from": follows_from}).decode())
        return
    lines = [
        f"incident {number} ({incident.severity}, {incident.state}): {incident.title}",
        incident.explanation,
        f"opened {iso(incident.opened_s)}; {incident.lumisections} lumisections, family {incident.family}, "
        f"{incident.subsystem or 'nightshift itself'} {incident.dataset}".rstrip(),
    ]
    if cause is not None:
        lines.append(f"follows from {cause.text}")
    if incident.acknowledged_by is not None:
        until = "" if incident.acknowledged_until_s is None else f" until {iso(incident.acknowledged_until_s)}"
        lines.append(f"acknowledged by {incident.acknowledged_by}{until}")
    if incident.assigned_to is not None:
        lines.append(f"assigned to {incident.assigned_to}")
    if recurrence is not None:
        lines.append(recurrence_sentence(recurrence))
    text = load_guidance(settings.alerts.guidance).text_of(incident.family, incident.subsystem, incident.element_group)
    lines += ["", "What to do:", text] if text else []
    lines += ["", "History:"]
    lines += [f"  {iso(entry.at_s)} {entry.actor} {entry.action} {entry.detail}".rstrip() for entry in incident.audit]
    typer.echo("\n".join(lines))
