"""What makes an incident this incident and no other."""

import hashlib
import json
from dataclasses import astuple, dataclass

OF_SUBSYSTEM = frozenset({"status", "all-rates", "prescales"})
"""Families of what befalls a subsystem as a whole: one incident, whatever the number of its folders."""

OF_ELEMENT = frozenset({"path"})
"""Families of what befalls one ME by itself: an incident for each, whatever its folder."""


@dataclass(frozen=True, slots=True, order=True)
class Labels:
    """Identity of an incident: ``family`` is :attr:`dqm.quality.Reason.family`, ``group`` the folder of MEs.

    ``group`` is empty for a family of OF_SUBSYSTEM, and the name of the ME for one of OF_ELEMENT.
    """

    dataset: str
    subsystem: str
    family: str
    group: str


def fingerprint(labels: Labels) -> str:
    """SHA-256 of the labels and of nothing else: the same in all processes and releases, whatever the scores."""
    return hashlib.sha256(json.dumps(astuple(labels)).encode()).hexdigest()


def group_of(family: str, me: str) -> str:
    """The ``group`` of the labels under which a verdict on the ME of this name counts."""
    if family in OF_SUBSYSTEM:
        return ""
    return me if family in OF_ELEMENT else me.rpartition("/")[0]
