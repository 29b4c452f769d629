"""The key of an incident, and which part of a subsystem each family of faults affects."""

import hashlib
import json
from dataclasses import astuple, dataclass

SYSTEM = "nightshift"
"""The actor of changes that no person makes."""

TRIGGER = "Trigger"
"""The subsystem of trigger rates."""

OF_SUBSYSTEM = frozenset({"status", "all-rates", "prescales"})
"""Families of what befalls a subsystem as a whole: one incident, whatever the number of its folders."""

OF_TRIGGER = frozenset({"frozen", "missing"})
"""Families that befall the trigger as a whole, since all of its rates come in one message: its folders are seeds."""

OF_ELEMENT = frozenset({"path"})
"""Families of what befalls one ME by itself: an incident for each, whatever its folder."""


@dataclass(frozen=True, slots=True, order=True)
class IncidentKey:
    """Identity of an incident: ``family`` is :attr:`dqm.quality.Reason.family`, ``group`` the folder of MEs.

    ``group`` is empty for what befalls a subsystem as a whole, and the name of the ME for one of OF_ELEMENT.
    """

    dataset: str
    subsystem: str
    family: str
    group: str


def fingerprint(labels: IncidentKey) -> str:
    """SHA-256 of the labels and of nothing else: the same in all processes and releases, whatever the scores."""
    return hashlib.sha256(json.dumps(astuple(labels)).encode()).hexdigest()


def is_whole(family: str, subsystem: str) -> bool:
    """Whether the family befalls the subsystem as a whole."""
    return family in OF_SUBSYSTEM or (subsystem == TRIGGER and family in OF_TRIGGER)


def incident_group(family: str, me: str, subsystem: str) -> str:
    """The ``group`` of the labels under which a verdict on the ME of this name counts."""
    if is_whole(family, subsystem):
        return ""
    return me if family in OF_ELEMENT else me.rpartition("/")[0]
