"""Learning curves, spreads and levels from good lumisections in order of time.

All of them make the curves. Levels are followed through them as they will be later, so that spreads and limits are
those of rates that are judged by what came before.
"""

import numpy as np

from dqm.arrays import Float64
from dqm.core.errors import TrainingError
from dqm.rates.curves import spread_of
from dqm.rates.levels.model import LevelModel, p_of_sums
from dqm.rates.levels.quadratic import LEAST_COUNTS, Quadratic, fit
from dqm.rates.levels.readings import Readings
from dqm.rates.levels.state import Levels, walked
from dqm.statistics.variance_stabilised import two_sided
from streams.records import TriggerMenu

LEAST_SPREAD = 0.003
"""No rate is taken to be steadier than this: luminosity and dead time are not known better."""
_ROUNDS = 2


def learn(menu: TriggerMenu, readings: Readings) -> LevelModel:
    """A model of the rates of ``menu``, from readings in its order; raises TrainingError if none has enough events."""
    quadratic = fit(readings, readings.judged & (readings.moved == 0)[:, None])
    if not quadratic.known.any():
        raise TrainingError(f"none of {len(menu.names)} rates has {LEAST_COUNTS:g} events in usable lumisections")
    nothing = Levels.nothing(len(menu.names))
    curve = quadratic.expected(readings)
    spread: Float64 = np.full(len(menu.names), LEAST_SPREAD)
    for _ in range(_ROUNDS):
        spread = _spread(nothing, quadratic, readings, curve, spread)
    levels, made = walked(nothing, quadratic, readings, curve, spread, training=True)
    p_values = np.stack([p_of_sums(made.pulls), p_of_sums(made.large), two_sided(made.pulls[..., 0])])
    rows = (readings.judged & quadratic.known).any(axis=1)
    return LevelModel(menu, quadratic, spread, levels, p_values[:, rows].astype(np.float32))


def _spread(levels: Levels, quadratic: Quadratic, readings: Readings, curve: Float64, spread: Float64) -> Float64:
    """What counts scatter (n,) about the followed level, what is not known of this and counting noise left out."""
    _, made = walked(levels, quadratic, readings, curve, spread, training=True)
    use = readings.judged & quadratic.known & (readings.moved == 0)[:, None]
    whole = spread_of(readings.counts, np.maximum(curve * made.factor, 1e-9), use)
    of_level = np.where(use, made.spread**2 - spread**2, np.nan)
    known = np.nanmedian(np.where(use.any(axis=0), of_level, 0.0), axis=0)
    result: Float64 = np.sqrt(np.maximum(whole**2 - known, LEAST_SPREAD**2))
    return result
