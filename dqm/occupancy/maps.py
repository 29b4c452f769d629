"""Maps of deviations: regions in space, and persistence in time.

Both follow the autoencoder of the CMS ECAL (Comput. Softw. Big Sci. 8 (2024) 11, arXiv:2309.10157): deviations are
taken relative to the mean good map, and maps of consecutive lumisections are multiplied, because what is broken
stays where it is and what fluctuates does not.
"""

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


def corrected(maps: Float32, good: Float32) -> Float32:
    """Maps (..., cells) divided by the mean good map (cells,); zero where good maps have nothing."""
    ratio: Float32 = maps * np.divide(np.float32(1.0), good, out=np.zeros_like(good), where=good > 0)
    return ratio


def neighbourhoods(pulls: Float32, seen: Float32) -> Float32:
    """Pulls of each cell together with its neighbours, in standard deviations; (n, rows, columns).

    The sum of ``pulls`` over 3 x 3 cells, divided by the square root of how many of those are ``seen`` (1, else 0).
    """
    number = _box(seen)
    together = _box(pulls * seen)
    together /= np.sqrt(np.maximum(number, np.float32(1.0)))
    return together


def persistent(pulls: Float64) -> Float64:
    """What stays in maps of deviations (times, cells): the signed geometric mean of each cell over time.

    It has the unit of the maps. Zero where the sign changes: that is a fluctuation. NaN counts as no deviation.
    """
    known = np.nan_to_num(pulls)
    sign = np.sign(known[0])
    stays = (np.sign(known) == sign).all(axis=0) & (sign != 0)
    logs = np.log(np.abs(known), out=np.full_like(known, -np.inf), where=known != 0)
    kept: Float64 = np.where(stays, sign * np.exp(np.where(stays, logs, 0.0).mean(axis=0)), 0.0)
    return kept


def _box(maps: Float32) -> Float32:
    """Sums over 3 x 3 cells; beyond the edges there is nothing."""
    tall = np.pad(maps, ((0, 0), (1, 1), (0, 0)))
    rows = tall[:, :-2] + tall[:, 1:-1] + tall[:, 2:]
    wide = np.pad(rows, ((0, 0), (0, 0), (1, 1)))
    box: Float32 = wide[..., :-2] + wide[..., 1:-1] + wide[..., 2:]
    return box
