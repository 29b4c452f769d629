"""Lumisections as certification sees them, for its tables: good ones, and the same with a fault.

Real templates of a muon system under the real conditions of one era. The histograms are simulated.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dqm.core.drift import Residuals, initial_centre, updated_centre
from dqm.core.largest_errors import NUMBERS
from dqm.core.pileup import PileupScale
from dqm.histograms.certification.attribution import features_of_groups
from dqm.histograms.certification.scaling import FeatureScaling
from dqm.histograms.certification.train import Good
from dqm.simulate.detector import Detector, generator
from dqm.simulate.faults import Fault, FaultKind
from streams.records import Catalogue, Conditions, LumisectionKey

Lumisections = Sequence[tuple[LumisectionKey, Conditions]]
Float64 = npt.NDArray[np.float64]

SUBSYSTEM = "Muon"
EARLIER_SHARE, TRAINED_SHARE = 0.6, 2 / 3
STRETCH = 32
LEAST_ENTRIES = 50.0
KINDS = (FaultKind.DEAD, FaultKind.HOT, FaultKind.NOISY, FaultKind.SHIFT, FaultKind.GAIN, FaultKind.SWAP)
SEVERITIES = (0.02, 0.3)
MOST_ELEMENTS = 8


@dataclass(frozen=True, slots=True)
class Plan:
    """Good lumisections to train and calibrate on, those to judge, and of how many templates."""

    earlier: int
    judged: int
    elements: int


def stretches(period: Lumisections, expected: int) -> Lumisections:
    """So many lumisections, in stretches that lie evenly over the ``period``."""
    starts = np.linspace(0, len(period) - STRETCH, expected // STRETCH).astype(int)
    return [item for start in starts for item in period[start : start + STRETCH]]


def fault(rng: np.random.Generator, catalogue: Catalogue, key: LumisectionKey) -> Fault:
    """One fault of one lumisection."""
    kind = KINDS[int(rng.integers(len(KINDS)))]
    severity = float(np.exp(rng.uniform(*np.log(SEVERITIES))))
    hit = rng.choice(len(catalogue), int(rng.integers(1, MOST_ELEMENTS + 1)), replace=False)
    names = tuple(catalogue.names[row] for row in sorted(hit))
    return Fault(kind, SUBSYSTEM, severity, key, key, elements=names, seed=int(rng.integers(2**31)))


def features_of(
    detector: Detector,
    period: Lumisections,
    scale: PileupScale,
    seed: int,
    faults: Callable[[LumisectionKey], Sequence[Fault]],
) -> Good:
    """What certification sees of simulated lumisections."""
    numbers, totals = [], []
    for key, conditions in period:
        (batch,) = detector.lumisection(key, conditions, generator(seed, key), faults(key))
        numbers.append(features_of_groups(batch.counts))
        totals.append(np.concatenate([count.sum(axis=1) for count in batch.counts]))
    counts = np.array(totals, dtype=np.float32)
    blocks = detector.catalogues[SUBSYSTEM].blocks
    return Good(
        np.array(numbers),
        counts,
        np.array([scale.standardised(item) for _, item in period], dtype=np.float32),
        counts >= LEAST_ENTRIES,
        np.concatenate([np.full(block.stop - block.start, block.bins) for block in blocks]),
        np.array([key.run for key, _ in period], dtype=np.int64),
        [item for _, item in period],
    )


def joined(good: Good, other: Good) -> Good:
    """Both, one after the other, of the same MEs."""
    pairs = {
        name: np.concatenate([getattr(good, name), getattr(other, name)])
        for name in ("summaries", "totals", "pileup", "use", "runs")
    }
    return replace(good, **pairs, conditions=[*good.conditions, *other.conditions])


def shifts(scaled: FeatureScaling, judged: Good) -> npt.NDArray[np.float32]:
    """By how much (L, n, 7) the centre of each lumisection has followed the good ones of the runs before."""
    result = np.empty_like(judged.summaries)
    shift = initial_centre(len(judged.bins), NUMBERS)
    typical = scaled.typical(judged.pileup)
    trusted = np.where(judged.use, np.float32(1.0), np.float32(np.nan))
    for run in np.unique(judged.runs):
        residuals = Residuals.nothing(len(judged.bins), NUMBERS)
        for at in np.flatnonzero(judged.runs == run):
            result[at] = shift[0] + shift[1] * judged.pileup[at]
            residuals += Residuals.of(judged.summaries[at], typical[at], float(judged.pileup[at]), trusted[at])
        shift = updated_centre(shift, residuals)
    return result


def size(good: Good) -> Float64:
    """Logarithm (L,) of the recorded luminosity, which is that of the statistics but for a constant."""
    return np.log([condition.recorded_lumi or 1e-6 for condition in good.conditions])
