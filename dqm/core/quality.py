"""The vocabulary of judgement: quality, reason, evidence."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.records import Axis


class Quality(IntEnum):
    """Judgement of one ME, subsystem or lumisection.

    NOT_INSPECTED means that nothing is known and never counts as good. The numbers are stored.
    """

    NOT_INSPECTED = 0
    GOOD = 1
    WARNING = 2
    BAD = 3


class Reason(IntEnum):
    """Why a monitoring element has its quality. The numbers are stored: never reuse one."""

    CONSISTENT = 0
    """Inspected and compatible with good lumisections."""
    SUSPECT = 1
    """Unlikely, but not enough to be called bad under the budget of false alarms (WARNING)."""
    DEVIATES = 2
    """Incompatible with good lumisections under the budget (BAD)."""
    FROZEN = 3
    """The same content, bin by bin, as in earlier lumisections (BAD)."""
    MISSING = 4
    """Expected and not there when its lumisection was closed (NOT_INSPECTED, alarms)."""
    STARVED = 5
    """Far fewer entries than under the same conditions, or fewer than its siblings lead to expect (BAD)."""
    LOW_STATISTICS = 6
    """Too few entries to judge, as is normal for it (NOT_INSPECTED)."""
    NO_MODEL = 7
    """No model knows this monitoring element (NOT_INSPECTED)."""
    WRONG_SHAPE = 8
    """Its axes differ from those that the model was trained on (NOT_INSPECTED, alarms)."""
    NO_STABLE_BEAMS = 9
    """The beams were not declared stable (NOT_INSPECTED)."""
    CONTRADICTS_STATUS = 10
    """Full although the detector is declared off, or empty although declared ready (NOT_INSPECTED, alarms)."""
    PATH_MOVED = 11
    """The rate of one trigger path moved by itself, its seed and its neighbours did not (BAD)."""
    SEED_MOVED = 12
    """The rates behind one L1 seed moved together (BAD)."""
    ALL_MOVED = 13
    """The rates of all seeds moved together, as by beam or dead time (BAD)."""
    WRONG_PRESCALES = 14
    """Rates are as if another prescale column than the declared one were in use (BAD)."""
    SWITCHED_OFF = 15
    """The declared prescale is 0: no rate is expected (NOT_INSPECTED)."""
    RESOLUTION = 16
    """Too few good runs were learned to tell good from bad at the declared risk (NOT_INSPECTED)."""
    OVERFULL = 17
    """Far more entries than under the same conditions, or more than its siblings lead to expect (BAD)."""
    SEVERAL_MOVED = 18
    """Several rates whose seeds are not told began to move in the same lumisections (BAD)."""
    CONDITIONS_MOVED = 20
    """Conditions moved within the lumisection, as in a ramp or a scan: no saying what to expect (NOT_INSPECTED)."""
    NOT_IN_MENU = 21
    """Known, and not published in this run so far: the trigger menu has no such path (NOT_INSPECTED)."""
    MOVED_TOGETHER = 22
    """Incompatible with good runs, as are nearly all folders of the subsystem in this whole run (BAD)."""

    @property
    def alarms(self) -> bool:
        """Whether this reason may raise an incident."""
        return self in _ALARMING

    @property
    def family(self) -> str:
        """Word for incidents of this reason, as ``content`` or ``seed``; empty for one that does not alarm."""
        return _FAMILY.get(self, "")


OF_ENTRIES = (Reason.STARVED, Reason.OVERFULL)
"""Reasons that concern the number of entries, not where they lie."""

_FAMILY = {
    Reason.DEVIATES: "content",
    Reason.MOVED_TOGETHER: "moved",
    Reason.FROZEN: "frozen",
    Reason.MISSING: "missing",
    Reason.STARVED: "starved",
    Reason.OVERFULL: "overfull",
    Reason.WRONG_SHAPE: "shape",
    Reason.CONTRADICTS_STATUS: "status",
    Reason.PATH_MOVED: "path",
    Reason.SEED_MOVED: "seed",
    Reason.SEVERAL_MOVED: "several-rates",
    Reason.ALL_MOVED: "all-rates",
    Reason.WRONG_PRESCALES: "prescales",
}
_ALARMING = frozenset(_FAMILY)

SPEAK_FOR_THEMSELVES = frozenset(
    {
        Reason.FROZEN,
        Reason.MISSING,
        Reason.STARVED,
        Reason.OVERFULL,
        Reason.WRONG_SHAPE,
        Reason.CONTRADICTS_STATUS,
    }
)
"""Reasons that are certain without a p-value of the content."""


@dataclass(frozen=True, slots=True)
class WorstBin:
    """One bin that speaks against the histogram; ``index`` is the flat cell number."""

    index: int
    observed: float
    expected: float
    pull: float


@dataclass(frozen=True, slots=True)
class WorstFeature:
    """One number of a histogram that speaks against its lumisection, as certification sees it.

    ``observed`` and ``expected`` are shares of the axis from 0 to 1, ``error`` is the squared error in units of the
    ordinary one, and ``share`` its part in the score of the lumisection.
    """

    name: str
    observed: float
    expected: float
    error: float
    share: float


@dataclass(frozen=True, slots=True)
class Certified:
    """What certification says of one subsystem in one lumisection.

    ``score`` is the mean over the ensemble of the mean of the largest squared errors, 1 being ordinary for a single
    feature; ``spread`` its standard deviation over the ensemble, which is its uncertainty; ``p_value`` is
    conditional on pileup and luminosity.
    """

    score: float
    spread: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a person needs to judge the judgement of one ME in one lumisection.

    ``reference`` is scaled to the observed number of counts; ``pulls`` are signed and in standard
    deviations; ``kind`` is the best guess at the fault (dead, hot, noisy, shift, gain, swap, stuck,
    missing, low-statistics, high-statistics or unknown) and ``sentence`` says why in words. ``certified`` is what
    certification says of the whole subsystem, None where nothing looks at it so.
    """

    me: str
    reason: Reason
    kind: str
    sentence: str
    p_value: float
    scores: dict[str, float]
    axes: "tuple[Axis, ...]"
    counts: tuple[float, ...]
    reference: tuple[float, ...]
    pulls: tuple[float, ...]
    entries: float
    expected_entries: float | None
    model_version: str
    worst_bins: tuple[WorstBin, ...] = field(default=())
    worst_features: tuple[WorstFeature, ...] = field(default=())
    certified: Certified | None = None
