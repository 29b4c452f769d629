"""What a simulated trigger is made of: seeds and paths, their rates, how these move, and prescale columns.

Rates are drawn, not measured: totals and spread are those of a general-purpose LHC experiment (about 100 kHz of level 1
and a few kHz of high-level trigger), and what rates do together follows what was seen in real ones (arXiv:2010.05531):
paths behind one seed move nearly as one, except behind a seed whose paths hardly know of each other.
"""

from dataclasses import dataclass

import numpy as np

from streams.arrays import Float64, Indices, Mask
from streams.records import TriggerMenu

COLUMNS = 32
"""Prescale columns, by prescale index."""
NOMINAL_COLUMN = 9
"""Rates are drawn as they are behind this column."""

_STEPS = np.array([1, 2, 3, 5, 10, 20, 50, 100, 200, 500], dtype=np.float64)
_OBJECTS = ("Mu", "IsoMu", "DoubleMu", "EG", "IsoEG", "DoubleEG", "Jet", "DoubleJet", "Tau", "MET", "HT", "MuEG")
_FLAVOURS = ("", "_Tight", "_Loose", "_Iso", "_Barrel", "_Forward", "_Displaced", "_LowMass", "_BTag", "_Control")


@dataclass(frozen=True, slots=True, eq=False)
class Recipe:
    """How a trigger is drawn.

    ``sizes`` (seeds,) are the paths behind each seed. ``l1_total`` is the rate of all seeds in Hz; ``hlt_median`` and
    ``hlt_spread`` are those of the paths' rates, in Hz and as a standard deviation of the logarithm. ``common`` and
    ``own`` are ranges of relative movements from lumisection to lumisection: of all that is behind a seed, and of a
    path by itself. ``prescaled`` is the share of seeds and paths whose prescale is not 1 always.
    """

    sizes: tuple[int, ...]
    l1_total: float
    hlt_median: float
    hlt_spread: float
    common: tuple[float, float]
    own: tuple[float, float]
    prescaled: float


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Numbers of n seeds and paths, in the order of ``menu.names``.

    ``rate`` (n,) is in Hz before prescales, at a pileup of 55 in 2,340 colliding bunches. It follows pileup as
    ``u (1 - bend + bend u**(power - 1)) u**tilt``, u being pileup / 55; ``bend`` and ``power`` are those of the seed.
    ``loading`` and ``own`` (n,) are relative movements: with the seed, and by itself. ``prescales`` (columns, n) are
    those of each by itself: one event in so many, 0 is off.
    """

    menu: TriggerMenu
    seed_of: Indices
    rate: Float64
    bend: Float64
    power: Float64
    tilt: Float64
    loading: Float64
    own: Float64
    prescales: Float64


OWN_SEEDS, OWN_PATHS = 40, 600


def built_in_recipe(rng: np.random.Generator) -> Recipe:
    """40 seeds with 600 paths, many of which have less than 5 Hz."""
    weights = rng.lognormal(0.0, 0.6, OWN_SEEDS)
    sizes = 4 + rng.multinomial(OWN_PATHS - 4 * OWN_SEEDS, weights / weights.sum())
    return Recipe(tuple(int(size) for size in sizes), 100e3, 1.5, 1.3, (0.008, 0.03), (0.002, 0.008), 0.35)


def published() -> Recipe:
    """4 seeds with 6 paths each, as many as in the publication."""
    return Recipe((6, 6, 6, 6), 20e3, 25.0, 0.5, (0.05, 0.08), (0.005, 0.015), 0.0)


def draw(recipe: Recipe, rng: np.random.Generator) -> Parts:
    """Draw a trigger; the paths of its last seed hardly move together."""
    seeds = len(recipe.sizes)
    behind = np.repeat(np.arange(seeds), recipe.sizes)
    seed_of = np.concatenate([np.arange(seeds), behind])
    menu = _named(behind, seeds, rng)
    share = rng.lognormal(0.0, 0.9, seeds)
    rate = np.concatenate(
        [
            recipe.l1_total * share / share.sum(),
            rng.lognormal(np.log(recipe.hlt_median), recipe.hlt_spread, len(behind)),
        ]
    )
    common = rng.uniform(*recipe.common, seeds)[seed_of]
    is_path = np.arange(len(seed_of)) >= seeds
    alone = is_path & (seed_of == seeds - 1)
    prescales = _columns(recipe, is_path, rng)
    nominal = prescales[NOMINAL_COLUMN] * np.where(is_path, prescales[NOMINAL_COLUMN][seed_of], 1.0)
    return Parts(
        menu,
        seed_of.astype(np.intp),
        rate * np.maximum(nominal, 1.0),
        rng.uniform(0.0, 0.6, seeds)[seed_of],
        rng.uniform(1.5, 3.5, seeds)[seed_of],
        np.where(is_path, rng.uniform(-0.3, 0.5, len(seed_of)), 0.0),
        common * np.where(alone, 0.08, np.where(is_path, rng.uniform(0.85, 1.1, len(seed_of)), 1.0)),
        np.where(alone, common, np.where(is_path, rng.uniform(*recipe.own, len(seed_of)), 0.0)),
        prescales,
    )


def _columns(recipe: Recipe, is_path: Mask, rng: np.random.Generator) -> Float64:
    """Prescales (columns, n): those that change fall from column to column, as luminosity does in a fill."""
    n = len(is_path)
    changes = rng.random(n) < recipe.prescaled
    first = rng.integers(1, len(_STEPS) - 2, n)
    slope = rng.uniform(0.05, 0.25, n)
    step = np.clip(np.rint(first - slope * np.arange(COLUMNS)[:, None]), 0, len(_STEPS) - 1).astype(np.intp)
    prescales: Float64 = np.where(changes, _STEPS[step], 1.0)
    # A few are switched off in the columns up to some one, or from it on; never in the nominal one.
    border = rng.integers(0, COLUMNS, n)
    column = np.arange(COLUMNS)[:, None]
    beyond = np.where(border <= NOMINAL_COLUMN, column < border, column > border)
    prescales[beyond & (rng.random(n) < 0.15 * recipe.prescaled * (1 + is_path))] = 0.0
    return prescales


MOST_VERSIONS = 20
"""Of a path: each change of its definition is a new one."""


def _named(behind: Indices, seeds: int, rng: np.random.Generator) -> TriggerMenu:
    objects = [_OBJECTS[at % len(_OBJECTS)] for at in range(seeds)]
    thresholds = [int(threshold) for threshold in np.sort(rng.integers(5, 120, seeds))]
    l1 = [f"L1_{name}{at}_{threshold}" for at, (name, threshold) in enumerate(zip(objects, thresholds, strict=True))]
    hlt: dict[str, int] = {}
    for number, seed in enumerate(behind.tolist()):
        threshold, flavour = thresholds[seed] + 2 + number % 7, _FLAVOURS[number % len(_FLAVOURS)]
        while (name := f"HLT_{objects[seed]}{threshold}{flavour}") in hlt:
            threshold += 1
        hlt[name] = 1 + number % MOST_VERSIONS
    return TriggerMenu(tuple(l1), tuple(hlt), tuple(behind.tolist()), (*(0,) * len(l1), *hlt.values()))
