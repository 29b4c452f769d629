"""What is learned of rates that are judged one by one: curves, spreads, levels, and the p-values of training.

All good lumisections, in order of time, make the curves. Levels are followed through them as they will be later, so
that spreads and limits are those of rates that are judged by what came before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from conf.settings import AlertSettings, DqmSettings, RateSettings
from dqm.core.budget import limit
from dqm.core.bundle_files import TrainingError
from dqm.rates.curves import spread_of
from dqm.rates.levels.level import SUMS
from dqm.rates.levels.quadratic import LEAST_COUNTS, Quadratic, fit
from dqm.rates.levels.readings import Readings
from dqm.rates.levels.state import Levels, walked
from dqm.statistics.variance_stabilised import two_sided
from streams.arrays import Float32, Float64, Mask, NamedArrays
from streams.records import LUMISECTION_SECONDS, TriggerMenu

WIDEST_SPREAD = 0.2
"""A rate that scatters more than this about its own level, counting left out, has no model."""
TIGHTEST, LOOSEST = 4.0, 4.5
"""Standard deviations between which the limits lie: training is too short to tell how far good rates go once in many
shifts, and faults in it must not make later ones pass."""
TIGHTEST_LARGE = 3.0
"""As TIGHTEST, for large changes."""
LARGE_SHARE = 0.9
"""Of the budget: for large changes. Others lie so far off that chance hardly needs any."""
LEAST_SPREAD = 0.003
"""No rate is taken to be steadier than this: luminosity and dead time are not known better."""
_MOST = 0.05
_ROUNDS = 2


@dataclass(frozen=True, slots=True, eq=False)
class LevelModel:
    """Of the n rates of ``menu``, in the order of its names.

    ``spread`` (n,) is the scatter about the followed level that is not counting noise. ``levels`` are those after
    training. ``p_values`` (3, L, n) of training in order: of the largest sum of pulls, of the largest of those that are
    large changes, and of each lumisection alone.
    """

    menu: TriggerMenu
    quadratic: Quadratic
    spread: Float64
    levels: Levels
    p_values: Float32

    @property
    def judged(self) -> Mask:
        """Which rates (n,) have a model."""
        judged: Mask = self.quadratic.is_fitted & (self.spread <= WIDEST_SPREAD)
        return judged

    def unjudged(self) -> dict[str, str]:
        """Why rates have no model, by name."""
        scatter = {
            name: f"it scatters by {spread:.0%} about its own level; {WIDEST_SPREAD:.0%} is the most"
            for name, spread, is_fitted in zip(self.menu.names, self.spread, self.quadratic.is_fitted, strict=True)
            if is_fitted and spread > WIDEST_SPREAD
        }
        few = "training has too few events of it"
        unknown = {
            name: few
            for name, is_fitted in zip(self.menu.names, self.quadratic.is_fitted, strict=True)
            if not is_fitted
        }
        return scatter | unknown

    def arrays(self) -> NamedArrays:
        """All numbers by name; names are not among them."""
        names = ("scales", "coefficients", "offsets", "reach", "is_fitted")
        return {
            **{f"quadratic/{name}": getattr(self.quadratic, name) for name in names},
            "spread": self.spread,
            "p_values": self.p_values,
        }

    def names(self) -> dict[str, Any]:
        """What goes into the manifest."""
        return {"columns": list(self.quadratic.columns), "levels": self.levels.as_json()}

    @classmethod
    def of(cls, menu: TriggerMenu, arrays: NamedArrays, names: Mapping[str, Any]) -> "LevelModel":
        """Inverse of :meth:`arrays` and :meth:`names`; raises KeyError or ValueError for what makes no model."""
        curves = {
            name: arrays[f"quadratic/{name}"] for name in ("scales", "coefficients", "offsets", "reach", "is_fitted")
        }
        quadratic = Quadratic(columns=tuple(str(column) for column in names["columns"]), **curves)
        n = len(menu.names)
        p_values, shapes = arrays["p_values"], (curves["offsets"].shape, arrays["spread"].shape)
        if shapes != ((len(quadratic.columns), n), (n,)) or (p_values.shape[0], p_values.shape[2]) != (3, n):
            raise ValueError("arrays of another number of rates")
        return cls(menu, quadratic, arrays["spread"], Levels.from_json(names["levels"]), p_values)


def learn(menu: TriggerMenu, readings: Readings) -> LevelModel:
    """A model of the rates of ``menu``, from readings in its order; raises TrainingError if none has enough events."""
    quadratic = fit(readings, readings.judged & (readings.moved == 0)[:, None])
    if not quadratic.is_fitted.any():
        raise TrainingError(f"none of {len(menu.names)} rates has {LEAST_COUNTS:g} events in usable lumisections")
    nothing = Levels.nothing(len(menu.names))
    curve = quadratic.expected(readings)
    spread: Float64 = np.full(len(menu.names), LEAST_SPREAD)
    for _ in range(_ROUNDS):
        spread = _spread(nothing, quadratic, readings, curve, spread)
    levels, judgements = walked(nothing, quadratic, readings, curve, spread, training=True)
    p_values = np.stack([p_of_sums(judgements.pulls), p_of_sums(judgements.large), two_sided(judgements.pulls[..., 0])])
    rows = (readings.judged & quadratic.is_fitted).any(axis=1)
    return LevelModel(menu, quadratic, spread, levels, p_values[:, rows].astype(np.float32))


def _spread(levels: Levels, quadratic: Quadratic, readings: Readings, curve: Float64, spread: Float64) -> Float64:
    """What counts scatter (n,) about the followed level, what is not known of this and counting noise left out."""
    _, judgements = walked(levels, quadratic, readings, curve, spread, training=True)
    use = readings.judged & quadratic.is_fitted & (readings.moved == 0)[:, None]
    whole = spread_of(readings.counts, np.maximum(curve * judgements.factor, 1e-9), use)
    of_level = np.where(use, judgements.spread**2 - spread**2, np.nan)
    of_columns = np.nanmedian(np.where(use.any(axis=0), of_level, 0.0), axis=0)
    result: Float64 = np.sqrt(np.maximum(whole**2 - of_columns, LEAST_SPREAD**2))
    return result


@dataclass(frozen=True, slots=True)
class LevelLimits:
    """P-values at or below which a rate moved: of its largest sum of pulls, and of the largest that is a large change.

    ``record`` is that of one lumisection, to be recorded.
    """

    moved: float
    large: float
    record: float


def p_of_sums(pulls: Float64) -> Float64:
    """P-values (...) of the largest of the sums of pulls (..., sums); NaN where there is none."""
    largest = np.where(np.isnan(pulls), 0.0, np.abs(pulls)).max(axis=-1)
    p_value: Float64 = np.where(np.isnan(pulls[..., 0]), np.nan, np.minimum(1.0, len(SUMS) * two_sided(largest)))
    return p_value


def limits(model: LevelModel, rates: RateSettings, dqm: DqmSettings, alerts: AlertSettings) -> LevelLimits:
    """Limits that keep the declared budgets, by the lumisections of training, but never looser than LOOSEST."""
    lumisections = dqm.shift_hours * 3600 / LUMISECTION_SECONDS
    allowed = min(rates.false_incidents_per_shift / lumisections, _MOST)
    recorded = min(dqm.false_records_per_shift / lumisections, _MOST)
    bad, of = min(alerts.raise_bad, alerts.raise_of), alerts.raise_of
    moved, large, alone = (of_kind[:, model.judged].T for of_kind in model.p_values)

    # What lies beyond the loosest limit is called wrong whatever the limit for large changes is.
    large = np.where(moved <= len(SUMS) * two_sided(LOOSEST), np.nan, large)

    def between(p_value: float, tightest: float, sums: int) -> float:
        return float(np.clip(p_value, sums * two_sided(LOOSEST), sums * two_sided(tightest)))

    return LevelLimits(
        between(limit(moved, bad, of, (1 - LARGE_SHARE) * allowed), TIGHTEST, len(SUMS)),
        between(limit(large, bad, of, LARGE_SHARE * allowed), TIGHTEST_LARGE, len(SUMS)),
        between(limit(alone, 1, 1, recorded), TIGHTEST, 1),
    )
