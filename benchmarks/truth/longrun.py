"""How often good runs alarm in the long run: with references that stand still, are trained anew, or follow the runs.

Each is shown as it is and *controlled*, by what is known ten runs later of whether a run was good (conformal PID
control: A. N. Angelopoulos, E. J. Candès, R. J. Tibshirani, NeurIPS 2023, after I. Gibbs, E. J. Candès, NeurIPS 2021).
The threshold on -ln p is forecast, as the quantile at the declared rate of the latest :data:`LATEST` good runs, and
moved by ``GAIN`` times the sum of the differences between what happened and that rate. What that costs is the share of
bad runs that alarm.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.intervals import wilson
from benchmarks.report import Result, progress
from benchmarks.truth.labelled import Flags, Labelled, Split, later_runs
from benchmarks.truth.verdicts import Verdicts, judged
from dqm.histograms.run_window import MOST_RUNS

LEARNED = 50
EVERY = 40
"""Runs after which the second kind is trained anew, on the latest hundred that people call good."""
GAIN = 1.0
LATEST, LEAST_KNOWN = 50, 10
"""Good runs from which the threshold is forecast, and those without which it stays where it began."""
KNOWN_AFTER = 10


def measure(labelled: Labelled, most: int) -> dict[str, Result]:
    """Ratios to the declared rate, over the first ``most`` runs after those learned."""
    split = later_runs(labelled, LEARNED).shortened(most)
    bad = labelled.bad[split.judged]
    results: dict[str, Result] = {}
    for name, verdicts in _verdicts(labelled, split).items():
        declared = verdicts[0].declared
        p_values = np.concatenate([part.p_values for part in verdicts])
        amount = np.concatenate([part.amount for part in verdicts])
        alarms = np.concatenate([part.alarms for part in verdicts])
        controlled = controlled_alarms(p_values, amount, bad, verdicts[0].folder_p, declared)
        for suffix, alarmed in (("", alarms), ("_controlled", controlled)):
            results[f"longrun_false_rate_ratio_{name}{suffix}"] = _ratio(alarmed, bad, declared)
            low, high = wilson(int(alarmed[bad].sum()), int(bad.sum()))
            share = float(alarmed[bad].mean())
            results[f"longrun_bad_alarmed_{name}{suffix}"] = Result(share, "share", low, high, int(bad.sum()))
    results["longrun_false_rate_ratio"] = results["longrun_false_rate_ratio_adaptive"]
    return results


def _verdicts(labelled: Labelled, split: Split) -> Mapping[str, Sequence[Verdicts]]:
    """By kind of reference, verdicts in order of time."""
    progress("long run: fixed reference")
    fixed = judged(labelled, split, follow=False)
    progress("long run: trained anew")
    anew = []
    for start in range(0, len(split.judged), EVERY):
        judged_now = split.judged[start : start + EVERY]
        before = np.arange(judged_now[0])
        latest = before[~labelled.bad[before]][-MOST_RUNS:]
        anew.append(judged(labelled, Split(len(latest), len(latest), latest, judged_now), follow=False))
    progress("long run: reference that follows")
    return {"fixed": [fixed], "retrained": anew, "adaptive": [judged(labelled, split)]}


def _ratio(alarmed: Flags, bad: Flags, declared: float) -> Result:
    good = ~bad
    low, high = wilson(int(alarmed[good].sum()), int(good.sum()))
    note = f"alarms on good runs over the declared {declared:.3f}; {LEARNED} good runs learned"
    ratio = float(alarmed[good].mean()) / declared
    return Result(ratio, "ratio", low / declared, high / declared, int(good.sum()), note=note)


def controlled_alarms(
    p_values: np.ndarray[tuple[int], np.dtype[np.float64]], amount: Flags, bad: Flags, start_p: float, declared: float
) -> Flags:
    """Alarms with a moving threshold; those of ``amount``, which need no p-value of content, stand."""
    surprise = np.where(np.isfinite(p_values), -np.log(np.maximum(p_values, 1e-300)), 0.0)
    alarmed = np.zeros(len(bad), dtype=np.bool_)
    for at in range(len(bad)):
        known = np.flatnonzero(~bad[: max(at - KNOWN_AFTER, 0)])
        moved = GAIN * float((alarmed[known] - declared).sum())
        latest = surprise[known[-LATEST:]]
        forecast = -np.log(start_p) if len(latest) < LEAST_KNOWN else np.quantile(latest, 1.0 - declared)
        alarmed[at] = amount[at] or surprise[at] >= forecast + moved
    return alarmed
