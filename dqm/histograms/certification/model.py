"""The certification model of one subsystem: scaling, an ensemble of autoencoders, calibration of its score."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from dqm.core.calibration import Normaliser
from dqm.core.largest_errors import NUMBERS, Largest
from dqm.core.quality import Certified
from dqm.histograms.certification.scaling import FeatureScaling
from dqm.networks.prelu_autoencoder import PreluAutoencoder
from dqm.statistics.conformal import ConformalTable
from streams.arrays import Float32, Mask, NamedArrays

TOP = 100
"""Squared errors that the score is the mean of ..."""
TOP_SHARE = 0.02
"""... but no more than this share of the features ..."""
TOP_LEAST = NUMBERS
"""... and no fewer than one ME has."""

PER_PB = 1e6
"""Luminosity is calibrated in inverse microbarns: its logarithm is then that of a large number."""


def top(features: int) -> int:
    """How many of ``features`` squared errors make the score: 100 of 5,000 or more."""
    return min(TOP, max(TOP_LEAST, int(TOP_SHARE * features)))


@dataclass(frozen=True, slots=True, eq=False)
class Ensemble:
    """Networks of one subsystem and what they are shown.

    ``ordinary`` (members, f) is the mean squared error of each feature on good lumisections.
    """

    scaling: FeatureScaling
    members: tuple[PreluAutoencoder, ...]
    ordinary: Float32

    @property
    def largest_count(self) -> int:
        """How many squared errors make the score."""
        return top(self.ordinary.shape[1])

    def moved(self, shift: Float32) -> "Ensemble":
        """The same networks shown features about a centre that lies ``shift`` (2, n, 7) elsewhere."""
        return replace(self, scaling=self.scaling.moved(shift))

    def errors(self, features: Float32) -> Float32:
        """Squared errors (members, L, f) of scaled ``features`` (L, f), in units of the ordinary ones."""
        return squared_errors(self.members, features) / self.ordinary[:, None]

    def largest(self, summaries: Float32, totals: Float32, pileup: Float32, use: Mask) -> list[Largest]:
        """The largest errors of each of L lumisections: ``summaries`` (L, n, 7), ``totals`` (L, n), ``pileup`` (L,).

        MEs that ``use`` (L, n) leaves out count as typical and have no errors.
        """
        covered = use & np.isfinite(self.scaling.centre[:, 0])
        errors = self.errors(self.scaling.scaled(summaries, totals, pileup, covered))
        return [
            Largest.of(errors[:, at], np.repeat(covered[at], NUMBERS), self.largest_count)
            for at in range(len(summaries))
        ]


@dataclass(frozen=True, slots=True, eq=False)
class CertificationModel:
    """All that was learned; ``normaliser`` and ``table`` make a p-value of the logarithm of the score."""

    ensemble: Ensemble
    normaliser: Normaliser
    table: ConformalTable

    def certified(self, largest: Largest, pileup: float, recorded_lumi: float | None) -> Certified | None:
        """The judgement at standardised ``pileup`` and luminosity in 1/pb; None where nothing was inspected."""
        scores = largest.scores()
        score = float(scores.mean())
        if not (np.isfinite(score) and self.normaliser.judged[0]):
            return None
        normal = self.normaliser.normalised(
            np.full((1, 1, 1), score, dtype=np.float32),
            luminosity([recorded_lumi], float(np.exp(self.normaliser.centre[0]))),
            np.array([pileup], dtype=np.float32),
        )
        return Certified(score, float(scores.std(ddof=1)), float(self.table.p_values(normal)[0, 0, 0]))

    def moved(self, shift: Float32) -> "CertificationModel":
        """The same about a centre that lies ``shift`` (2, n, 7) elsewhere: :mod:`dqm.core.drift`."""
        return replace(self, ensemble=self.ensemble.moved(shift))

    def arrays(self) -> NamedArrays:
        """All numbers by name, to be saved."""
        arrays: NamedArrays = {
            "ordinary": self.ensemble.ordinary,
            "table": self.table.as_array(),
            **{f"normaliser/{entry.name}": getattr(self.normaliser, entry.name) for entry in fields(Normaliser)},
            **{f"scaling/{name}": array for name, array in self.ensemble.scaling.arrays().items()},
        }
        for place, member in enumerate(self.ensemble.members):
            arrays |= {f"member{place}/{name}": array for name, array in member.arrays().items()}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: NamedArrays) -> "CertificationModel":
        """Inverse of :meth:`arrays`."""
        members = [_below(arrays, f"member{place}/") for place in range(len(arrays["ordinary"]))]
        ensemble = Ensemble(
            FeatureScaling.from_arrays(_below(arrays, "scaling/")),
            tuple(PreluAutoencoder.from_arrays(member) for member in members),
            arrays["ordinary"],
        )
        return cls(ensemble, Normaliser(**_below(arrays, "normaliser/")), ConformalTable.from_array(arrays["table"]))


def squared_errors(members: tuple[PreluAutoencoder, ...], features: Float32) -> Float32:
    """Squared errors (members, L, f) of the reconstruction of ``features`` (L, f)."""
    return np.stack([np.square(features - member.reconstructed(features)) for member in members])


def luminosity(recorded: Sequence[float | None], median: float) -> Float32:
    """What stands for the number of counts, (L, 1): luminosity in 1/µb; ``median`` where it is not known."""
    per_ub = [median if lumi is None or lumi <= 0 else lumi * PER_PB for lumi in recorded]
    return np.array(per_ub, dtype=np.float32)[:, None]


def _below(arrays: NamedArrays, prefix: str) -> NamedArrays:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
