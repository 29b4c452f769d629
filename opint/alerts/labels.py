"""What makes an incident this incident and no other."""

import hashlib
import json
from dataclasses import astuple, dataclass


@dataclass(frozen=True, slots=True, order=True)
class Labels:
    """Identity of an incident: ``family`` is :attr:`dqm.quality.Reason.family`, ``group`` the folder of MEs."""

    dataset: str
    subsystem: str
    family: str
    group: str


def fingerprint(labels: Labels) -> str:
    """SHA-256 of the labels and of nothing else: the same in all processes and releases, whatever the scores."""
    return hashlib.sha256(json.dumps(astuple(labels)).encode()).hexdigest()
