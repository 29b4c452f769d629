"""One cause, one call: what an incident follows from, and which incidents do not call in this machine mode.

A cause is another incident, or what the machine or a detector did when the incident was seen last: no stable beams, or
all status bits of its subsystem off. Either explains what began with it or later, and nothing that was there before.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from sqlalchemy import Connection

from conf.notifications import MachineMode
from conf.settings import Settings
from opint.incidents.families import FAMILIES
from opint.notifications import subject
from opint.notifications.subject import Subject
from opint.store import incident_conditions, incidents
from opint.store.incident_conditions import Beginning
from opint.store.incidents import DATA_LOST, STALLED, Incident
from opint.wording import clock_time
from streams.keys import LumisectionKey

LEAD_S = 900.0
"""A cause may be noticed so much later than what follows from it: a partition is stalled only after a while."""

LEAD_LUMISECTIONS = 2
"""Beams and detectors fade before they are declared gone: so many lumisections before count as well."""

_OF_CONTENT = frozenset({"content", "moved", "frozen", "missing", "starved", "shape"})
"""Families of faults in histograms, which a detector that is off explains."""

_OF_BEAMS = frozenset({"content", "moved", "frozen", "starved", "seed", "path", "several-rates", "all-rates"})
"""Families of faults that beams explain by not being there; missing data, or axes, do not depend on them."""


@dataclass(frozen=True, slots=True)
class CauseRule:
    """Incidents of family ``parent`` explain those of ``families``, in all datasets or in their own subsystem alone."""

    parent: str
    families: frozenset[str]
    everywhere: bool = False


RULES = (
    CauseRule(STALLED, frozenset({"missing", "starved"}), everywhere=True),
    CauseRule(DATA_LOST, frozenset({"missing", "starved"}), everywhere=True),
    CauseRule("status", _OF_CONTENT),
    CauseRule("prescales", frozenset({"seed", "path", "all-rates"})),
    CauseRule("all-rates", frozenset({"seed", "path"})),
    CauseRule("several-rates", frozenset({"path"})),
)


@dataclass(frozen=True, slots=True)
class IncidentCause:
    """What an incident follows from, in words; ``incident`` is the number of the other one, None if it is none."""

    text: str
    incident: int | None = None


def load(
    tx: Connection, subjects: Collection[Subject], settings: Settings, ended: Iterable[Incident] = ()
) -> dict[int, IncidentCause]:
    """By number, the cause of each incident that follows from something; another incident comes before a state.

    Causes are incidents that are not resolved, and those of ``ended`` that were not when the other one opened.
    """
    parents = [*incidents.active_of(tx, {rule.parent for rule in RULES}), *ended]
    causes = _states(tx, subjects, settings)
    for each in subjects:
        if (parent := parent_of(each.incident, parents)) is not None:
            causes[each.incident.id] = IncidentCause(f"incident {parent.id}: {parent.title}", parent.id)
    return causes


def _states(tx: Connection, subjects: Iterable[Subject], settings: Settings) -> dict[int, IncidentCause]:
    """Causes that are states of machine or detector, that of the detector first."""
    concerned: dict[State, list[Incident]] = defaultdict(list)
    for each in subjects:
        for state in explaining_states(each, settings):
            concerned[state].append(each.incident)
    causes: dict[int, IncidentCause] = {}
    for state in sorted(concerned, key=lambda state: not state.bits):
        numbers = [incident.id for incident in concerned[state] if incident.id not in causes]
        reached = incident_conditions.reached(tx, numbers, state.bits, LEAD_LUMISECTIONS)
        beginnings: dict[tuple[str, LumisectionKey], Beginning] = {}
        for incident in concerned[state]:
            if (there := reached.get(incident.id)) is None:
                continue
            at = incident.dataset, there
            began = beginnings.get(at) or beginnings.setdefault(at, incident_conditions.beginning(tx, *at, state.bits))
            if follows(incident, began):
                since = f"{clock_time(began.published_s)}, {_place(began.key)}"
                causes[incident.id] = IncidentCause(f"{state.name} since {since}")
    return causes


def _place(key: LumisectionKey) -> str:
    return f"run {key.run} LS {key.ls}" if key.ls else f"run {key.run}"


def of_past(tx: Connection, numbers: Collection[int], settings: Settings) -> dict[int, IncidentCause]:
    """The same of any incidents; those of them that are resolved may be causes of the others."""
    subjects = subject.load(tx, numbers).values()
    return load(tx, subjects, settings, [each.incident for each in subjects if each.incident.state == "resolved"])


def of_active(tx: Connection, numbers: Collection[int], settings: Settings) -> dict[int, IncidentCause]:
    """The same of those of these incidents that are not resolved."""
    subjects = subject.load(tx, numbers).values()
    return load(tx, [each for each in subjects if each.incident.state != "resolved"], settings)


def parent_of(incident: Incident, candidates: Iterable[Incident]) -> Incident | None:
    """The oldest of the ``others`` that explains this incident; None if none does."""
    parents = [other for other in candidates if _explains(other, incident)]
    return min(parents, key=lambda other: (other.opened_s, other.id), default=None)


def _explains(parent: Incident, incident: Incident) -> bool:
    same_subsystem = (parent.dataset, parent.subsystem) == (incident.dataset, incident.subsystem)
    return any(
        rule.parent == parent.family
        and incident.family in rule.families
        and (rule.everywhere or same_subsystem)
        # What was there long before, or came after its end, does not follow from it.
        and incident.opened_s >= parent.opened_s - LEAD_S
        and (parent.resolved_s is None or incident.opened_s < parent.resolved_s)
        for rule in RULES
    )


@dataclass(frozen=True, slots=True)
class State:
    """What explains faults while it lasts: status bits that are all off, or, without any, beams that are not stable."""

    name: str
    bits: tuple[str, ...] = ()


def explaining_states(about: Subject, settings: Settings) -> list[State]:
    """States that would explain an incident, by its family; whether they were there is for the store to say.

    Where the settings say that the family calls without beams, and with cosmics, beams explain nothing.
    """
    incident = about.incident
    bits = settings.dqm.bits_of(incident.subsystem)
    states = []
    if bits and incident.family in _OF_CONTENT:
        states.append(State(f"{incident.subsystem} switched off ({', '.join(bits)})", bits))
    calls = _fits(_families_of_mode("no-beam", settings), incident.family)
    if incident.family in _OF_BEAMS and about.mode != "cosmics" and not calls:
        states.append(State("no stable beams"))
    return states


def follows(incident: Incident, began: Beginning) -> bool:
    """Whether an incident was first seen when a state had begun, or just before."""
    first = incident.first
    return first is not None and (first.run, first.ls + LEAD_LUMISECTIONS) >= (began.key.run, began.key.ls)


def quiet_reason(about: Subject, settings: Settings) -> str:
    """Why an incident calls nobody in this machine mode although it follows from nothing; empty if it does call."""
    family, named = about.incident.family, _families_of_mode(about.mode, settings)
    if named is None or _fits(named, family):
        return ""
    return f"{FAMILIES[family].noun} does not call in machine mode {about.mode}"


def _families_of_mode(mode: MachineMode, settings: Settings) -> Sequence[str] | None:
    """Patterns of the families that call in a machine mode; None if the settings say nothing of it."""
    return next((rule.families for rule in settings.notifications.calls if rule.mode == mode), None)


def _fits(patterns: Sequence[str] | None, family: str) -> bool:
    return any(fnmatchcase(family, pattern) for pattern in patterns or ())
