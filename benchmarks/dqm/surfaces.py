"""Occupancy of maps in consecutive lumisections, without labels: regions that lose or gain a part of their hits.

Autoencoders of one kind are trained on good maps as they are and on maps divided by the mean good one; their squared
errors are looked at in one lumisection, and multiplied over three. Beside them stand the scorers of the program, which
look at pulls. The score of a map is that of its worst cell.

Maps are emulated: 34 x 72 towers as in a calorimeter barrel. Hits follow a smooth profile and an efficiency for each
tower that scatters by 12 %; 40 to 160 hits a tower on average. Good maps move in three ways: on the *steady* surface
two slow waves of 3 % and 2 % drift, on the *moving* one twelve waves of 3 % are drawn anew in each lumisection, on the
*restless* one these have 8 %. A reference takes out three movements at most. A bad stretch has one square region of 1
to 25 towers with 30 to 85 % of its hits left, or 1.25 to 2.5 times as many, in three consecutive lumisections.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.dqm.over_seeds import mean_auc
from benchmarks.report import Progress, Result
from dqm.histograms.features import FeatureBlock, features
from dqm.histograms.occupancy.shapes import corrected, neighbourhoods, persistent
from dqm.histograms.references import frozen
from dqm.histograms.scorers.base import LEAST_PRECISION, TrainingData
from dqm.histograms.scorers.direct import ChiSquareScorer, PullScorer
from dqm.histograms.scorers.occupancy_map import INPUT_REACH, OccupancyMapScorer
from dqm.networks.map_autoencoder import MapAutoencoder
from dqm.networks.training.map_autoencoder import train
from dqm.simulate.built_in import channels, ripple
from dqm.statistics.classification import auc
from streams.records import Axis

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

AXES = (Axis(34, -17.0, 17.0, "ieta"), Axis(72, 1.0, 73.0, "iphi"))
SHAPE = (34, 72)
LUMISECTIONS = 400
"""Good lumisections of training."""
TESTED = 400
"""Stretches of three lumisections that are judged, every second one bad."""
STRETCH = 3


WAVES = 12
AMPLITUDES: Mapping[str, float] = {"steady": 0.0, "moving": 0.03, "restless": 0.08}
"""Size of the waves that are drawn anew, by surface."""


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """What good maps are drawn from: expected share of each tower, and waves (k, towers).

    The waves are ``drawn`` anew in each lumisection, or there are two that drift slowly.
    """

    base: Float64
    waves: Float64
    drawn: bool

    @classmethod
    def of(cls, rng: np.random.Generator, amplitude: float) -> "Surface":
        """A surface of its own efficiencies; an ``amplitude`` of 0 stands for slow waves."""
        base = channels(AXES, rng)
        sizes = (amplitude,) * WAVES if amplitude else (0.03, 0.02)
        return cls(base.ravel(), np.stack([ripple(base, rng, size).ravel() for size in sizes]), amplitude > 0)

    def mean(self, at: Float64, rng: np.random.Generator) -> Float64:
        """Expected counts (n, towers) at times ``at`` (n,), in lumisections."""
        slow = np.stack([np.sin(at / 190.0), np.sin(at / 61.0 + 1.0)], axis=1)
        state = rng.standard_normal((len(at), len(self.waves))) if self.drawn else slow
        hits = self.base.size * np.exp(rng.uniform(np.log(40.0), np.log(160.0), len(at)))
        mean: Float64 = np.maximum(self.base + state @ self.waves, 0.0) * hits[:, None]
        return mean


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """The scorers, autoencoders of maps as they are and of corrected ones, and the mean good map (towers,)."""

    reference: frozen.FrozenReference
    scorers: Mapping[str, PullScorer | ChiSquareScorer | OccupancyMapScorer]
    chosen: OccupancyMapScorer
    plain: MapAutoencoder
    corrected: MapAutoencoder
    good: Float32


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> dict[str, Result]:  # noqa: ARG001
    """All figures of the table; no files are needed. Those of the steady surface have no prefix."""
    share = 16 if quick else 1
    tested = TESTED // share
    results: dict[str, Result] = {}
    for surface, amplitude in AMPLITUDES.items():
        runs = [_run(seed, amplitude, LUMISECTIONS // share, progress) for seed in seeds]
        prefix = "occupancy_map_" if surface == "steady" else f"occupancy_map_{surface}_"
        has_network = [run.pop("network") for run in runs]
        results[f"{prefix}networks_kept"] = Result(sum(has_network), "networks", n=len(has_network))
        results |= {
            f"{prefix}auc_{name}": mean_auc(runs, name, tested, f"emulated maps, {surface}", _peer(name))
            for name in runs[0]
        }
    return results


def _peer(name: str) -> str:
    """The pull of the worst cell on the same maps: of regions of one size, or multiplied over time."""
    _, side, size = name.partition("_side_")
    return "pull" + side + size + ("_multiplied" if name.endswith("_multiplied") else "")


def _run(seed: int, amplitude: float, lumisections: int, progress: Progress) -> dict[str, float]:
    """AUC by method for one surface, and whether the scorer has kept a ``network``."""
    rng = np.random.default_rng(seed)
    surface = Surface.of(rng, amplitude)
    taught = _taught(rng.poisson(surface.mean(np.arange(lumisections, dtype=float), rng)).astype(np.float32), seed)
    stretches = lumisections * TESTED // LUMISECTIONS
    bad = np.arange(stretches) % 2 == 1
    at = lumisections + STRETCH * np.arange(stretches)[:, None] + np.arange(STRETCH)
    mean = surface.mean(at.ravel().astype(float), rng).reshape(stretches, STRETCH, -1)
    sides = np.zeros(stretches, dtype=np.intp)
    for place in np.flatnonzero(bad):
        factor, sides[place] = _fault(rng)
        mean[place] *= factor
    scores = [_scores(taught, rng.poisson(item).astype(np.float32)) for item in mean]
    results = {name: auc(np.array([score[name] for score in scores]), bad) for name in scores[0]}
    for side, name in product(sorted(set(sides[bad].tolist())), ("pull", "occupancy_map")):
        sample = ~bad | (sides == side)
        by_side = np.array([score[name] for score in scores])
        results[f"{name}_side_{side}"] = auc(by_side[sample], bad[sample])
    progress(
        f"seed {seed}, waves of {amplitude}: " + ", ".join(f"{name} {value:.4f}" for name, value in results.items())
    )
    return {**results, "network": float(taught.chosen.model is not None)}


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
    reference = frozen.fit(maps, pileup, use, np.arange(len(maps)))
    training_data = TrainingData(features(maps, pileup, reference), use, reference, seed, SHAPE)
    chosen = OccupancyMapScorer.fit(training_data)
    scorers: dict[str, PullScorer | ChiSquareScorer | OccupancyMapScorer] = {
        "pull": PullScorer.fit(training_data),
        "chi2": ChiSquareScorer.fit(training_data),
        "occupancy_map": chosen,
        "occupancy_map_without_network": replace(chosen, model=None).scaled(training_data.block, use),
        "occupancy_map_with_network": replace(chosen, model=_network(training_data)).scaled(training_data.block, use),
    }
    shown = _normalised(counts)
    good = shown.mean(axis=0)
    plain, relative = (train(item.reshape(-1, *SHAPE), seed) for item in (shown, corrected(shown, good)))
    return Taught(reference, scorers, chosen, plain, relative, good)


def _network(training_data: TrainingData) -> MapAutoencoder:
    """The scorer's network, whether it helps or not."""
    pulls, filled = training_data.block.pulls, training_data.block.precision >= LEAST_PRECISION
    return train((np.clip(pulls, -INPUT_REACH, INPUT_REACH) * filled).reshape(-1, *SHAPE), training_data.seed)


def _normalised(counts: Float32) -> Float32:
    """Maps (n, towers) divided by their own mean, so that luminosity does not matter."""
    maps: Float32 = counts / np.maximum(counts.mean(axis=-1, keepdims=True), np.float32(1e-6))
    return maps


def _errors(network: MapAutoencoder, maps: Float32) -> Float64:
    """Squared errors (n, towers) of reconstruction."""
    residuals = maps - network.reconstructed(maps.reshape(-1, *SHAPE)).reshape(maps.shape)
    return (residuals**2).astype(np.float64)


def _scores(taught: Taught, counts: Float32) -> Mapping[str, float]:
    """Scores of one stretch (3, towers): those of single maps are of its last."""
    maps = counts[:, None]
    block = features(maps, np.zeros(STRETCH, dtype=np.float32), taught.reference)
    results = {name: float(scorer.score(block)[-1, 0]) for name, scorer in taught.scorers.items()}
    shown = _normalised(counts)
    plain, relative = _errors(taught.plain, shown), _errors(taught.corrected, corrected(shown, taught.good))
    cells, regions = _deviations(taught.chosen, block)
    return {
        "autoencoder": float(plain[-1].max()),
        "autoencoder_multiplied": float(persistent(plain).max()),
        "autoencoder_corrected": float(relative[-1].max()),
        "autoencoder_corrected_multiplied": float(persistent(relative).max()),
        **results,
        "pull_multiplied": float(np.abs(persistent(block.pulls[:, 0].astype(np.float64))).max()),
        "cells_multiplied": float(np.abs(persistent(cells)).max()),
        "regions_multiplied": float(np.abs(persistent(regions)).max()),
    }


def _deviations(scorer: OccupancyMapScorer, block: FeatureBlock) -> tuple[Float64, Float64]:
    """What the scorer looks at in each of a few maps: deviations (L, towers) of cells and of 3 x 3 cells."""
    cells, filled = scorer.deviations(block)
    regions = neighbourhoods(cells, filled)
    flat = (len(cells), -1)
    return (cells * filled).reshape(flat).astype(np.float64), regions.reshape(flat).astype(np.float64)
