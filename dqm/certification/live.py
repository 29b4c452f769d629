"""What certification sees of a batch while it is scored, before its lumisection is assembled."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dqm.certification.attribution import shares, worst_features
from dqm.certification.largest import Largest
from dqm.certification.model import CertificationModel
from dqm.certification.summaries import summaries
from dqm.combination import Opinion, named
from dqm.quality import WorstFeature
from streams.records import Catalogue, Conditions, Counts

Float32 = npt.NDArray[np.float32]
Rows = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """The largest errors of one batch, and its summaries beside the typical ones, (n, 7)."""

    largest: Largest
    summaries: Float32
    typical: Float32

    def features(self, row: int) -> tuple[WorstFeature, ...]:
        """The features of the ME ``row`` that speak against the lumisection, worst first."""
        return worst_features(self.largest, row, self.summaries[row], self.typical[row])


def look(
    model: CertificationModel, counts: Sequence[Sequence[Counts]], totals: Float32, pileup: Float32, use: Rows
) -> list[Sight]:
    """What ``model`` sees of L batches: the ``counts`` of each by group, ``totals`` (L, n) and what to ``use`` (L, n).

    ``pileup`` (L,) is standardised.
    """
    found = np.array([of_groups(one) for one in counts])
    largest = model.ensemble.largest(found, totals, pileup, use)
    typical = model.ensemble.scaling.typical(pileup)
    return [Sight(*one) for one in zip(largest, found, typical, strict=True)]


def of_groups(counts: Sequence[Counts]) -> Float32:
    """Summaries (n, 7) of the groups of one lumisection in catalogue order."""
    return np.concatenate([summaries(one.astype(np.float32, copy=False)) for one in counts])


def condemned(
    model: CertificationModel, sight: Sight, catalogue: Catalogue, conditions: Conditions, pileup: float, limit: float
) -> Rows:
    """The MEs (n,) named if what was seen is as unlikely as ``limit``: their evidence is worth keeping."""
    found = model.certified(sight.largest, pileup, conditions.recorded_lumi)
    if found is None or found.p_value > limit:
        return np.zeros(len(catalogue), dtype=np.bool_)
    return named(Opinion(found.p_value, shares(sight.largest, len(catalogue))), catalogue)
