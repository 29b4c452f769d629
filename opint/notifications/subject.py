"""What routes, silences and rules look at: an incident with the conditions of its newest lumisection.

Matchers of routes and silences are tried on its traits alone.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy import Connection

from conf.notifications import MachineMode, Matchers
from opint.store import incident_conditions
from opint.store.incidents import Incident


@dataclass(frozen=True, slots=True)
class Traits:
    """What matchers look at; incidents with equal traits fit alike."""

    severity: str
    family: str
    subsystem: str
    folder: str
    dataset: str
    mode: MachineMode


@dataclass(frozen=True, slots=True)
class Subject:
    """An incident, and the ``conditions`` (streams.records.Conditions) in its newest lumisection, where stored."""

    incident: Incident
    conditions: Mapping[str, Any]

    @property
    def mode(self) -> MachineMode:
        """What the machine did in that lumisection."""
        return machine_mode(self.incident.dataset, self.conditions)

    @property
    def traits(self) -> Traits:
        """What matchers look at."""
        about = self.incident
        where = about.subsystem, about.element_group, about.dataset
        return Traits(about.severity, about.family, *where, self.mode)


def machine_mode(dataset: str, conditions: Mapping[str, Any]) -> MachineMode:
    """Collisions where beams are declared stable; otherwise cosmics or no beam, by the name of dataset or era."""
    stable = conditions.get("beams_stable")
    if stable:
        return "collisions"
    if "cosmic" in f"{dataset} {conditions.get('era') or ''}".lower():
        return "cosmics"
    return "unknown" if stable is None else "no-beam"


def load(tx: Connection, numbers: Collection[int]) -> dict[int, Subject]:
    """By number, what is stored of these incidents."""
    rows = incident_conditions.of_numbers(tx, numbers)
    return {incident.id: Subject(incident, conditions) for incident, conditions in rows}


def active(tx: Connection) -> list[Subject]:
    """All incidents that are not resolved."""
    return [Subject(incident, conditions) for incident, conditions in incident_conditions.active(tx)]


def fits(match: Matchers, traits: Traits) -> bool:
    """Whether all matchers that are not empty fit, each by any of its patterns."""
    return (
        (not match.severity or traits.severity in match.severity)
        and _any(match.family, traits.family)
        and _any(match.subsystem, traits.subsystem)
        and _any(match.dataset, traits.dataset)
        and (not match.folder or _any(_with_inner(match.folder), traits.folder))
        and (not match.mode or traits.mode in match.mode)
    )


def _any(patterns: Sequence[str], name: str) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def _with_inner(folders: Sequence[str]) -> list[str]:
    return [pattern for folder in folders for pattern in (folder, f"{folder}/*")]
