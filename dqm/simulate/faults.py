"""Faults of the simulator: what is wrong with which histograms, how badly, from when to when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

import numpy as np

from conf.errors import NightshiftError
from streams.records import Catalogue, LumisectionKey


class SimulationError(NightshiftError):
    """A file that the simulator was given, or a fault that it was asked for, is unusable."""


class FaultKind(StrEnum):
    """Kinds of fault, and what a severity of s in (0, 1] means for each."""

    DEAD = "dead"
    """One region with the share s of the bins has no counts; it lies where the histogram is filled."""
    HOT = "hot"
    """1% of the bins (at least one) get extra counts, together the share s of the entries."""
    NOISY = "noisy"
    """Extra counts, together the share s of the entries, scattered unevenly over a third of the bins."""
    SHIFT = "shift"
    """Values move along the first axis by s times the standard deviation of the distribution."""
    GAIN = "gain"
    """Values on the first axis are multiplied by 1 + s/2, or divided by it."""
    SWAP = "swap"
    """Two blocks along the first axis, together the share s of it, stand in each other's place."""
    STUCK = "stuck"
    """The share s of the MEs (at least one) repeat one content, drawn once under nominal conditions."""
    MISSING = "missing"
    """The share s of the MEs (at least one) are not published."""
    LOW_STATISTICS = "low-statistics"
    """The share s of the entries is lost, evenly over all bins."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one subsystem from ``start`` to ``end``, both included.

    It hits the MEs named in ``elements``, or all in the folder ``group`` and below; just one of the two
    is given. ``seed`` decides what chance decides (which channels, which direction), the same in all
    lumisections, so that a dead channel stays dead.

    Raises:
        SimulationError: unknown kind, severity outside (0, 1], no target or two, end before start.
    """

    kind: FaultKind
    subsystem: str
    severity: float
    start: LumisectionKey
    end: LumisectionKey
    elements: tuple[str, ...] = ()
    group: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse nonsense at once."""
        if self.kind not in set(FaultKind):
            raise SimulationError(f"fault kind is {self.kind!r}; allowed: {', '.join(FaultKind)}")
        object.__setattr__(self, "kind", FaultKind(self.kind))
        if not 0 < self.severity <= 1:
            raise SimulationError(f"severity of a {self.kind} fault is {self.severity}; it must lie in (0, 1]")
        if bool(self.elements) == bool(self.group):
            raise SimulationError(
                f"a {self.kind} fault needs either elements or a group, got {self.elements!r} and {self.group!r}"
            )
        if self.end < self.start:
            raise SimulationError(f"a {self.kind} fault ends at {self.end}, before it starts at {self.start}")

    def active(self, key: LumisectionKey) -> bool:
        """Whether the fault is there in this lumisection."""
        return self.start <= key <= self.end

    def targets(self, catalogue: Catalogue) -> tuple[int, ...]:
        """Rows of the catalogue that the fault hits, in order; empty if it has none of the MEs."""
        if self.elements:
            return tuple(sorted(catalogue.index[name] for name in self.elements if name in catalogue.index))
        below = self.group.rstrip("/") + "/"
        return tuple(row for row, name in enumerate(catalogue.names) if name.startswith(below))

    def share_of_targets(self, catalogue: Catalogue) -> tuple[int, ...]:
        """Of the rows hit, the share ``severity`` that a stuck or missing fault takes, at least one."""
        rows = self.targets(catalogue)
        if not rows:
            return ()
        count = max(1, round(self.severity * len(rows)))
        return tuple(sorted(int(row) for row in self.generator("").choice(rows, count, replace=False)))

    def generator(self, name: str) -> np.random.Generator:
        """The fault's own randomness for the ME ``name``: the same whenever it is asked for."""
        identity = f"{self.kind}|{self.subsystem}|{self.start}|{self.seed}|{name}"
        return np.random.default_rng(int.from_bytes(sha256(identity.encode()).digest()[:8], "little"))


def active(faults: Iterable[Fault], key: LumisectionKey) -> Sequence[Fault]:
    """Those faults that are there in one lumisection."""
    return [fault for fault in faults if fault.active(key)]
