"""The reference that was chosen for a run, as it is recorded."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dqm.references.sums import RunSums

Float32 = npt.NDArray[np.float32]
Rows = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The reference of one subsystem in one run, of the n MEs of a subsystem.

    ``adaptive`` says which one judges, ``reason`` why. The template of all MEs: ``share`` and ``wander`` (cells,),
    ``size`` (n,), float32. ``usable`` (n,) are the MEs whose template judges, if any does; ``drift`` (n,) is the
    share of entries that lies elsewhere than in the frozen reference. ``newest_run`` is the last run followed, 0 if
    none was, ``runs`` how many were, ``pileup`` the standardised one of the newest.
    """

    adaptive: bool
    reason: str
    share: Float32
    wander: Float32
    size: Float32
    usable: Rows
    drift: Float32
    newest_run: int
    runs: int
    pileup: float


Earlier = Sequence[tuple[int, RunSums]]
"""Runs and their sums, in order of run number."""
