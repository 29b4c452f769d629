"""Certification of one batch: its errors while it is scored, and which monitoring elements speak against it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dqm.core.combination import SubsystemOpinion, condemned_elements
from dqm.core.largest_errors import NAMES, NUMBERS, Largest, summaries
from dqm.core.pileup import PileupScale
from dqm.core.quality import WorstFeature
from dqm.core.state import SubsystemScores
from dqm.histograms.certification.model import CertificationModel
from streams.arrays import Float32, Float64, Mask
from streams.records import Catalogue, Conditions, Counts

MOST_FEATURES = 3
"""Features that are named of one ME."""


def shares(largest: Largest, elements: int) -> Float64:
    """The part (n,) that each ME has in the score of a lumisection, mean over the ensemble; the sum is 1, or 0."""
    element_shares: Float64 = _feature_shares(largest, elements).reshape(elements, NUMBERS).sum(axis=1)
    return element_shares


def worst_features(largest: Largest, row: int, observed: Float32, expected: Float32) -> tuple[WorstFeature, ...]:
    """The features of the ME ``row`` that are among the largest, worst first.

    ``observed`` and ``expected`` (7,) are its summaries and what good lumisections have under the same conditions.
    """
    own = _feature_shares(largest, row + 1)[row * NUMBERS :]
    errors = _mean_errors(largest, row)
    order = [int(feature) for feature in np.argsort(-own, kind="stable") if own[feature] > 0][:MOST_FEATURES]
    return tuple(
        WorstFeature(
            NAMES[feature],
            float(observed[feature]),
            float(expected[feature]),
            float(errors[feature]),
            float(own[feature]),
        )
        for feature in order
    )


def _feature_shares(largest: Largest, elements: int) -> Float64:
    total = largest.errors.sum(axis=1, dtype=np.float64)[:, None]
    part = largest.errors / np.where(total > 0, total, 1.0) / len(largest.errors)
    of_elements = (largest.features >= 0) & (largest.features < elements * NUMBERS)
    weights = part[of_elements].astype(np.float64)
    return np.bincount(largest.features[of_elements], weights=weights, minlength=elements * NUMBERS).astype(np.float64)


def _mean_errors(largest: Largest, row: int) -> Float64:
    """Squared errors (7,) of the ME ``row``, mean over the members that hold it."""
    own = (largest.features >= 0) & (largest.features // NUMBERS == row)
    at = largest.features[own] % NUMBERS
    sums = np.bincount(at, weights=largest.errors[own], minlength=NUMBERS)
    return np.asarray(sums / np.maximum(np.bincount(at, minlength=NUMBERS), 1))


@dataclass(frozen=True, slots=True, eq=False)
class CertificationErrors:
    """The largest errors of one batch, and its summaries beside the typical ones, (n, 7)."""

    largest: Largest
    summaries: Float32
    typical: Float32

    def features(self, row: int) -> tuple[WorstFeature, ...]:
        """The features of the ME ``row`` that speak against the lumisection, worst first."""
        return worst_features(self.largest, row, self.summaries[row], self.typical[row])


def certification_errors(
    model: CertificationModel, counts: Sequence[Sequence[Counts]], totals: Float32, pileup: Float32, use: Mask
) -> list[CertificationErrors]:
    """What ``model`` sees of L batches: the ``counts`` of each by group, ``totals`` (L, n) and what to ``use`` (L, n).

    ``pileup`` (L,) is standardised.
    """
    features = np.array([features_of_groups(groups) for groups in counts])
    largest = model.ensemble.largest(features, totals, pileup, use)
    typical = model.ensemble.scaling.typical(pileup)
    return [CertificationErrors(*columns) for columns in zip(largest, features, typical, strict=True)]


def features_of_groups(counts: Sequence[Counts]) -> Float32:
    """Summaries (n, 7) of the groups of one lumisection in catalogue order."""
    return np.concatenate([summaries(block.astype(np.float32, copy=False)) for block in counts])


def condemned(
    model: CertificationModel,
    errors: CertificationErrors,
    catalogue: Catalogue,
    conditions: Conditions,
    pileup: float,
    limit: float,
) -> Mask:
    """The MEs (n,) named if what was seen is as unlikely as ``limit``: their evidence is worth keeping."""
    certified = model.certified(errors.largest, pileup, conditions.recorded_lumi)
    if certified is None or certified.p_value > limit:
        return np.zeros(len(catalogue), dtype=np.bool_)
    return condemned_elements(SubsystemOpinion(certified.p_value, shares(errors.largest, len(catalogue))), catalogue)


@dataclass(frozen=True, slots=True, eq=False)
class ModelCertifier:
    """Gives the opinion of ``model`` on the largest errors that scoring kept."""

    model: CertificationModel
    pileup: PileupScale

    def opinion(self, part: SubsystemScores, conditions: Conditions) -> SubsystemOpinion | None:
        """How unlikely the part is among good lumisections, and which MEs (in its catalogue) speak against it."""
        expected_shape = (len(self.model.ensemble.members), self.model.ensemble.largest_count)
        # What another model kept of a lumisection says nothing to this one.
        if part.largest is None or part.largest.errors.shape != expected_shape:
            return None
        certified = self.model.certified(part.largest, self.pileup.standardised(conditions), conditions.recorded_lumi)
        return (
            None
            if certified is None
            else SubsystemOpinion(certified.p_value, shares(part.largest, len(part.catalogue)), certified)
        )
