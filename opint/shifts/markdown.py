"""A shift's report as Markdown, for a log book."""

from collections.abc import Iterator

from opint.shifts.report import ShiftReport
from opint.store.shifts import ShiftIncident
from opint.wording import iso


def to_markdown(report: ShiftReport) -> str:
    """All that the page shows, as text."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: ShiftReport) -> Iterator[str]:
    shift = report.shift
    yield f"# Shift {iso(shift.begin_s)} to {iso(shift.end_s)}"
    yield ""
    if shift.people:
        yield f"On shift: {_escaped(shift.people)}"
        yield ""
    yield f"Luminosity recorded {report.recorded:.4g} /pb, of which {report.lost:.4g} /pb is not certified."
    yield from _section("Open points", [_incident(incident) for incident in report.open_points])
    if report.open_total > len(report.open_points):
        yield f"* and {report.open_total - len(report.open_points)} more"
    yield from _section("Notes", [f"{iso(note.at_s)} {_escaped(note.actor)}: {note.text}" for note in report.notes])
    for cause in report.causes:
        yield from _section(f"Incidents: {cause.name}", [_incident(incident) for incident in cause.incidents])
    done = [
        f"{iso(action.at_s)} {_escaped(action.actor)}: {action.action} incident {action.incident_id}"
        + (f" – {_escaped(action.detail)}" if action.detail else "")
        for action in report.actions
    ]
    yield from _section("What was done", done)
    silences = [
        f"silence {silence.id} of {_escaped(silence.actor)}, "
        f"{iso(silence.created_s)} to {'the end of its incidents' if silence.ends_s is None else iso(silence.ends_s)}: "
        f"{_escaped(silence.reason)}"
        for silence in report.silences
    ]
    yield from _section("Silences", silences)
    runs = [
        f"run {run.run} of {_escaped(run.dataset)}: {run.lumisections} lumisections, {run.recorded:.4g} /pb recorded, "
        f"{run.lost:.4g} /pb lost" + "".join(f"; {cause} {lost:.4g}" for cause, lost in run.lost_by_cause.items())
        for run in report.runs
    ]
    yield from _section("Runs", runs)
    stream = [f"{count} dead letters: {reason}" for reason, count in report.dead_letters.items()]
    yield from _section("Stream", stream + [f"{lag} messages wait in {name}" for name, lag in report.lag.items()])


def _section(title: str, items: list[str]) -> Iterator[str]:
    yield ""
    yield f"## {title}"
    yield ""
    yield from (f"* {item}" for item in items)
    if not items:
        yield "None."


def _incident(incident: ShiftIncident) -> str:
    return f"{incident.state} {incident.severity} incident {incident.id}: {_escaped(incident.title)}"


def _escaped(text: str) -> str:
    """On one line, with what Markdown would take for its own."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>#|" else letter for letter in " ".join(text.split()))
