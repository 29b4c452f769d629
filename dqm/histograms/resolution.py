"""How rare a histogram a model can tell, beside how rare the declared budget asks for.

What is to be judged belongs to another run, and what is known of how runs differ rests on few of them. Student's
distribution (:class:`dqm.statistics.conformal.Blocks`) asks a histogram to lie farther out than with unlimited runs. Up
to :data:`FARTHER` times as far is borne; where the budget asks for more, content gets no verdict: neither GOOD nor BAD.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dqm.core.budget import LEAST_P, Thresholds
from dqm.histograms.bundle import Bundle
from dqm.statistics.conformal import Blocks

FARTHER = 1.7
FEW_DEGREES = 18
"""Below it the rarest of the runs is more frequent than the discoveries of a lumisection may be wrong (1 in 20)."""
_MOST_P = 0.4
_LOG_PRECISION = 1e-9


@dataclass(frozen=True, slots=True)
class Resolution:
    """Of one subsystem: its calibration set, and the p-value at which a folder of MEs may alarm.

    ``elements`` were judged in ``lumisections`` (or whole runs) of ``runs`` runs; that made ``scores`` calibration
    scores. ``elements_without`` had too few of them to be judged at all. ``whole_runs`` that come are learned from too.
    """

    subsystem: str
    runs: int
    lumisections: int
    elements: int
    elements_without: int
    scores: int
    needed_p: float
    blocks: Blocks
    whole_runs: bool

    @property
    def p_value(self) -> float:
        """The smallest p-value that the runs vouch for."""
        return finest_p(self.blocks)

    @property
    def suffices(self) -> bool:
        """Whether content is judged at the declared risk."""
        return can_tell(self.blocks, self.needed_p)

    def sentence(self) -> str:
        """All of it, for a person, with what would help."""
        without = f" ({self.elements_without} more had too few entries to be learned)" if self.elements_without else ""
        extent = f"{_count(self.lumisections, 'lumisection')} of {_count(self.runs, 'run')}"
        if self.runs <= 1:
            return (
                f"{self.subsystem}: {_count(self.elements + self.elements_without, 'element')}, learned from {extent}: "
                "how far runs differ from each other was not seen, so content is not judged; "
                f"empty, frozen and misshapen histograms are. {self._remedy('Train on several runs')}."
            )
        learned = f"{self.subsystem}: {_count(self.elements, 'element')}{without}, calibrated on {extent}"
        if self.suffices:
            return f"{learned}: can tell {_rare(self.needed_p)}, as the budget asks."
        remedy = self._remedy("train on more good runs, or declare a larger budget")
        return (
            f"{learned}: can tell {_rare(self.p_value)}, the budget asks for {_rare(self.needed_p)}. "
            f"Content is not judged: {remedy}."
        )

    def _remedy(self, what: str) -> str:
        return f"{what}, or wait until enough have come" if self.whole_runs else what


def can_tell(blocks: Blocks, p_value: float) -> bool:
    """Whether a threshold at ``p_value`` is borne out by so many runs."""
    return blocks.count > 1 and blocks.reach(p_value) <= FARTHER


def finest_p(blocks: Blocks) -> float:
    """The smallest p-value that :func:`can_tell`, 1 if there is none."""
    if not can_tell(blocks, _MOST_P):
        return 1.0
    if can_tell(blocks, LEAST_P):
        return LEAST_P
    low, high = np.log([LEAST_P, _MOST_P])
    while high - low > _LOG_PRECISION:
        middle = (low + high) / 2
        low, high = (low, middle) if can_tell(blocks, np.exp(middle)) else (middle, high)
    return float(np.exp(high))


def doubtful_p(blocks: Blocks) -> float:
    """The p-value up to which so few runs cannot vouch for a histogram: that of the rarest of them. 0 if they are many.

    What lies beyond it, and does not alarm, cannot be told.
    """
    if not 0 < blocks.degrees < FEW_DEGREES:
        return 0.0
    return float(blocks.widened(np.array([1.0 / (blocks.degrees + 2.0)]))[0])


def resolutions(bundle: Bundle, thresholds: Thresholds) -> Sequence[Resolution]:
    """The resolution of each subsystem of a bundle, by name."""
    calibration = bundle.manifest["calibration"]
    learned = calibration if calibration["runs"] else bundle.manifest["training"]
    return [
        Resolution(
            name,
            learned["runs"],
            learned["lumisections"],
            int(model.normaliser.judged.sum()),
            int((~model.normaliser.judged).sum()),
            model.combined.pool,
            thresholds.folder_p,
            model.combined.blocks,
            bundle.whole_runs,
        )
        for name, model in sorted(bundle.subsystems.items())
    ]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _rare(p_value: float) -> str:
    return f"1 in {1.0 / p_value:,.0f}"
