"""What the next shift has to go on with: what came, what was done and by whom; as Markdown, for a log book."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from conf.settings import CertifySettings, Settings
from opint.certification.certificate import certify
from opint.certification.facts import read_facts
from opint.incidents.families import FAMILIES
from opint.notifications import causes
from opint.shifts.schedule import Shift
from opint.store import shifts, silences
from opint.store.heartbeats import newest
from opint.store.shifts import AuditedAction, ShiftIncident, ShiftNote
from opint.wording import counted, iso

MOST_OPEN = 200
"""Open points that are listed."""
MOST_SILENCES = 1000
"""Newest silences that are looked at."""


@dataclass(frozen=True, slots=True)
class CauseSummary:
    """Incidents that follow from the same, which stands first where it is one; without a cause, those of a family."""

    name: str
    incidents: Sequence[ShiftIncident]


@dataclass(frozen=True, slots=True)
class RunTaken:
    """What came of a run during the shift; luminosities in 1/pb, of the lumisections that say theirs."""

    dataset: str
    run: int
    lumisections: int
    recorded: float
    lost: float
    lost_by_cause: dict[str, float]


@dataclass(frozen=True, slots=True)
class ShiftSilence:
    """A silence that was made, ended or ran during the shift; times in s since 1970."""

    id: int
    actor: str
    reason: str
    created_s: float
    ends_s: float | None


@dataclass(frozen=True, slots=True)
class ShiftReport:
    """All there is to hand over; ``open_points`` are incidents not resolved at the end, ``open_total`` how many."""

    shift: Shift
    causes: Sequence[CauseSummary]
    actions: Sequence[AuditedAction]
    silences: Sequence[ShiftSilence]
    notes: Sequence[ShiftNote]
    dead_letters: dict[str, int]
    lag: dict[str, int]
    runs: Sequence[RunTaken]
    open_points: Sequence[ShiftIncident]
    open_total: int

    @property
    def lost(self) -> float:
        """Luminosity of the shift that is not certified, 1/pb."""
        return sum(run.lost for run in self.runs)

    @property
    def recorded(self) -> float:
        """Luminosity of the shift, 1/pb."""
        return sum(run.recorded for run in self.runs)


def read_report(tx: Connection, shift: Shift, settings: Settings, now_s: float) -> ShiftReport:
    """The report of a shift as far as it has come; lag (messages by partition) is that of now, and of no past shift."""
    span = shift.begin_s, shift.end_s
    open_points, open_total = shifts.unresolved_incidents(tx, span[1], MOST_OPEN)
    present = shift.begin_s <= now_s < shift.end_s
    lag = {name: lag for daemon in newest(tx) for name, lag in daemon.lag.items() if lag} if present else {}
    return ShiftReport(
        shift=shift,
        causes=_by_cause(tx, shifts.changed_incidents(tx, *span), settings),
        actions=shifts.actions(tx, *span),
        silences=_silences(tx, *span),
        notes=shifts.notes_between(tx, *span),
        dead_letters=shifts.dead_letters(tx, *span),
        lag=lag,
        runs=[
            _run_taken(tx, dataset, run, lumisections, settings.certify)
            for (dataset, run), lumisections in shifts.lumisections(tx, *span).items()
        ],
        open_points=open_points,
        open_total=open_total,
    )


def _by_cause(tx: Connection, incidents: Sequence[ShiftIncident], settings: Settings) -> list[CauseSummary]:
    """Incidents by what they follow from; those without a cause by family."""
    causes_of = causes.of_past(tx, [incident.id for incident in incidents], settings)
    text_of_parent = {cause.incident: cause.text for cause in causes_of.values() if cause.incident is not None}
    groups: dict[str, list[ShiftIncident]] = defaultdict(list)
    for incident in incidents:
        if incident.id in text_of_parent:
            groups[text_of_parent[incident.id]].insert(0, incident)
        elif incident.id in causes_of:
            groups[causes_of[incident.id].text].append(incident)
        else:
            groups[FAMILIES[incident.family].noun].append(incident)
    return [CauseSummary(name, grouped) for name, grouped in groups.items()]


def _silences(tx: Connection, begin_s: float, end_s: float) -> list[ShiftSilence]:
    ran = [
        stored
        for stored in silences.newest(tx, MOST_SILENCES)
        if stored.created_s < end_s
        and (stored.ends_s is None or stored.ends_s >= begin_s)
        and (stored.expired_s is None or stored.expired_s >= begin_s)
    ]
    return [
        ShiftSilence(stored.id, stored.actor, stored.reason, stored.created_s, stored.expired_s or stored.ends_s)
        for stored in ran
    ]


def _run_taken(tx: Connection, dataset: str, run: int, lumisections: set[int], settings: CertifySettings) -> RunTaken:
    facts = read_facts(tx, dataset, run)
    certificate = certify(dataset, run, facts, settings.least_inspected)
    recorded = {
        lumisection.ls: lumisection.recorded_lumi or 0.0 for lumisection in facts if lumisection.ls in lumisections
    }
    lost: dict[str, float] = defaultdict(float)
    for excluded in certificate.excluded:
        for ls in range(excluded.first, excluded.last + 1):
            if recorded.get(ls):
                lost[str(excluded.why[0].cause)] += recorded[ls]
    return RunTaken(dataset, run, len(lumisections), sum(recorded.values()), sum(lost.values()), dict(lost))


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
    letters = [f"{counted(count, 'dead letter')}: {reason}" for reason, count in report.dead_letters.items()]
    waiting = [f"{counted(lag, 'message')} in {name} not yet delivered" for name, lag in report.lag.items()]
    yield from _section("Stream", letters + waiting)


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
