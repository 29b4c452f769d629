"""How often good runs alarm in the long run: with references that stand still, are trained anew, or follow the runs.

Each is shown as it is and *controlled* (:mod:`dqm.core.control`), by what is known ten runs later of whether a run was
good. What that costs is the share of bad runs that alarm.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.intervals import wilson
from benchmarks.report import Result, progress
from benchmarks.truth.labelled import Flags, Floats, Labelled, Split, later_runs
from benchmarks.truth.verdicts import Verdicts, judged
from dqm.core.control import LATEST_RUNS, AlarmLevel, GoodRuns
from dqm.histograms.run_window import MOST_RUNS

LEARNED = 50
EVERY = 40
"""Runs after which the second kind is trained anew, on the latest hundred that people call good."""
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
        controlled = amount | (p_values <= control_levels(p_values, amount, bad, verdicts[0].folder_p, declared))
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


def control_levels(p_values: Floats, amount: Flags, bad: Flags, declared_p: float, rate: float) -> Floats:
    """The alarm level of each run, from what is said of the runs up to ten before it."""
    levels = np.empty(len(bad))
    for at in range(len(bad)):
        before = np.arange(max(at - LATEST_RUNS, 0), max(at - KNOWN_AFTER, 0))
        good = before[~bad[before]]
        levels[at] = AlarmLevel.of(GoodRuns(p_values[good], amount[good]), declared_p, rate).p_value
    return levels
