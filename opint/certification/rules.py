"""Why a lumisection is not certified. Pure decisions.

What is certified was judged and found good. NOT_INSPECTED never counts as good: a subsystem of which less than
the required share of monitoring elements (MEs) was inspected keeps its lumisection out.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class ObjectionCause(StrEnum):
    """What speaks against a lumisection, the weightiest first: luminosity lost is counted for that one."""

    NOT_RECEIVED = "not received"
    """Nothing of it has come, though later lumisections of the run have."""
    NOT_CLOSED = "still being assembled"
    """It has no verdict yet."""
    NO_STABLE_BEAMS = "no stable beams"
    DETECTOR_OFF = "detector part not ready"
    """A detector-status bit says so."""
    INCIDENT = "incident"
    """It belongs to an incident that nobody has called a false alarm."""
    SHORT_FAULT = "short fault"
    """MEs are bad for certain, though too shortly for an incident."""
    BAD = "bad"
    """MEs are bad that belong to no incident, or not only to false alarms."""
    NOT_INSPECTED = "not inspected"
    """Too few MEs of a subsystem were inspected to say that it is good."""


_ORDER = {cause: place for place, cause in enumerate(ObjectionCause)}


@dataclass(frozen=True, slots=True)
class Objection:
    """One cause, where it lies (a subsystem, detector parts; empty: everywhere) and the incidents it rests on."""

    cause: ObjectionCause
    where: str = ""
    incidents: tuple[int, ...] = ()

    def __str__(self) -> str:
        """In words: ``Muon: incident 12``."""
        numbers = ", ".join(map(str, self.incidents))
        return ": ".join(filter(None, (self.where, f"{self.cause} {numbers}".strip())))


@dataclass(frozen=True, slots=True)
class QualityCounts:
    """How many MEs of one subsystem have which quality in one lumisection."""

    good: int
    warning: int
    bad: int
    not_inspected: int

    @property
    def inspected(self) -> float:
        """Share of MEs that were inspected; 0 where there are none."""
        judged = self.good + self.warning + self.bad
        return judged / max(judged + self.not_inspected, 1)


@dataclass(frozen=True, slots=True)
class SeenIncident:
    """An incident that was seen in a lumisection: how many bad MEs it names, and whether it was a false alarm."""

    incident: int
    subsystem: str
    bad: int
    false_alarm: bool


@dataclass(frozen=True, slots=True)
class LumisectionFacts:
    """All that certification looks at in one lumisection (``ls`` 0: the whole run); luminosity in 1/pb.

    ``short_faults`` are the subsystems that have one with bad MEs.
    """

    ls: int
    closed: bool = True
    beams_stable: bool | None = None
    not_ready: tuple[str, ...] = ()
    recorded_lumi: float | None = None
    model_version: str = ""
    subsystems: Mapping[str, QualityCounts] = field(default_factory=dict)
    incidents: Sequence[SeenIncident] = ()
    short_faults: Collection[str] = ()


def objections(facts: LumisectionFacts, required: Collection[str], least_inspected: float) -> tuple[Objection, ...]:
    """Everything that speaks against a lumisection, the weightiest first; empty: it is certified.

    ``required`` are the subsystems that were judged anywhere in the run; of each at least the share
    ``least_inspected`` of the MEs must have been inspected.
    """
    if not facts.closed:
        return (Objection(ObjectionCause.NOT_CLOSED),)
    # Without beams nothing is inspected: that would only be said once more for each subsystem.
    if facts.beams_stable is False:
        return (Objection(ObjectionCause.NO_STABLE_BEAMS),)
    against = []
    if facts.not_ready:
        against.append(Objection(ObjectionCause.DETECTOR_OFF, ", ".join(facts.not_ready)))
    if not required:
        against.append(Objection(ObjectionCause.NOT_INSPECTED))
    for subsystem in sorted(required):
        counts = facts.subsystems.get(subsystem)
        if found_bad := _bad(facts, subsystem, counts):
            against.append(found_bad)
        if counts is None or counts.inspected < least_inspected:
            against.append(Objection(ObjectionCause.NOT_INSPECTED, subsystem))
    return weightiest_first(against)


def weightiest_first(unordered: Iterable[Objection]) -> tuple[Objection, ...]:
    """The objections in the order of their causes, then of where they lie."""
    return tuple(sorted(unordered, key=lambda objection: (_ORDER[objection.cause], objection.where)))


def _bad(facts: LumisectionFacts, subsystem: str, counts: QualityCounts | None) -> Objection | None:
    """The objection to bad MEs of one subsystem; None if there are none but those of false alarms."""
    incidents = [incident for incident in facts.incidents if incident.subsystem == subsystem]
    true_alarms = tuple(sorted(incident.incident for incident in incidents if not incident.false_alarm))
    if true_alarms:
        return Objection(ObjectionCause.INCIDENT, subsystem, true_alarms)
    # Each bad ME belongs to one folder and one family, so those of several incidents add up.
    forgiven = sum(incident.bad for incident in incidents)
    if counts is not None and counts.bad > forgiven:
        return Objection(
            ObjectionCause.SHORT_FAULT if subsystem in facts.short_faults else ObjectionCause.BAD, subsystem
        )
    return None
