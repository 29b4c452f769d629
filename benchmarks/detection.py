"""How well faults are found, and how often good lumisections raise an incident.

The simulator's own detector runs under real conditions (``oms/*.parquet`` of NIGHTSHIFT_DATA; generated ones
where that is absent). For each of several detectors (seeds) and each era a model is trained and calibrated on
the first 60% of the era's good lumisections; the rest, later in time, is watched (1) as it is, and (2) with one
fault at a time put into random stretches of it. Every incident in (1) is false. A fault in (2) is detected if an
incident of its folder is raised before it ends; its delay counts lumisections from its first to the one that
raises the incident. The AUC of a scorer is the share of pairs of a faulty and a good lumisection in which the
MEs hit score higher in the faulty one.

Run it: ``python -m benchmarks.detection [--json] [--quick]``.
"""

import os
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.intervals import bootstrap_mean, poisson, wilson
from benchmarks.report import Outcome, Result, data_folder, main, progress
from benchmarks.watching import Incident, Judged, incidents, watch
from conf.settings import AlertSettings, DqmSettings
from dqm.histograms.pipeline import Pipeline
from dqm.histograms.scorers import REGISTRY
from dqm.histograms.train import train
from dqm.simulate.conditions import from_oms, generate
from dqm.simulate.detector import Detector, SimulatedLumisection, stream
from dqm.simulate.faults import Fault, FaultKind
from dqm.simulate.plan import fault_on
from streams.records import LUMISECTION_SECONDS, Conditions, LumisectionKey

Lumisections = Sequence[tuple[LumisectionKey, Conditions]]

EARLIER_SHARE = 0.6
STRETCH = 32
"""Training takes stretches of so many consecutive lumisections from all over the earlier part of the era."""
LEAD, FAULTY = 6, 10
"""Lumisections before a fault, and with it."""

_CONTENT = (0.02, 0.05, 0.1, 0.3)
SEVERITIES: Mapping[FaultKind, tuple[float, ...]] = {
    FaultKind.DEAD: _CONTENT,
    FaultKind.HOT: _CONTENT,
    FaultKind.NOISY: _CONTENT,
    FaultKind.SHIFT: _CONTENT,
    FaultKind.GAIN: _CONTENT,
    FaultKind.SWAP: (0.05, 0.1, 0.3, 0.6),
    FaultKind.STUCK: (0.5, 1.0),
    FaultKind.MISSING: (0.5, 1.0),
    FaultKind.LOW_STATISTICS: (0.3, 0.6, 0.9),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to do: detectors, eras, lumisections to train on, most to watch, and trials of each fault in each."""

    seeds: tuple[int, ...]
    eras: int
    train: int
    watch: int
    trials: int


FULL = Plan(seeds=(14, 15, 16), eras=2, train=2048, watch=10_000, trials=8)
QUICK = Plan(seeds=(14,), eras=1, train=384, watch=800, trials=2)


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one fault; ``delay`` None: not found. ``named``: rightly, where it was; AUC by scorer."""

    delay: int | None
    named: bool | None
    auc: Mapping[str, float]


@dataclass(slots=True)
class Tally:
    """Everything counted, over all detectors."""

    watched: int = 0
    false: list[Incident] = field(default_factory=list)
    trials: dict[tuple[FaultKind, float], list[Trial]] = field(default_factory=lambda: defaultdict(list))


def measure(quick: bool) -> Outcome:
    """Run the plan and report it."""
    plan = QUICK if quick else FULL
    periods, data = eras(data_folder(os.environ))
    tally = Tally()
    for seed, era in product(plan.seeds, periods[: plan.eras]):
        with tempfile.TemporaryDirectory() as folder:
            _run(seed, plan, era, Path(folder) / "model", tally)
    return Outcome(results(tally), data)


def eras(folder: Path) -> tuple[Sequence[Lumisections], str]:
    """Good lumisections of each era, and where they come from."""
    files = [folder / "oms" / f"Run2024{era}-v1.parquet" for era in "EI"]
    if all(path.exists() for path in files):
        data = "own detector under real conditions of Run2024E and Run2024I, each trained on its first 60%"
        return [list(from_oms(path, good_only=True)) for path in files], data
    progress(f"{folder} has no oms/*.parquet: conditions are generated")
    stable = [item for item in generate(np.random.default_rng(0), fills=24) if item[1].beams_stable]
    return [stable[: len(stable) // 2], stable[len(stable) // 2 :]], "own detector under generated conditions"


def _run(seed: int, plan: Plan, era: Lumisections, folder: Path, tally: Tally) -> None:
    cut = int(EARLIER_SHARE * len(era))
    earlier, later = era[:cut], era[cut:]
    dqm, rules = DqmSettings(), AlertSettings()
    detector = Detector.built_in(seed)
    lumisections = stream(detector, stretches(earlier, plan.train), (), seed)
    batches = (batch for lumisection in lumisections for batch in lumisection.batches)
    bundle = train(
        batches, folder, dqm, np.random.default_rng(seed), lambda step, share: progress(f"{share:.0%} {step}")
    )
    pipeline = Pipeline(bundle, dqm, rules)
    watched = list(watch(pipeline, dqm, stream(detector, later[: plan.watch], (), seed + 1000)))
    result = incidents(watched, rules)
    tally.watched += len(watched)
    tally.false += result
    progress(f"detector {seed}: {len(result)} false incidents in {len(watched)} good lumisections")
    for labels, count in Counter(item.labels for item in result).most_common(5):
        progress(f"  {count} x {labels.family} in {labels.group}")
    rng = np.random.default_rng(seed + 2000)
    for kind, severity in [(kind, severity) for kind, sample in SEVERITIES.items() for severity in sample]:
        injected = [_inject(rng, detector, later, kind, severity) for _ in range(plan.trials)]
        trials = [_trial(fault, list(watch(pipeline, dqm, sample)), rules) for fault, sample in injected]
        tally.trials[kind, severity] += trials
        progress(f"{kind} {severity}: {sum(trial.delay is not None for trial in trials)} of {len(trials)} found")


def stretches(period: Lumisections, expected: int) -> Lumisections:
    """About ``wanted`` lumisections, in stretches of consecutive ones that lie evenly over the period."""
    count = max(1, min(expected, len(period)) // STRETCH)
    starts = np.linspace(0, max(0, len(period) - STRETCH), count).astype(int)
    return [item for start in starts for item in period[start : start + STRETCH]]


def _inject(
    rng: np.random.Generator, detector: Detector, period: Lumisections, kind: FaultKind, severity: float
) -> tuple[Fault, Iterator[SimulatedLumisection]]:
    """A fault of a random component in a random stretch of the period, and the lumisections around its start."""
    first = int(rng.integers(len(period) - LEAD - FAULTY))
    around = period[first : first + LEAD + FAULTY]
    subsystem = str(rng.choice(sorted(detector.catalogues)))
    catalogue = detector.catalogues[subsystem]
    fault = fault_on(rng, kind, subsystem, catalogue, severity=severity, period=(around[LEAD][0], around[-1][0]))
    return fault, stream(detector, around, [fault], int(rng.integers(2**31)))


def _trial(fault: Fault, judged: Sequence[Judged], rules: AlertSettings) -> Trial:
    groups = {name.rpartition("/")[0] for name in fault.elements}
    order = [item.key for item in judged]
    start = order.index(fault.start)
    result = [
        incident
        for incident in incidents(judged, rules)
        if incident.labels.subsystem == fault.subsystem
        and incident.labels.group in groups
        and incident.raised >= fault.start
    ]
    if not result:
        return Trial(None, None, _auc(fault, judged, start))
    return Trial(order.index(result[0].raised) - start, _named(fault, result[0], judged), _auc(fault, judged, start))


def _named(fault: Fault, incident: Incident, judged: Sequence[Judged]) -> bool | None:
    """Whether the evidence names the fault most often; None where there is none (missing MEs have no content)."""
    kinds = Counter(
        item.kinds[me]
        for item in judged
        if item.key in incident.lumisections
        for me in incident.elements
        if me in item.kinds
    )
    return kinds.most_common(1)[0][0] == fault.kind if kinds else None


def _auc(fault: Fault, judged: Sequence[Judged], start: int) -> dict[str, float]:
    """Share of pairs of a faulty and a good lumisection that each scorer ranks rightly, over the MEs hit."""
    names = judged[0].verdicts[fault.subsystem].folders.names
    rows = [names.index(me) for me in fault.elements]
    result = {}
    for scorer in REGISTRY:
        by_lumisection = [
            item.scores[fault.subsystem][scorer][rows] for item in judged if scorer in item.scores[fault.subsystem]
        ]
        scores = np.array(by_lumisection)
        if len(by_lumisection) == len(judged) and np.isfinite(scores).all():
            good, faulty = scores[:start, None], scores[None, start:]
            result[scorer] = float(((faulty > good) + 0.5 * (faulty == good)).mean())
    return result


def results(tally: Tally) -> dict[str, Result]:
    """All figures by key."""
    result = _false(tally)
    rng = np.random.default_rng(0)
    for (kind, severity), trials in tally.trials.items():
        key = f"{kind}_{severity:g}"
        hits = [trial for trial in trials if trial.delay is not None]
        result[f"detected_{key}"] = _share(len(hits), len(trials))
        if hits:
            delays = [hit.delay or 0 for hit in hits]
            low, high = bootstrap_mean(delays, rng)
            result[f"delay_ls_{key}"] = Result(
                float(np.mean(delays)), "LS", low, high, len(hits), note="of those found"
            )
        named = [hit.named for hit in hits if hit.named is not None]
        if named:
            result[f"named_{key}"] = _share(sum(named), len(named))
        for scorer in REGISTRY:
            areas = [trial.auc[scorer] for trial in trials if scorer in trial.auc]
            if areas:
                low, high = bootstrap_mean(areas, rng)
                result[f"auc_{scorer}_{key}"] = Result(float(np.mean(areas)), "AUC", low, high, len(areas))
    return result


def _false(tally: Tally) -> dict[str, Result]:
    """False incidents per shift against the declared budget, altogether and by family."""
    settings = DqmSettings()
    hours = tally.watched * LUMISECTION_SECONDS / 3600
    shifts = hours / settings.shift_hours
    budget = settings.false_incidents_per_shift
    by_family = Counter(item.labels.family for item in tally.false)
    rates = {"false_incidents_per_shift": len(tally.false)}
    rates |= {f"false_incidents_per_shift_{family}": count for family, count in sorted(by_family.items())}
    result = {"hours_watched": Result(hours, "h", n=tally.watched)}
    for key, count in rates.items():
        low, high = poisson(count)
        rate = count / shifts
        note = f"{count} incidents in {shifts:.1f} shifts"
        result[key] = Result(rate, "1/shift", low / shifts, high / shifts, count, "budget", budget, rate / budget, note)
    return result


def _share(hits: int, trials: int) -> Result:
    low, high = wilson(hits, trials)
    return Result(hits / trials, "share", low, high, trials)


if __name__ == "__main__":
    sys.exit(main("detection", measure))
