"""Control of the alarm level on streams of good runs drawn at random, whose drift is known.

-ln of their p-values is exponential, as it should be, above a base that drifts. Beside the share that alarms stands how
many faults would, that lie three units beyond the threshold at which exactly the declared share alarms.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from benchmarks.intervals import wilson
from benchmarks.report import Result
from benchmarks.truth.labelled import Flags
from benchmarks.truth.longrun import control_levels

DECLARED = 0.05
RUNS, LEAD = 400, 40
SEEDS = (11, 12, 13)
"""Others than those on which gain and bound were chosen."""
BEYOND = 3.0
_AT = np.arange(RUNS)
_BASES: Mapping[str, npt.NDArray[np.float64]] = {
    "still": np.zeros(RUNS),
    "waves": 3.0 * np.abs(np.sin(_AT / 50.0)),
    "steps": np.where(_AT // 100 % 2, 4.0, 0.0),
    "ramp": 10.0 * _AT / RUNS,
}


def measure() -> dict[str, Result]:
    """By kind of drift, false alarms over the declared share with and without control, and faults found with it."""
    results = {}
    for name, base in _BASES.items():
        surprise = np.array([base + np.random.default_rng(seed).exponential(size=RUNS) for seed in SEEDS])
        nothing: Flags = np.zeros(RUNS, dtype=np.bool_)
        levels = np.array([control_levels(np.exp(-one), nothing, nothing, DECLARED, DECLARED) for one in surprise])
        thresholds = -np.log(levels)
        faults = np.broadcast_to(base - np.log(DECLARED) + BEYOND, surprise.shape)
        results[f"control_drawn_{name}_false_rate_ratio"] = _share(surprise >= thresholds, DECLARED, "ratio")
        results[f"control_drawn_{name}_uncontrolled_ratio"] = _share(surprise >= -np.log(DECLARED), DECLARED, "ratio")
        results[f"control_drawn_{name}_faults_found"] = _share(faults >= thresholds, 1.0, "share")
    return results


def _share(hits: Flags, unit: float, kind: str) -> Result:
    """Of the runs after the first ones, of which nobody has said anything yet."""
    counted = hits[:, LEAD:]
    low, high = wilson(int(counted.sum()), counted.size)
    return Result(float(counted.mean()) / unit, kind, low / unit, high / unit, counted.size)
