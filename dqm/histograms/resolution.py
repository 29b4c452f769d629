"""How rare a histogram a model can tell, beside how rare the declared budget asks for.

A conformal p-value is at least 1 / (n + 1) for n calibration scores. What lies beyond is a fitted tail
(:mod:`dqm.statistics.conformal`), a model and no guarantee: where the budget asks for less, alarms rest on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from dqm.core.budget import Thresholds
from dqm.histograms.bundle import Bundle


@dataclass(frozen=True, slots=True)
class Resolution:
    """Of one subsystem: its calibration set, and the p-value at which a folder of MEs may alarm.

    ``elements`` were judged in ``lumisections`` (or whole runs) of ``runs`` runs; that made ``scores`` calibration
    scores. ``elements_without`` had too few of them to be judged at all.
    """

    subsystem: str
    runs: int
    lumisections: int
    elements: int
    elements_without: int
    scores: int
    needed_p: float

    @property
    def p_value(self) -> float:
        """The smallest p-value that calibration scores vouch for."""
        return 1.0 / (self.scores + 1.0)

    @property
    def suffices(self) -> bool:
        """Whether an alarm rests on scores that were seen, and on more than one run."""
        return self.p_value <= self.needed_p and self.runs > 1

    def sentence(self) -> str:
        """All of it, for a person, with what would help."""
        without = f" ({self.elements_without} more had too few entries to be learned)" if self.elements_without else ""
        extent = f"{_count(self.lumisections, 'lumisection')} of {_count(self.runs, 'run')}"
        seen = (
            f"{self.subsystem}: {_count(self.elements, 'element')}{without}, calibrated on {extent}: "
            f"can tell {_rare(self.p_value)}, the budget asks for {_rare(self.needed_p)}"
        )
        if self.suffices:
            return f"{seen}."
        if self.runs <= 1:
            return f"{seen}. How far runs differ from each other was not seen: train on several runs."
        return f"{seen}. What is rarer is extrapolated: train on more good lumisections, or declare a larger budget."


def resolutions(bundle: Bundle, thresholds: Thresholds) -> Sequence[Resolution]:
    """The resolution of each subsystem of a bundle, by name."""
    calibration = bundle.manifest["calibration"]
    return [
        Resolution(
            name,
            calibration["runs"],
            calibration["lumisections"],
            int(model.normaliser.judged.sum()),
            int((~model.normaliser.judged).sum()),
            model.combined.pool,
            thresholds.folder_p,
        )
        for name, model in sorted(bundle.subsystems.items())
    ]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _rare(p_value: float) -> str:
    return f"1 in {1.0 / p_value:,.0f}" if p_value > 0 else "less than any"
