"""The published comparison of networks on trigger rates (arXiv:2010.05531), on emulated rates.

24 paths behind 4 seeds under the real conditions of an era. Fills are either learned from or tested on. Each rate is
compared with a curve fitted to fills that are learned from; the drift since is carried from earlier runs. Nothing of a
lumisection that is judged goes into what it is compared with; in the publication it did.

Type A: one random path is moved to 5 standard deviations. Type B: the 6 paths of a random seed are moved to 3, against
6 random paths moved to 3. Values are constant, as published, or scatter about that by 1 with a random sign. Scores: the
publication's (largest squared error in units of the decoder's variance; mean divergence of the code) of its conditional
and its plain autoencoder, the largest residual about the curves, and those that verdicts use.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.checkpoint import checkpointed
from benchmarks.detection import EARLIER_SHARE, Lumisections
from benchmarks.dqm.over_seeds import mean_auc
from benchmarks.dqm.table import files
from benchmarks.report import Progress, Result
from dqm.networks.conditional_vae import ConditionalVae
from dqm.networks.training.conditional_vae import PUBLISHED, Size, train
from dqm.networks.training.descent import Schedule
from dqm.rates.model import RateModel
from dqm.rates.observed import Observed, carried, is_usable, observed
from dqm.rates.residuals import rate_residuals, relative_to
from dqm.rates.train import HELD_SHARE, TRAINING_SHARE, learn
from dqm.simulate.conditions import from_oms
from dqm.simulate.rates import Trigger, stream
from dqm.statistics.classification import auc

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

ERA = "Run2024E-v1"
TESTED = 2800
"""Lumisections of the test, as many as in the publication."""
A_SIGMA, B_SIGMA = 5.0, 3.0
QUICK_TRAIN, QUICK_TESTED = 1200, 300


@dataclass(frozen=True, slots=True, eq=False)
class Tested:
    """Lumisections to put faults into: ``seen``, with ``drift`` in its exposure, and ``units`` (L, n) of residuals."""

    model: RateModel
    observations: Observed
    expected: Float64
    units: Float32

    def moved(self, units: Float32) -> Observed:
        """The same with the paths' residuals at ``units`` (L, p)."""
        seeds = len(self.model.menu.l1)
        counts = self.observations.counts.copy()
        unit = self.model.expectation.unit[seeds:]
        counts[:, seeds:] = np.maximum(self.expected[:, seeds:] * (1 + unit * units), 0.0)
        return replace(self.observations, counts=counts)


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """AUC of both types, of one trigger and training for each seed."""
    (path,) = files(data, f"oms/{ERA}.parquet")
    result = []
    for seed in seeds:
        name = "rates-published-quick" if quick else "rates-published"
        result.append(checkpointed(name, seed, lambda seed=seed: figures(seed, path, quick)))  # type: ignore[misc]
        progress(f"seed {seed}: " + ", ".join(f"{name} {value:.4f}" for name, value in result[-1].items()))
    tested = QUICK_TESTED if quick else TESTED

    def row(name: str, note: str, peer: str = "") -> Result:
        return mean_auc(result, name, tested, note, peer)

    results: dict[str, Result] = {}
    for suffix, values in (("", "constant values"), ("_random", "random values")):
        a, b = f"type A, {values}", f"type B, {values}"
        results |= {
            f"type_a_auc{suffix}": row(f"ours a{suffix}", f"{a}; score of the verdicts", f"cvae a{suffix}"),
            f"cvae_type_a_auc{suffix}": row(f"cvae a{suffix}", f"{a}; published network and score"),
            f"vae_type_a_auc{suffix}": row(f"vae a{suffix}", f"{a}; without condition"),
            f"fit_type_a_auc{suffix}": row(f"fit a{suffix}", f"{a}; fitted curves"),
            f"type_b_auc{suffix}": row(f"ours b{suffix}", f"{b}; score of the verdicts", f"cvae b{suffix}"),
            f"cvae_type_b_auc{suffix}": row(f"cvae b{suffix}", f"{b}; published network and score"),
            f"vae_type_b_auc{suffix}": row(f"vae b{suffix}", f"{b}; without condition"),
        }
    return results


def figures(seed: int, path: Path, quick: bool) -> dict[str, float]:
    """AUC by score and type, of one trigger and one training of each network."""
    trigger = Trigger.published(seed)
    usable = [
        item for item in from_oms(path, good_only=True) if is_usable(item[1]) and item[1].prescale_index is not None
    ]
    cut = _fill_cut(usable)
    learned = usable[max(0, cut - QUICK_TRAIN) : cut] if quick else usable[:cut]
    tested = usable[cut:]
    rng = np.random.default_rng(seed)
    keys = [key for key, _ in [*learned, *tested]]
    rates = [item.rates for item in stream(trigger, [*learned, *tested], (), seed)]
    observations = observed(rates, trigger.menu)
    count = len(learned)
    model = learn(trigger.menu, keys[:count], observations.only(np.arange(count)), round(TRAINING_SHARE * count), rng)
    curves = model.expectation.curves
    drift = np.concatenate(
        [moved.drift(observations.pileup[rows]) for rows, moved in carried(curves, observations, keys)]
    )
    observations = replace(observations, exposure=observations.exposure * drift)
    expected = np.maximum(curves.expected(observations.exposure, observations.pileup), 1e-9)
    units = (relative_to(observations.counts, expected, observations.judged) / model.expectation.unit).astype(
        np.float32
    )
    networks = _networks(units[:count], len(trigger.menu.l1), rng, quick)
    covered = count + np.flatnonzero(curves.covers(observations.pileup[count:]).all(axis=1))
    rows = np.sort(rng.choice(covered, min(QUICK_TESTED if quick else TESTED, len(covered)), replace=False))
    sample = Tested(model, observations.only(rows), expected[rows], units[rows])
    results = {}
    for suffix, random in (("", False), ("_random", True)):
        for name, value in _aucs(sample, networks, rng, random).items():
            results[name + suffix] = value
    return results


def _networks(units: Float32, seeds: int, rng: np.random.Generator, quick: bool) -> dict[str, ConditionalVae]:
    """The published networks: with the seeds as condition, and without one."""
    cut = round((1 - HELD_SHARE) * len(units))
    schedule: Schedule = replace(PUBLISHED, epochs=10) if quick else PUBLISHED
    paths, condition, none = units[:, seeds:], units[:, :seeds], units[:, :0]
    return {
        name: train((paths[:cut], given_condition[:cut]), (paths[cut:], given_condition[cut:]), rng, Size(), schedule)
        for name, given_condition in (("cvae", condition), ("vae", none))
    }


def _aucs(
    tested: Tested, networks: Mapping[str, ConditionalVae], rng: np.random.Generator, random: bool
) -> dict[str, float]:
    seeds = len(tested.model.menu.l1)
    good, condition = tested.units[:, seeds:], tested.units[:, :seeds]
    seed_of = np.array(tested.model.menu.seed_of)
    item, six, group = (np.zeros(good.shape, dtype=np.bool_) for _ in range(3))
    for at in range(len(good)):
        item[at, rng.integers(good.shape[1])] = True
        group[at, seed_of == rng.integers(seeds)] = True
        six[at, rng.choice(good.shape[1], int(group[at].sum()), replace=False)] = True
    a = _injected(good, item, A_SIGMA, rng, random)
    b, b_random = (_injected(good, hit, B_SIGMA, rng, random) for hit in (group, six))
    results = {}
    for name, network in networks.items():
        given_condition = condition[:, : network.direct.shape[0]]
        results[f"{name} a"] = above(network.largest(a, given_condition), network.largest(good, given_condition))
        results[f"{name} b"] = above(
            network.divergence(b, given_condition), network.divergence(b_random, given_condition)
        )
    results["fit a"] = above(np.abs(a).max(axis=1), np.abs(good).max(axis=1))
    wide = tested.model.calibration.wide
    sights = [rate_residuals(tested.model.expectation, tested.moved(units)) for units in (a, good, b, b_random)]
    worst = [np.nanmax(np.abs(item.away[:, seeds:]), axis=1) for item in sights[:2]]
    results["ours a"] = above(*worst)
    together = [np.nanmax(np.abs(item.together) / wide, axis=1) for item in sights[2:]]
    results["ours b"] = above(*together)
    return results


def above(bad: npt.NDArray[np.floating], good: npt.NDArray[np.floating]) -> float:
    """The chance that a bad one scores above a good one."""
    return auc(np.concatenate([bad, good]), np.arange(len(bad) + len(good)) < len(bad))


def _injected(
    good: Float32, hit: npt.NDArray[np.bool_], sigma: float, rng: np.random.Generator, random: bool
) -> Float32:
    """Residuals with those that are ``hit`` at ``sigma``, or scattered about it with one random sign a lumisection."""
    values: Float64 = np.full(good.shape, sigma)
    if random:
        values = (values + rng.standard_normal(good.shape)) * rng.choice([-1.0, 1.0], (len(good), 1))
    injected: Float32 = np.where(hit, values, good).astype(np.float32)
    return injected


def _fill_cut(usable: Lumisections) -> int:
    """Where testing begins: with a fill, after about 60 %."""
    at = round(EARLIER_SHARE * len(usable))
    return next(place for place in range(at, len(usable)) if usable[place][1].fill != usable[place - 1][1].fill)
