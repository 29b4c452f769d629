"""What can be wrong with trigger rates: which, how much, from when to when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dqm.simulate.faults import SimulationError
from streams.records import LumisectionKey


class RateFaultKind(StrEnum):
    """Kinds of fault, and what they do to whom."""

    PATH = "path"
    """The rates of the ``elements`` are multiplied by ``factor``, each by itself."""
    SEED = "seed"
    """The rates of the seed ``seed_name`` and of all its paths are multiplied by ``factor``."""
    SEED_PATHS = "seed-paths"
    """The rates of all paths behind ``seed_name`` are multiplied by ``factor``; the seed's own is not."""
    ALL = "all"
    """All rates are multiplied by ``factor``: a wrong luminosity, or dead time that nobody counted."""
    PRESCALE = "prescale"
    """The ``elements`` run with their prescale times 1 / ``factor``; another one is declared."""
    COLUMN = "column"
    """Everything runs with the prescales of ``column``; those of another one are declared."""
    STUCK = "stuck"
    """All rates, or those of the ``elements``, repeat what they were when the fault began."""
    MISSING = "missing"
    """The ``elements`` are not published."""


_NAMING = frozenset({RateFaultKind.PATH, RateFaultKind.PRESCALE, RateFaultKind.MISSING})
_SEEDED = frozenset({RateFaultKind.SEED, RateFaultKind.SEED_PATHS})


@dataclass(frozen=True, slots=True)
class RateFault:
    """One fault from ``start`` to ``end``, both included; ``elements`` are names of the menu, ``SEED/PATH``.

    Raises:
        SimulationError: unknown kind, a target that the kind needs is not given, a factor that is not positive, or an
            end before the start.
    """

    kind: RateFaultKind
    start: LumisectionKey
    end: LumisectionKey
    factor: float = 1.0
    elements: tuple[str, ...] = ()
    seed_name: str = ""
    column: int | None = None

    def __post_init__(self) -> None:
        """Refuse nonsense at once."""
        if self.kind not in set(RateFaultKind):
            raise SimulationError(f"rate fault kind is {self.kind!r}; allowed: {', '.join(RateFaultKind)}")
        object.__setattr__(self, "kind", RateFaultKind(self.kind))
        if not 0 < self.factor < float("inf"):
            raise SimulationError(f"factor of a {self.kind} fault is {self.factor}; it must be above 0 and finite")
        if self.kind in _NAMING and not self.elements:
            raise SimulationError(f"a {self.kind} fault needs elements")
        if self.kind in _SEEDED and not self.seed_name:
            raise SimulationError(f"a {self.kind} fault needs the name of a seed")
        if self.kind is RateFaultKind.COLUMN and (self.column is None or self.column < 0):
            raise SimulationError(f"a column fault needs a prescale column from 0 on, got {self.column}")
        if self.end < self.start:
            raise SimulationError(f"a {self.kind} fault ends at {self.end}, before it starts at {self.start}")

    def active(self, key: LumisectionKey) -> bool:
        """Whether the fault is there in this lumisection."""
        return self.start <= key <= self.end


def active(faults: Iterable[RateFault], key: LumisectionKey) -> Sequence[RateFault]:
    """Those faults that are there in one lumisection."""
    return [fault for fault in faults if fault.active(key)]
