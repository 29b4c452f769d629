"""One figure from a few seeds."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import t

from benchmarks.report import Result


def interval(values: Sequence[float]) -> tuple[float | None, float | None]:
    """95 % of Student's t for the mean over seeds; unknown for one seed."""
    if len(values) < 2:
        return None, None
    reach = t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return float(np.mean(values) - reach), float(np.mean(values) + reach)


def mean_auc(runs: Sequence[Mapping[str, float]], name: str, tested: int, note: str, peer: str = "") -> Result:
    """Mean over ``runs`` of the AUC ``name``, each from ``tested`` cases, beside that of ``peer`` in the same runs."""
    values = [run[name] for run in runs]
    low, high = interval(values)
    value = float(np.mean(values))
    if peer in {"", name}:
        return Result(value, "AUC", low, high, tested * len(runs), note=note)
    peers = float(np.mean([run[peer] for run in runs]))
    return Result(value, "AUC", low, high, tested * len(runs), peer, peers, value / peers, note)
