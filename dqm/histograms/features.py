"""What scorers look at: the MEs of one group (one subsystem, one shape) in several lumisections."""

from dataclasses import dataclass

import numpy as np

from dqm.histograms.references.frozen import FrozenReference
from dqm.statistics.beta_binomial import fast_pulls
from dqm.statistics.robust_total import robust_totals
from streams.arrays import Float32

LARGEST = np.float32(1e12)
"""Counts per bin are cut here, so that no square overflows float32."""

OUT_OF_LINE = np.float32(5.0)
"""A pull beyond it makes one ask whether the bin has tilted the scale of all others."""

CHUNK_CELLS = 100_000
"""Cells worked on at a time: large enough to pay for each call, small enough for the caches of a core."""


@dataclass(frozen=True, slots=True, eq=False)
class FeatureBlock:
    """L lumisections of the n MEs of a group, in catalogue order; float32.

    ``counts``, ``pulls`` and ``precision`` are (L, n, bins), ``totals`` (L, n) and ``pileup`` (L,), which is
    standardised. ``pulls`` are free of the ordinary movements of the reference's modes, whose ``amplitudes`` are
    (L, n, k). Half of ``precision``, squared, is the expected count, less what the expectation's own uncertainty
    takes away: small where a bin says little. ``scales`` (L, n) are the counts that the expectation sums to: the
    totals, or where bins are out of line what the healthy ones call for (:mod:`dqm.statistics.robust_total`).
    """

    counts: Float32
    totals: Float32
    pileup: Float32
    pulls: Float32
    precision: Float32
    amplitudes: Float32
    scales: Float32


def features(counts: Float32, pileup: Float32, reference: FrozenReference) -> FeatureBlock:
    """Pulls of ``counts`` (L, n, bins), non-negative, finite float32, at standardised ``pileup`` (L,)."""
    counts = np.minimum(counts, LARGEST)
    totals = counts.sum(axis=-1)
    expected = reference.expected(totals, pileup)
    pulls = fast_pulls(counts, expected, reference.wander)
    amplitudes = reference.modes.amplitudes(pulls, totals)
    scales = totals
    tilted = np.nonzero((pulls.max(axis=-1) > OUT_OF_LINE) | (pulls.min(axis=-1) < -OUT_OF_LINE))
    if tilted[0].size:
        lumisections, elements = tilted
        shares = reference.share[elements] + reference.slope[elements] * pileup[lumisections, None]
        sums, in_line = robust_totals(counts[tilted], shares)
        scales = totals.copy()
        scales[tilted] = sums
        again = shares * scales[tilted][:, None]
        pulls[tilted] = fast_pulls(counts[tilted], again, reference.wander[elements])
        expected[tilted] = again
        # Bins out of line say nothing about how the others move together.
        amplitudes[tilted] = reference.modes.only(elements).amplitudes(pulls[tilted] * in_line, scales[tilted])
    reference.modes.remove(pulls, amplitudes)
    return FeatureBlock(counts, totals, pileup, pulls, expected, amplitudes, scales)
