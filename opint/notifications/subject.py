"""What routes, silences and rules look at: an incident with the conditions of its newest lumisection."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from conf.routes import MachineMode
from opint.store import incident_conditions
from opint.store.incidents import Incident


@dataclass(frozen=True, slots=True)
class Subject:
    """An incident, and the ``conditions`` (streams.records.Conditions) in its newest lumisection, where stored."""

    incident: Incident
    conditions: Mapping[str, Any]

    @property
    def mode(self) -> MachineMode:
        """What the machine did in that lumisection."""
        return machine_mode(self.incident.dataset, self.conditions)


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
