"""Occupancy of maps in consecutive lumisections, without labels: regions that lose or gain a part of their hits.

Autoencoders of one kind are trained on good maps as they are and on maps divided by the mean good one; their squared
errors are looked at in one lumisection, and multiplied over three. Beside them stand the scorers of the program, which
look at pulls. The score of a map is that of its worst cell.

Maps are emulated: 34 x 72 towers as in a calorimeter barrel. Hits follow a smooth profile, an efficiency for each
tower that scatters by 12 %, and two slow waves of 3 % and 2 % that drift; 40 to 160 hits a tower on average. A bad
stretch has one square region of 1 to 25 towers with 30 to 85 % of its hits left, or 1.25 to 2.5 times as many, in
three consecutive lumisections.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.dqm.over_seeds import mean_auc
from benchmarks.dqm.ranking import auc
from benchmarks.report import Progress, Result
from dqm.features import features
from dqm.models.occupancy_autoencoder import OccupancyAutoencoder, train
from dqm.occupancy.maps import corrected, neighbourhoods, persistent
from dqm.references import frozen
from dqm.scorers.base import LEAST_PRECISION, Lesson
from dqm.scorers.direct import ChiSquareScorer, PullScorer
from dqm.scorers.occupancy_map import OccupancyMapScorer
from dqm.simulate.shapes import channels, ripple
from streams.records import Axis

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]

AXES = (Axis(34, -17.0, 17.0, "ieta"), Axis(72, 1.0, 73.0, "iphi"))
SHAPE = (34, 72)
LUMISECTIONS = 400
"""Good lumisections of training."""
TESTED = 400
"""Stretches of three lumisections that are judged, every second one bad."""
STRETCH = 3


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """What good maps are drawn from: expected share of each tower, and two waves (2, towers)."""

    base: Float64
    waves: Float64

    @classmethod
    def of(cls, rng: np.random.Generator) -> "Surface":
        """A surface of its own efficiencies."""
        base = channels(AXES, rng)
        return cls(base.ravel(), np.stack([ripple(base, rng, 0.03).ravel(), ripple(base, rng, 0.02).ravel()]))

    def mean(self, at: Float64, rng: np.random.Generator) -> Float64:
        """Expected counts (n, towers) at times ``at`` (n,), in lumisections."""
        state = np.stack([np.sin(at / 190.0), np.sin(at / 61.0 + 1.0)], axis=1)
        hits = self.base.size * np.exp(rng.uniform(np.log(40.0), np.log(160.0), len(at)))
        mean: Float64 = np.maximum(self.base + state @ self.waves, 0.0) * hits[:, None]
        return mean


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """The scorers, autoencoders of maps as they are and of corrected ones, and the mean good map (towers,)."""

    reference: frozen.FrozenReference
    scorers: Mapping[str, PullScorer | ChiSquareScorer | OccupancyMapScorer]
    plain: OccupancyAutoencoder
    corrected: OccupancyAutoencoder
    good: Float32


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> dict[str, Result]:  # noqa: ARG001
    """All figures of the table; no files are needed."""
    share = 16 if quick else 1
    runs = [_run(seed, LUMISECTIONS // share, progress) for seed in seeds]
    tested = TESTED // share
    return {f"occupancy_map_auc_{name}": mean_auc(runs, name, tested, "emulated maps", peer="pull") for name in runs[0]}


def _run(seed: int, lumisections: int, progress: Progress) -> Mapping[str, float]:
    """AUC by method for one surface."""
    rng = np.random.default_rng(seed)
    surface = Surface.of(rng)
    taught = _taught(rng.poisson(surface.mean(np.arange(lumisections, dtype=float), rng)).astype(np.float32), seed)
    stretches = lumisections * TESTED // LUMISECTIONS
    bad = np.arange(stretches) % 2 == 1
    at = lumisections + STRETCH * np.arange(stretches)[:, None] + np.arange(STRETCH)
    mean = surface.mean(at.ravel().astype(float), rng).reshape(stretches, STRETCH, -1)
    sides = np.zeros(stretches, dtype=np.intp)
    for place in np.flatnonzero(bad):
        factor, sides[place] = _fault(rng)
        mean[place] *= factor
    scores = [_scores(taught, rng.poisson(one).astype(np.float32)) for one in mean]
    found = {name: auc(np.array([one[name] for one in scores]), bad) for name in scores[0]}
    for side, name in product(sorted(set(sides[bad].tolist())), taught.scorers):
        some = ~bad | (sides == side)
        by_side = np.array([one[name.replace("-", "_")] for one in scores])
        found[f"{name.replace('-', '_')}_side_{side}"] = auc(by_side[some], bad[some])
    progress(f"seed {seed}: " + ", ".join(f"{name} {value:.4f}" for name, value in found.items()))
    return found


def _fault(rng: np.random.Generator) -> tuple[Float64, int]:
    """Factors of all towers, and the side of the square region that loses or gains a part of its hits."""
    factor = np.ones(SHAPE)
    side = int(rng.integers(1, 6))
    row, column = (int(rng.integers(0, size - side + 1)) for size in SHAPE)
    amount = rng.uniform(0.3, 0.85) if rng.random() < 0.5 else rng.uniform(1.25, 2.5)
    factor[row : row + side, column : column + side] = amount
    return factor.ravel(), side


def _taught(counts: Float32, seed: int) -> Taught:
    """Fit everything on good maps (L, towers)."""
    maps, use = counts[:, None], np.ones((len(counts), 1), dtype=np.bool_)
    pileup = np.zeros(len(counts), dtype=np.float32)
    reference = frozen.fit(maps, pileup, use)
    lesson = Lesson(features(maps, pileup, reference), use, reference, seed, SHAPE)
    scorers = {kind.name: kind.fit(lesson) for kind in (PullScorer, ChiSquareScorer, OccupancyMapScorer)}
    shown = _normalised(counts)
    good = shown.mean(axis=0)
    plain, relative = (train(one.reshape(-1, *SHAPE), seed) for one in (shown, corrected(shown, good)))
    return Taught(reference, scorers, plain, relative, good)


def _normalised(counts: Float32) -> Float32:
    """Maps (n, towers) divided by their own mean, so that luminosity does not matter."""
    maps: Float32 = counts / np.maximum(counts.mean(axis=-1, keepdims=True), np.float32(1e-6))
    return maps


def _errors(network: OccupancyAutoencoder, maps: Float32) -> Float64:
    """Squared errors (n, towers) of reconstruction."""
    rest = maps - network.reconstructed(maps.reshape(-1, *SHAPE)).reshape(maps.shape)
    return (rest**2).astype(np.float64)


def _scores(taught: Taught, counts: Float32) -> Mapping[str, float]:
    """Scores of one stretch (3, towers): those of single maps are of its last."""
    maps = counts[:, None]
    block = features(maps, np.zeros(STRETCH, dtype=np.float32), taught.reference)
    found = {name: float(scorer.score(block)[-1, 0]) for name, scorer in taught.scorers.items()}
    shown = _normalised(counts)
    plain, relative = _errors(taught.plain, shown), _errors(taught.corrected, corrected(shown, taught.good))
    seen = (block.precision >= LEAST_PRECISION).astype(np.float32)[:, 0].reshape(STRETCH, *SHAPE)
    regions = neighbourhoods(block.pulls[:, 0].reshape(STRETCH, *SHAPE), seen).reshape(STRETCH, -1)
    return {
        "autoencoder": float(plain[-1].max()),
        "autoencoder_multiplied": float(persistent(plain).max()),
        "autoencoder_corrected": float(relative[-1].max()),
        "autoencoder_corrected_multiplied": float(persistent(relative).max()),
        **{name.replace("-", "_"): score for name, score in found.items()},
        "regions_without_network": float(np.abs(regions[-1]).max()),
        "pull_multiplied": float(np.abs(persistent(block.pulls[:, 0].astype(np.float64))).max()),
        "regions_multiplied": float(np.abs(persistent(regions.astype(np.float64))).max()),
    }
