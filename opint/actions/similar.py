"""Past cases that look most alike, with what was done about them and how it ended.

Likeness is the cosine between rows of codes, of codes at sites and of classes of messages, the rarer ones with more
weight (inverse document frequency).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from opint.actions.action import DecidedCase, RecoveryAction, SimilarCase
from opint.actions.features import Column, FeatureSpace
from streams.arrays import Float64

KINDS = ("code", "cell", "message")
MAX_CASES = 5000
"""The newest cases that are compared with."""
SHOWN = 3
LEAST_SIMILARITY = 0.2


@dataclass(frozen=True)
class PastCases:
    """The compared columns (c), their weights (c,), normalised rows (m, c) of m cases, and what was decided."""

    space: FeatureSpace
    weights: Float64
    matrix: csr_matrix
    decided: Sequence[tuple[str, RecoveryAction, bool | None]]

    def most_alike(self, rows: Sequence[Mapping[Column, float]]) -> list[tuple[SimilarCase, ...]]:
        """The cases most alike to each row of features, the most alike first."""
        likeness = np.asarray((_normalised(self.space.matrix(rows), self.weights) @ self.matrix.T).todense())
        return [self._shown(row) for row in likeness]

    def _shown(self, likeness: Float64) -> tuple[SimilarCase, ...]:
        order = np.argsort(-likeness, kind="stable")[:SHOWN]
        near = [place for place in order if likeness[place] >= LEAST_SIMILARITY]
        return tuple(
            SimilarCase(task, min(1.0, float(likeness[place])), action, succeeded)
            for place in near
            for task, action, succeeded in [self.decided[place]]
        )


def past_cases(rows: Sequence[Mapping[Column, float]], cases: Sequence[DecidedCase]) -> PastCases:
    """The newest of the ``cases``, which are in order of time, with their ``rows`` of features."""
    space, recent = FeatureSpace.of(rows, KINDS), cases[-MAX_CASES:]
    newest = space.matrix(rows[-MAX_CASES:])
    occurrences = np.asarray((newest > 0).sum(axis=0)).ravel()
    weights = np.log((1.0 + newest.shape[0]) / (1.0 + occurrences)) + 1.0
    decided = [(case.failures.task, case.action, case.succeeded) for case in recent]
    return PastCases(space, weights, _normalised(newest, weights), decided)


def _normalised(features: csr_matrix, weights: Float64) -> csr_matrix:
    weighted = features.astype(np.float64)
    weighted.data = weighted.data * weights[weighted.indices]
    entries = np.diff(weighted.indptr)
    row = np.repeat(np.arange(len(entries)), entries)
    lengths = np.sqrt(np.bincount(row, weighted.data**2, len(entries)))
    weighted.data /= np.maximum(lengths, 1e-12)[row]
    return weighted
