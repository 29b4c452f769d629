"""One cause, one call: which incident follows from which, and which do not call in this machine mode. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase

from conf.notifications import ModeRule
from opint.incidents.families import FAMILIES
from opint.notifications.subject import Subject
from opint.store.incidents import DATA_LOST, STALLED, Incident

LEAD_S = 900.0
"""A cause may be noticed so much later than what follows from it: a partition is stalled only after a while."""

_OF_CONTENT = frozenset({"content", "frozen", "missing", "starved", "shape"})
"""Families of faults in histograms, which a detector that is off explains."""


class Scope(Enum):
    """How far a cause reaches."""

    EVERYWHERE = "all datasets"
    SUBSYSTEM = "its subsystem in its dataset"


@dataclass(frozen=True, slots=True)
class CauseRule:
    """Incidents of family ``parent`` explain those of ``families`` within ``scope``."""

    parent: str
    families: frozenset[str]
    scope: Scope


RULES = (
    CauseRule(STALLED, frozenset({"missing", "starved"}), Scope.EVERYWHERE),
    CauseRule(DATA_LOST, frozenset({"missing", "starved"}), Scope.EVERYWHERE),
    CauseRule("status", _OF_CONTENT, Scope.SUBSYSTEM),
    CauseRule("prescales", frozenset({"seed", "path", "all-rates"}), Scope.SUBSYSTEM),
    CauseRule("all-rates", frozenset({"seed", "path"}), Scope.SUBSYSTEM),
)


def parent_of(incident: Incident, active: Iterable[Incident]) -> Incident | None:
    """The oldest of the ``active`` incidents that explains this one; None if none does."""
    parents = [other for other in active if _explains(other, incident)]
    return min(parents, key=lambda other: (other.opened_s, other.id), default=None)


def _explains(parent: Incident, incident: Incident) -> bool:
    return any(
        rule.parent == parent.family
        and incident.family in rule.families
        and (rule.scope is Scope.EVERYWHERE or _same_subsystem(parent, incident))
        # What was there long before does not follow from it.
        and incident.opened_s >= parent.opened_s - LEAD_S
        for rule in RULES
    )


def _same_subsystem(incident: Incident, other: Incident) -> bool:
    return (incident.dataset, incident.subsystem) == (other.dataset, other.subsystem)


PARENT_FAMILIES = frozenset(rule.parent for rule in RULES)
"""Families of incidents that may explain others."""


def quiet_reason(subject: Subject, bits: Sequence[str], rules: Sequence[ModeRule]) -> str:
    """Why an incident calls nobody although nothing else explains it; empty if it does call.

    ``bits`` are the status bits of its subsystem (dqm.status_bits), ``rules`` say which families call in which mode.
    """
    incident = subject.incident
    states = subject.conditions.get("dcs") or {}
    if bits and incident.family in _OF_CONTENT and all(states.get(bit) is False for bit in bits):
        return f"{incident.subsystem} is switched off ({', '.join(bits)})"
    for rule in rules:
        if rule.mode == subject.mode and not any(fnmatchcase(incident.family, pattern) for pattern in rule.families):
            return f"{FAMILIES[incident.family].noun} does not call in machine mode {rule.mode}"
    return ""
