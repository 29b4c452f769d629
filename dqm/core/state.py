"""What scoring leaves of a batch, and the state of a lumisection that such results add up to.

A :class:`LumisectionState` is a mergeable sufficient statistic: parts of a lumisection may come in any
number of messages, in any order and twice, and add up to the same state (:func:`dqm.core.assembly.merge`).
Histograms need not be kept for that: p-values and content digests are enough, and they are small.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from dqm.core.drift import Residuals, RunSums
from dqm.core.largest_errors import Largest
from dqm.core.quality import Evidence, Quality
from streams.arrays import Float32, Indices, Mask, UInt8
from streams.records import Catalogue, Conditions, LumisectionKey


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """Named numbers of the n MEs of one lumisection in catalogue order, (n,) float32 each; NaN where there is none."""

    def as_array(self) -> Float32:
        """All k of them, one after the other (k, n)."""
        return np.stack([getattr(self, entry.name) for entry in fields(self)])

    @classmethod
    def from_array(cls, rows: Float32) -> Self:
        """Inverse of :meth:`as_array`."""
        return cls(*rows)

    @classmethod
    def nothing(cls, elements: int) -> Self:
        """Of what did not come."""
        return cls.from_array(np.full((len(fields(cls)), elements), np.nan, dtype=np.float32))

    def moved(self, rows: Indices, elements: int) -> Self:
        """The same with MEs numbered anew, among ``elements``: ``rows`` (n,) holds the new row of each."""
        wide = self.nothing(elements).as_array()
        wide[:, rows] = self.as_array()
        return self.from_array(wide)


@dataclass(frozen=True, slots=True, eq=False)
class Amounts(Numbers):
    """Entries of histograms as ``observed`` and ``expected`` without a look at the other MEs.

    ``spread`` is that of ln(observed / expected) from run to run, beside what all MEs of a subsystem do together.
    """

    observed: Float32
    expected: Float32
    spread: Float32


@dataclass(frozen=True, slots=True, eq=False)
class Bands(Numbers):
    """Rates of one lumisection, in Hz.

    ``observed`` is the published rate. ``low`` to ``high`` is where 99 % of good lumisections lie, about the
    ``expected`` rate, given the rates of all seeds. ``curve`` is the rate that pileup alone would make it. All are for
    the declared ``prescale`` (of a path: its own times that of its seed) and for the live time of the lumisection.
    ``version`` is that of a path.
    """

    observed: Float32
    expected: Float32
    low: Float32
    high: Float32
    curve: Float32
    prescale: Float32
    version: Float32


@dataclass(frozen=True, slots=True, eq=False)
class EarlierRates:
    """Trigger rates of one lumisection as they were stored: ``bands`` in the order of ``names``."""

    key: LumisectionKey
    conditions: Conditions
    names: tuple[str, ...]
    bands: Bands


@dataclass(frozen=True, slots=True, eq=False)
class SubsystemScores:
    """Scores of the MEs of one subsystem in one lumisection, in catalogue order; n MEs, k scorers.

    ``present`` (n,) bool says which rows are filled; the others are NaN or zero. ``p_values`` (n,) float32
    in (0, 1] is the combined conformal p-value, NaN where nothing was inspected. ``scores`` (k, n)
    float32, greater is worse, by scorer in the order of ``scorers``. ``digests`` (n,) uint64 identifies
    content. ``reasons`` (n,) uint8 are :class:`dqm.core.quality.Reason` as far as one ME can be judged alone
    (SUSPECT, DEVIATES and MISSING are decided when the lumisection is). ``largest`` are the largest errors of the
    certification model, None where the bundle has none. ``bands`` are rates as seen and as expected, None for
    histograms; ``amounts`` are entries alike, None for rates and where nothing is known of how MEs hang together.
    """

    catalogue: Catalogue
    scorers: tuple[str, ...]
    present: Mask
    p_values: Float32
    scores: Float32
    digests: npt.NDArray[np.uint64]
    reasons: UInt8
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    largest: Largest | None = None
    bands: Bands | None = None
    amounts: Amounts | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ScoredBatch:
    """One scored :class:`streams.records.HistogramBatch` or :class:`streams.records.TriggerRates`.

    ``sums`` are what it adds to the references of later runs, ``residuals`` what to the centres of their
    certification, both of the expected MEs; None if it adds nothing.
    """

    key: LumisectionKey
    dataset: str
    subsystem: str
    conditions: Conditions
    model_version: str
    scores: SubsystemScores
    sums: RunSums | None = None
    residuals: Residuals | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SubsystemVerdict:
    """Judgement of one subsystem in one lumisection; arrays in catalogue order.

    ``p_value`` is that of the whole subsystem (small: unlikely among good lumisections), NaN if nothing
    was inspected; ``quality`` is the worst of the inspected MEs, NOT_INSPECTED if there is none. ``certain`` names the
    folders whose content is bad enough to be recorded for this lumisection alone (:mod:`dqm.core.budget`); it is not
    stored, so that a verdict from the store has none.
    """

    quality: Quality
    p_value: float
    qualities: UInt8
    reasons: UInt8
    certain: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class LumisectionState:
    """All that is known of one lumisection of one dataset.

    ``verdicts`` is empty until the lumisection is closed (complete, overtaken or timed out) and is made
    anew whenever a late part changes ``parts``; ``revision`` counts that, from 1 at the first closing.
    ``first_seen_s`` and ``closed_s`` are s since 1970. ``origin`` names the partition that its first part
    came from: only later lumisections of the same partition can tell that nothing more will come. ``leniency`` is what
    p-values are divided by before they are held against thresholds (:mod:`dqm.core.control`), 1 but for whole runs.
    """

    dataset: str
    key: LumisectionKey
    conditions: Conditions
    model_version: str
    parts: Mapping[str, SubsystemScores]
    first_seen_s: float
    origin: str = ""
    closed_s: float | None = None
    closed_because: str = ""
    revision: int = 0
    verdicts: Mapping[str, SubsystemVerdict] = field(default_factory=dict)
    leniency: float = 1.0

    def closed(
        self, parts: Mapping[str, SubsystemScores], verdicts: Mapping[str, SubsystemVerdict], now_s: float, because: str
    ) -> "LumisectionState":
        """This state with ``verdicts`` on its ``parts``, closed at ``now_s``; closing it again is a revision."""
        revision = self.revision + 1
        return replace(self, parts=parts, verdicts=verdicts, closed_s=now_s, closed_because=because, revision=revision)
