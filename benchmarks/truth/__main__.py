"""Verdicts on real runs and lumisections that people have labelled, beside what simple methods make of the same ones.

*Whole runs* (CSC segment times of 2017, 45 runs listed as bad): learned from the first good ones, judged in order of
time; in random orders (``order``); and from good runs at random (``scattered``). *Lumisections* (charge of the first
pixel layer, 2017B): all good ones lie in two runs, so they show what must not be claimed, not what can be told.

Run it: ``python -m benchmarks.truth [--json] [--quick]``.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.dqm import autodqm
from benchmarks.dqm.table import DataMissing
from benchmarks.intervals import wilson
from benchmarks.report import Outcome, Result, data_folder, main, progress
from benchmarks.truth import drawn, longrun, peers
from benchmarks.truth.labelled import (
    Flags,
    Floats,
    Labelled,
    Split,
    later_lumisections,
    later_runs,
    lumisections,
    scattered_runs,
    whole_runs,
)
from benchmarks.truth.verdicts import Verdicts, judged, ordering
from dqm.statistics.classification import auc

RUN_SIZES = (1, 2, 4, 20, 50, 170)
QUICK_RUN_SIZES = (4, 170)
LUMISECTION_SIZES = (45, 107, 200, 500, 0)
QUICK_LUMISECTION_SIZES = (107, 200)
ORDERS = (21, 22)
SIZE_OF_ORDERS = 100
ENOUGH_RUNS = 4
QUICK_STEP, QUICK_RUNS, QUICK_LONG_RUN = 6, 110, 60
"""A quick run judges every sixth lumisection and the first so many runs."""
DRAWS = 400


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One split, what we say of it, and what its labels are; ``runs`` (J,) are the blocks of intervals.

    ``sketch`` are alarms and scores of the rolling sketch, None where it does not apply.
    """

    split: Split
    verdicts: Verdicts
    bad: Flags
    runs: np.ndarray[tuple[int], np.dtype[np.int64]]
    sketch: tuple[Flags, Floats] | None

    @classmethod
    def of(cls, labelled: Labelled, split: Split) -> "Trial":
        """Train and judge."""
        progress(f"{labelled.name}: {split.size} good ones of {split.runs} runs learned")
        applies = bool((labelled.lumisections == 0).all()) and split.runs >= ENOUGH_RUNS
        sketch = peers.rolling(labelled, split) if applies else None
        return cls(split, judged(labelled, split), labelled.bad[split.judged], labelled.runs[split.judged], sketch)


def measure(quick: bool) -> Outcome:
    """All results; tables whose data are absent are skipped."""
    data = data_folder(os.environ)
    results: dict[str, Result] = {}
    skipped = []
    for table in (_whole_runs, _lumisections, _autodqm):
        try:
            results |= table(data, quick)
        except DataMissing as missing:
            skipped.append(f"skipped: {missing}")
    if not quick:
        results |= drawn.measure()
    words = "CSC segment times of 2017 (whole runs), pixel charge of 2017B (lumisections), AutoDQM's table of 2022"
    return Outcome(results, "; ".join([words, *skipped]))


def _whole_runs(data: Path, quick: bool) -> dict[str, Result]:
    labelled = whole_runs(data)
    sizes, most = (QUICK_RUN_SIZES, QUICK_RUNS) if quick else (RUN_SIZES, len(labelled.runs))
    trials = [Trial.of(labelled, later_runs(labelled, size).shortened(most)) for size in sizes]
    results = _results("csc", labelled, trials)
    results |= _sketch(trials)
    results |= longrun.measure(labelled, QUICK_LONG_RUN if quick else most)
    for seed in () if quick else ORDERS:
        mixed = labelled.shuffled(np.random.default_rng(seed))
        trial = Trial.of(mixed, later_runs(mixed, SIZE_OF_ORDERS))
        results |= _counts(f"csc_order_{seed}", trial)
        split = scattered_runs(labelled, SIZE_OF_ORDERS, np.random.default_rng(seed))
        results |= _counts(f"csc_scattered_{seed}", Trial.of(labelled, split))
    return results


def _lumisections(data: Path, quick: bool) -> dict[str, Result]:
    labelled = lumisections(data)
    sizes, step = (QUICK_LUMISECTION_SIZES, QUICK_STEP) if quick else (LUMISECTION_SIZES, 1)
    trials = [Trial.of(labelled, later_lumisections(labelled, size).thinned(step)) for size in sizes]
    return _results("labels", labelled, trials)


def _autodqm(data: Path, quick: bool) -> Mapping[str, Result]:
    seeds = (11,) if quick else (11, 12, 13, 14, 15)
    table = autodqm.measure(data, quick, seeds, progress)
    return {key: table[key] for key in ("autodqm_bad_caught_at_5pct", "autodqm_good_flagged")}


def _results(name: str, labelled: Labelled, trials: Sequence[Trial]) -> dict[str, Result]:
    """By size, and the worst over sizes."""
    results: dict[str, Result] = {}
    for trial in trials:
        results |= _counts(f"{name}_{trial.split.size}", trial)
    several = [trial for trial in trials if trial.split.runs >= 2]
    areas = {trial.split.size: _area(labelled, trial) for trial in several}
    for size, area in areas.items():
        results[f"{name}_{size}_auc"] = area
    worst = min(areas, key=lambda size: areas[size].value)
    results[f"{name}_auc"] = areas[worst]
    for what, pick in (("bad_called_good", max), ("good_alarmed", max)):
        keys = [f"{name}_{trial.split.size}_{what}" for trial in trials]
        results[f"{name}_{what}"] = results[pick(keys, key=lambda key: results[key].value)]
    enough = [trial for trial in trials if trial.split.runs >= ENOUGH_RUNS]
    if enough:
        for what in ("inspected", "bad_alarmed"):
            keys = [f"{name}_{trial.split.size}_{what}" for trial in enough]
            results[f"{name}_{what}"] = results[min(keys, key=lambda key: results[key].value)]
    return results


def _counts(name: str, trial: Trial) -> dict[str, Result]:
    """Shares of bad and of good ones by verdict."""
    verdicts, bad = trial.verdicts, trial.bad
    size = f"{trial.split.size} good ones of {trial.split.runs} runs learned"
    declared = verdicts.declared
    good_alarmed = _share(trial, verdicts.alarms, ~bad, size)
    return {
        f"{name}_bad_alarmed": _share(trial, verdicts.alarms, bad, size),
        f"{name}_bad_called_good": _share(trial, verdicts.good, bad, size),
        f"{name}_good_alarmed": Result(
            good_alarmed.value,
            "share",
            good_alarmed.low,
            good_alarmed.high,
            good_alarmed.n,
            "declared",
            declared,
            good_alarmed.value / declared,
            size,
        ),
        f"{name}_good_called_good": _share(trial, verdicts.good, ~bad, size),
        f"{name}_inspected": _share(trial, verdicts.inspected, np.ones_like(bad), size),
    }


def _share(trial: Trial, hits: Flags, among: Flags, note: str) -> Result:
    """With an interval by runs: Wilson's where each is a run, from resampled runs elsewhere."""
    value, count = float(hits[among].mean()), int(among.sum())
    if len(np.unique(trial.runs)) == len(trial.runs):
        low, high = wilson(int(hits[among].sum()), count)
    else:
        low, high = _resampled(trial, lambda rows: float(hits[rows][among[rows]].mean()), [among])
    return Result(value, "share", low, high, count, note=note)


def _resampled(
    trial: Trial, statistic: Callable[[np.ndarray[tuple[int], np.dtype[np.intp]]], float], needed: Sequence[Flags]
) -> tuple[float, float]:
    """Percentiles of a statistic over draws of whole runs with replacement that hold some of each ``needed``."""
    rng = np.random.default_rng(0)
    of_run = [np.flatnonzero(trial.runs == run) for run in np.unique(trial.runs)]
    drawn = [np.concatenate([of_run[at] for at in rng.integers(len(of_run), size=len(of_run))]) for _ in range(DRAWS)]
    values = [statistic(rows) for rows in drawn if all(kind[rows].any() for kind in needed)]
    return (float(np.percentile(values, 2.5)), float(np.percentile(values, 97.5))) if values else (0.0, 1.0)


def _area(labelled: Labelled, trial: Trial) -> Result:
    """AUC of our order beside that of the best peer, chosen with the labels at hand."""
    ours = ordering(trial.verdicts.scores)
    table = {peer: auc(scores, trial.bad) for peer, scores in peers.scores(labelled, trial.split).items()}
    if trial.sketch is not None:
        table["rolling sketch"] = auc(trial.sketch[1], trial.bad)
    best = max(table, key=table.__getitem__)
    value = auc(ours, trial.bad)
    low, high = _resampled(trial, lambda rows: auc(ours[rows], trial.bad[rows]), [trial.bad, ~trial.bad])
    peer_areas = ", ".join(f"{peer} {area:.3f}" for peer, area in sorted(table.items(), key=lambda item: -item[1]))
    note = f"{trial.split.size} good ones of {trial.split.runs} runs learned; {peer_areas}"
    return Result(value, "AUC", low, high, len(ours), best, table[best], value / table[best], note)


def _sketch(trials: Sequence[Trial]) -> dict[str, Result]:
    """The sketch's alarms at each size."""
    results = {}
    for trial in trials:
        if trial.sketch is None:
            continue
        alarms, _ = trial.sketch
        for name, among in (("bad", trial.bad), ("good", ~trial.bad)):
            share = _share(trial, alarms, among, "rolling sketch, declared 5 %")
            results[f"csc_{trial.split.size}_sketch_{name}_alarmed"] = share
    return results


if __name__ == "__main__":
    sys.exit(main("truth", measure))
