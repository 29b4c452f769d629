"""What a lumisection looks like to a model: residuals of rates, of groups behind one seed, and of all together."""

from dataclasses import dataclass, replace

import numpy as np

from dqm.networks.conditional_vae import ConditionalVae
from dqm.rates.curves import LEAST_FACTOR, Curves
from dqm.rates.observed import Observed
from dqm.statistics.variance_stabilised import stabilised
from streams.arrays import Float32, Float64, Indices, Mask
from streams.records import TriggerMenu

FARTHEST = 12.0
"""A residual counts no more than this in that of its group: the logarithm of a huge ratio is no evidence on others."""


_AT_ONCE = 256
LEFT_OUT = 0.5
"""Share of the paths behind a seed without which the others still must have moved together ..."""
ALONE = 2.0
"""... or no path counts more than so many standard deviations."""
UNSOUND = 5.0
"""A seed that lies farther than this from its curve counts as typical where others are expected from it."""


@dataclass(frozen=True, slots=True, eq=False)
class Expectation:
    """What is expected of a menu: ``curves`` of pileup alone, and ``network`` for its paths given the seeds.

    ``unit`` (n,) is the standard deviation of relative residuals in training, which the network takes for 1; ``spread``
    (n,) what is not counting noise about what the network expects, for seeds about their curves.
    """

    menu: TriggerMenu
    curves: Curves
    network: ConditionalVae
    unit: Float64
    spread: Float64

    def moved(self, shift: Float32) -> "Expectation":
        """The same after a drift of ``shift`` (2, n)."""
        return replace(self, curves=self.curves.moved(shift))


@dataclass(frozen=True, slots=True, eq=False)
class RateResiduals:
    """L lumisections; all (L, n) in the order of the menu, residuals signed in standard deviations, NaN: not judged.

    ``by_pileup`` are expected counts of pileup alone, ``expected`` those given the seeds. ``away`` is how far the
    counts lie from the latter, ``off_curve`` from the former. ``together`` (L, s) says how far the paths of a seed
    moved together, whichever of them is left out; ``overall`` (L,) how far the median seed did.
    """

    judged: Mask
    by_pileup: Float64
    expected: Float64
    away: Float64
    off_curve: Float64
    together: Float64
    overall: Float64


def rate_residuals(expectation: Expectation, observations: Observed) -> RateResiduals:
    """Residuals of the observations."""
    curves, seeds = expectation.curves, len(expectation.menu.l1)
    judged = observations.judged & curves.is_fitted & curves.covers(observations.pileup)
    by_pileup = np.maximum(curves.expected(observations.exposure, observations.pileup), 1e-9)
    relative = relative_to(observations.counts, by_pileup, judged)
    off_curve = stabilised(observations.counts, by_pileup, curves.spread)
    # A seed that is wrong itself tells nothing about what to expect elsewhere.
    sound = np.abs(off_curve[:, :seeds]) <= UNSOUND
    units = (np.where(sound, relative[:, :seeds], 0.0) / expectation.unit[:seeds]).astype(np.float32)
    follows = expectation.network.predicted(units).astype(np.float64) * expectation.unit[seeds:]
    expected = by_pileup.copy()
    expected[:, seeds:] *= np.maximum(1 + follows, LEAST_FACTOR)
    away = stabilised(observations.counts, expected, expectation.spread)
    information = np.where(judged, expected / (1 + expectation.spread**2 * expected), 0.0)
    together = moved_together(away[:, seeds:], information[:, seeds:], np.array(expectation.menu.seed_of), seeds)
    return RateResiduals(
        judged,
        by_pileup,
        expected,
        np.where(judged, away, np.nan),
        np.where(judged, off_curve, np.nan),
        together,
        _median(np.where(judged, off_curve, np.nan)[:, :seeds]),
    )


def relative_to(counts: Float64, expected: Float64, judged: Mask) -> Float64:
    """Counts over expected ones, less 1; 0 for what is not judged."""
    relative: Float64 = np.where(judged, counts / expected - 1, 0.0)
    return relative


def moved_together(away: Float64, information: Float64, seed_of: Indices, seeds: int) -> Float64:
    """How far the paths behind each seed moved by one factor, (L, seeds), NaN for fewer than two paths.

    ``away`` (L, p) in standard deviations; ``information`` (L, p) on a relative movement, 0: not judged. It is the
    estimate of the common factor in standard deviations, once with no path counting more than two of them and once
    without that half of the paths that makes the most of it, whichever is larger. The first sees many small moves, the
    second large ones of which some paths tell much more than others; a few paths that move by themselves are no group
    for either.
    """
    behind = _behind(seed_of, seeds)
    chunks = np.array_split(np.arange(len(away)), len(away) // _AT_ONCE + 1)
    return np.concatenate([_together(away[rows], information[rows], behind) for rows in chunks])


def _together(away: Float64, information: Float64, behind: Indices) -> Float64:
    """The same for the paths (s, most) ``behind`` each seed."""
    i = np.where(behind < 0, 0.0, information[:, behind])
    q = np.sqrt(i) * np.clip(np.where(i > 0, away[:, behind], 0.0), -FARTHEST, FARTHEST)
    count = (i > 0).sum(axis=2)
    up = _without_most(q, i, count)
    down = -_without_most(-q, i, count)
    without = np.where(up > 0, up, np.minimum(down, 0.0))
    bounded = np.sqrt(i) * np.clip(np.where(i > 0, away[:, behind], 0.0), -ALONE, ALONE)
    with_all = bounded.sum(axis=2) / np.sqrt(np.maximum(i.sum(axis=2), 1e-12))
    together: Float64 = np.where(np.abs(without) > np.abs(with_all), without, with_all)
    return np.where(count >= 2, together, np.nan)


def _behind(seed_of: Indices, seeds: int) -> Indices:
    """Places (seeds, most) of the paths behind each seed, -1 where there are fewer."""
    most = int(np.bincount(seed_of, minlength=seeds).max())
    behind = np.full((seeds, most), -1, dtype=np.intp)
    for seed in range(seeds):
        paths = np.flatnonzero(seed_of == seed)
        behind[seed, : len(paths)] = paths
    return behind


def _without_most(pull: Float64, information: Float64, count: Indices) -> Float64:
    """Sum of pulls (L, s, paths) over the root of their information, without the share that pulls most; (L, s)."""
    order = np.argsort(np.where(information > 0, -pull, np.inf), axis=2)
    central = np.arange(pull.shape[2]) >= np.ceil(LEFT_OUT * count)[..., None]
    q, i = (np.take_along_axis(values, order, axis=2) * central for values in (pull, information))
    significance: Float64 = q.sum(axis=2) / np.sqrt(np.maximum(i.sum(axis=2), 1e-12))
    return significance


def _median(of_seeds: Float64) -> Float64:
    """The median (L,) over seeds, times the square root of their number; NaN where there is none."""
    seeds = np.isfinite(of_seeds).sum(axis=1)
    result = np.full(len(of_seeds), np.nan)
    has_seeds = seeds > 0
    result[has_seeds] = np.nanmedian(of_seeds[has_seeds], axis=1) * np.sqrt(seeds[has_seeds])
    return result
