"""What contradicts the detector-status bits.

A subsystem that is declared off and delivers what it always delivers, or one that is declared ready and delivers
nothing at all: either the bit or the data is wrong, and people should not have to guess which. The bits are not
fully reliable, so that nothing is ever excused by them.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from dqm.core.digests import EMPTY
from dqm.core.quality import Reason
from dqm.core.state import SubsystemScores
from streams.arrays import Mask, UInt8

MOST = 0.5
"""Share of the MEs of a subsystem declared off that look as always, from which on that is a contradiction."""

_AS_ALWAYS = (Reason.CONSISTENT, Reason.SUSPECT)


def ready(dcs: Mapping[str, bool], parts: Sequence[str]) -> bool | None:
    """True if all ``parts`` are declared ready, False if none is; None if some are, or one is not known."""
    states = {dcs.get(part) for part in parts}
    return states.pop() if len(states) == 1 else None


def contradicting(part: SubsystemScores, reasons: UInt8, declared: bool | None) -> Mask:
    """MEs (n,) whose content cannot be if the subsystem is ready, or off, as ``declared`` (None: not known).

    ``reasons`` are those found so far. Of an empty subsystem only the MEs are named that should not be empty
    (STARVED): what is expected under the conditions is known there.
    """
    nothing = np.zeros(len(reasons), dtype=np.bool_)
    if declared is None or not part.present.any():
        return nothing
    if declared:
        empty = bool((part.digests[part.present] == np.uint64(EMPTY)).all())
        return part.present & (reasons == Reason.STARVED) if empty else nothing
    alive: Mask = part.present & np.isin(reasons, _AS_ALWAYS)
    return alive if alive.sum() >= MOST * part.present.sum() else nothing
