"""What operators say of incidents: a true alarm or a false one. The last word stands, the audit trail keeps all."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from pydantic import Field
from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from opint.store.incidents import OF_NIGHTSHIFT
from opint.store.sql import replacing
from opint.store.tables import feedback, incident, occurrence
from streams.keys import LumisectionKey

SubsystemKey = tuple[str, str, LumisectionKey]
"""Dataset, subsystem and lumisection."""

_row = feedback.c


class Verdict(StrEnum):
    """An operator's verdict on an incident. The words are stored."""

    TRUE = "true"
    FALSE_ALARM = "false-alarm"


@dataclass(frozen=True, slots=True)
class Feedback:
    """Who said what of an incident, and when (s since 1970)."""

    verdict: Verdict
    actor: str
    at_s: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """Incidents that one model version has raised, and how many of them operators called true and false."""

    model_version: str
    incidents: int
    confirmed: int
    false_alarms: int
    disagreement: Annotated[float | None, Field(description="share of false alarms among those with a verdict")] = (
        field(init=False)
    )

    def __post_init__(self) -> None:
        judged = self.confirmed + self.false_alarms
        object.__setattr__(self, "disagreement", self.false_alarms / judged if judged else None)


def save(tx: Connection, incident_id: int, word: Feedback) -> None:
    """Store the word in place of an earlier one."""
    row = {"incident_id": incident_id, "verdict": word.verdict.value, "actor": word.actor, "at_s": word.at_s}
    tx.execute(replacing(tx, feedback), row)


def load(tx: Connection, incident_id: int) -> Feedback | None:
    """The last word on an incident; None if nobody has spoken."""
    row = tx.execute(select(feedback).where(_row.incident_id == incident_id)).one_or_none()
    return None if row is None else Feedback(Verdict(row.verdict), row.actor, row.at_s)


def move(tx: Connection, number: int, into: int) -> None:
    """Give the word on one incident to another that takes it in; the other's own word stays."""
    if load(tx, into) is None:
        tx.execute(update(feedback).where(_row.incident_id == number).values(incident_id=into))
    else:
        tx.execute(delete(feedback).where(_row.incident_id == number))


def lumisections(tx: Connection, verdict: Verdict) -> set[SubsystemKey]:
    """Where the incidents with this verdict were seen."""
    query = (
        select(incident.c.dataset, incident.c.subsystem, occurrence.c.run, occurrence.c.ls)
        .join(feedback, _row.incident_id == incident.c.id)
        .join(occurrence, occurrence.c.incident_id == incident.c.id)
        .where(_row.verdict == verdict.value)
    )
    return {(dataset, subsystem, LumisectionKey(run, ls)) for dataset, subsystem, run, ls in tx.execute(query)}


def agreement(tx: Connection) -> list[Agreement]:
    """By model version, the one whose incidents are newest first; lost data, which no model judged, are left out."""
    version, judged = incident.c.model_version, incident.c.family.not_in(OF_NIGHTSHIFT)
    numbers = (
        select(version, func.count(), func.max(incident.c.id).label("newest"))
        .where(judged)
        .group_by(version)
        .subquery()
    )
    # Operators have spoken on few incidents, so these are looked up and not joined to all.
    spoken = (
        select(version, _number_of(Verdict.TRUE), _number_of(Verdict.FALSE_ALARM))
        .join(feedback, _row.incident_id == incident.c.id)
        .where(judged)
        .group_by(version)
    )
    by_version = {name: (confirmed, false_alarms) for name, confirmed, false_alarms in tx.execute(spoken)}
    rows = tx.execute(select(numbers).order_by(numbers.c.newest.desc()))
    return [Agreement(name, number, *by_version.get(name, (0, 0))) for name, number, _ in rows]


def _number_of(verdict: Verdict) -> ColumnElement[int]:
    return func.count().filter(_row.verdict == verdict.value)
