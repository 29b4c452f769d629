"""How often trigger rates raise a false incident, what share of faults is found, and whether the culprit is named.

Of several triggers (seeds) of 40 seeds and 600 paths under real conditions (``oms/*.parquet``) the earlier part of
an era trains and calibrates. All lumisections of the rest, ramps, dumps, run starts and prescale changes among them,
are judged as the daemon does it: every incident in them is false. So are the first ones of an era two months later, of
which nothing in between was seen. Then one fault at a time is put into stretches of the rest of the first era. It is
found if an incident is raised before it ends, and its culprit is named if the incident of what really is wrong is
raised, and no other one while it lasts. The peer is the fitted curve of each rate by itself, with the same drift,
calibration, budget and raise rule.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from benchmarks.checkpoint import checkpointed
from benchmarks.detection import EARLIER_SHARE, Lumisections
from benchmarks.dqm.table import files
from benchmarks.intervals import poisson, wilson
from benchmarks.rates.watching import Shifts, watch
from benchmarks.report import Progress, Result
from benchmarks.watching import incidents
from conf.settings import AlertSettings, DqmSettings, RateSettings
from dqm.core.budget import limit
from dqm.rates.curves import Curves
from dqm.rates.observed import carried, is_usable, observed
from dqm.rates.pipeline import RatePipeline
from dqm.rates.residuals import Expectation, rate_residuals
from dqm.rates.train import train
from dqm.simulate.conditions import from_oms
from dqm.simulate.rate_faults import RateFault, RateFaultKind
from dqm.simulate.rate_plan import fault_on
from dqm.simulate.rates import Trigger, stream
from dqm.statistics.conformal import ConformalTable
from opint.incidents.families import IncidentKey
from streams.records import LUMISECTION_SECONDS, TriggerRates

Float32 = npt.NDArray[np.float32]

ERA, LATER_ERA = "Run2024E-v1", "Run2024I-v1"
LEAD, FAULTY = 3, 12
"""Lumisections before a fault, and with it."""
NEAR = 20
"""So many lumisections before and after collisions are watched too: ramps, dumps, starts."""
MOST_LATER = 7000
"""Lumisections of the later era that are watched."""
TRIALS = 20
"""Faults of each kind and trigger."""
FAINT = {
    RateFaultKind.PATH: (0.7, 0.9),
    RateFaultKind.SEED: (0.85, 0.95),
    RateFaultKind.SEED_PATHS: (0.9, 0.97),
    RateFaultKind.ALL: (0.96, 0.99),
}
"""Ranges of what faint faults leave of rates; they do not count for the share of culprits that are named."""
RULES, DQM, RATES = AlertSettings(), DqmSettings(), RateSettings()

_FAMILY = {
    RateFaultKind.PATH: "path",
    RateFaultKind.PRESCALE: "path",
    RateFaultKind.SEED: "seed",
    RateFaultKind.SEED_PATHS: "seed",
    RateFaultKind.ALL: "all-rates",
    RateFaultKind.COLUMN: "prescales",
    RateFaultKind.STUCK: "frozen",
    RateFaultKind.MISSING: "missing",
}


@dataclass(frozen=True, slots=True)
class Size:
    """How many lumisections are learned from, and watched of each era (None: all), and how many faults of a kind."""

    learn: int | None = None
    watched: int | None = None
    trials: int = TRIALS


FULL, QUICK = Size(), Size(600, 300, 1)


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """False incidents, faults found and culprits named, of one trigger for each seed."""
    paths = files(data, f"oms/{ERA}.parquet", f"oms/{LATER_ERA}.parquet")
    size = QUICK if quick else FULL
    results = []
    for seed in seeds:
        name = "rates-culprits-quick" if quick else "rates-culprits"
        results.append(checkpointed(name, seed, lambda seed=seed: figures(seed, paths, size, progress)))  # type: ignore[misc]
        progress(f"seed {seed}: " + ", ".join(f"{name} {value:g}" for name, value in results[-1].items()))
    sums: dict[str, float] = defaultdict(float)
    for item in results:
        for name, value in item.items():
            sums[name] += value
    return report(sums, len(seeds) * size.trials)


def report(sums: Mapping[str, float], trials: int) -> dict[str, Result]:
    """Results of sums over all triggers, of ``trials`` faults of each kind."""
    result = sum(sums[f"found {kind}"] for kind in RateFaultKind)
    named = sum(sums[f"named {kind}"] for kind in RateFaultKind)
    results = {
        "false_incidents_per_shift": _rate(sums, "same era"),
        "false_incidents_per_shift_after_gap": _rate(sums, "later era"),
        "culprit_named": _share(named, result, "of those found"),
        "faults_found": _share(result, trials * len(RateFaultKind), "of all"),
    }
    for kind in (*RateFaultKind, *(f"faint {kind}" for kind in FAINT)):
        hit, right = sums[f"found {kind}"], sums[f"named {kind}"]
        delay = f"{sums[f'delay {kind}'] / max(hit, 1):.2g} lumisections on average, {right:.0f} of {hit:.0f} named"
        item = _share(hit, trials, delay)
        if f"curve {kind}" in sums:
            by_curve = sums[f"curve {kind}"]
            name = f"curves alone, {sums[f'curve incidents {kind}'] / max(by_curve, 1):.3g} incidents each"
            peer = by_curve / trials
            item = replace(item, peer=name, peer_value=peer, ratio=_ratio(item.value, peer))
        results[f"found_{kind.replace('-', '_').replace(' ', '_')}"] = item
    return results


def figures(seed: int, paths: Sequence[Path], size: Size, progress: Progress) -> dict[str, float]:
    """Counts of one trigger."""
    trigger = Trigger.built_in(seed)
    era, later = (near_collisions(list(from_oms(path))) for path in paths)
    cut = _cut(era)
    progress(f"seed {seed}: training")
    learned = era[:cut] if size.learn is None else _last_usable(era[:cut], size.learn)
    with TemporaryDirectory() as folder:
        rates = (item.rates for item in stream(trigger, learned, (), seed))
        rng = np.random.default_rng(seed)
        bundle = train(rates, Path(folder) / "rates", RATES, rng, lambda *_: None)
    pipeline = RatePipeline(bundle, RATES, DQM, RULES)
    curves = CurvesAlone(pipeline, [item.rates for item in stream(trigger, learned, (), seed)])
    results: dict[str, float] = defaultdict(float)
    shifts: Shifts = {}
    whole: Mapping[str, Lumisections] = {"same era": era[cut:], "later era": later[:MOST_LATER]}
    watched = {name: item if size.watched is None else _last_usable(item, size.watched) for name, item in whole.items()}
    for name, sample in watched.items():
        progress(f"seed {seed}: watching {name}")
        judged = list(watch(pipeline, DQM, stream(trigger, sample, (), seed), shifts))
        raised = incidents(judged, RULES)
        results[f"incidents {name}"] = len(raised)
        results[f"watched {name}"] = sum(is_usable(item) for _, item in sample)
        for incident in raised:
            results[f"false {name} {incident.labels.family}"] += 1
    progress(f"seed {seed}: faults")
    rng = np.random.default_rng(seed + 2000)
    for kind in RateFaultKind:
        for _ in range(size.trials):
            struck = _struck(rng, kind, trigger, watched["same era"])
            found_by(pipeline, curves, struck, trigger, shifts, results, str(kind))
    for kind, factors in FAINT.items():
        for _ in range(size.trials):
            struck = _struck(rng, kind, trigger, watched["same era"], factors)
            found_by(pipeline, curves, struck, trigger, shifts, results, f"faint {kind}")
    return dict(results)


def found_by(
    pipeline: RatePipeline,
    curves: "CurvesAlone",
    struck: tuple[RateFault, Lumisections],
    trigger: Trigger,
    shifts: Shifts,
    result: dict[str, float],
    kind: str,
) -> None:
    """Add to ``found`` what became of one fault, under its ``kind``."""
    fault, around = struck
    hit = list(stream(trigger, around, [fault], fault.start.ls))
    raised = [
        incident
        for incident in incidents(list(watch(pipeline, DQM, hit, shifts)), RULES)
        if fault.start <= incident.raised <= fault.end
    ]
    if raised:
        result[f"found {kind}"] += 1
        result[f"delay {kind}"] += min(incident.raised.ls for incident in raised) - fault.start.ls
    right = [is_right(fault, incident.labels, incident.elements) for incident in raised]
    result[f"named {kind}"] += bool(right) and all(right)
    if fault.kind not in {RateFaultKind.STUCK, RateFaultKind.MISSING}:
        alarming = curves.raised([item.rates for item in hit], shifts[fault.start.run])
        result[f"curve {kind}"] += alarming > 0
        result[f"curve incidents {kind}"] += alarming


def is_right(fault: RateFault, labels: IncidentKey, elements: frozenset[str]) -> bool:
    """Whether an incident is that of the fault: the kind of cause, and whose it is."""
    if labels.family != _FAMILY[fault.kind]:
        return False
    if fault.seed_name:
        return labels.group == fault.seed_name
    return not fault.elements or elements == frozenset(fault.elements)


class CurvesAlone:
    """Each rate beside its own curve, with drift, calibration, budget and raise rule as the pipeline has them."""

    def __init__(self, pipeline: RatePipeline, learned: Sequence[TriggerRates]) -> None:
        """Calibrate on what calibrated the pipeline: the last of what was ``learned``."""
        self._model = pipeline.model
        good = [item for item in learned if is_usable(item.conditions) and item.conditions.prescale_index is not None]
        observations = observed(good, self._model.menu)
        off = [
            rate_residuals(self._expectation(moved), observations.only(np.arange(rows.start, rows.stop))).off_curve
            for rows, moved in carried(self._model.expectation.curves, observations, [item.key for item in good])
        ]
        calibrates = np.abs(np.concatenate(off)[-len(self._model.p_values.rows) :]).astype(np.float32)
        self._table = ConformalTable.of(calibrates[np.isfinite(calibrates)].astype(np.float64))
        allowed = RATES.false_incidents_per_shift * LUMISECTION_SECONDS / (DQM.shift_hours * 3600)
        self._limit = limit(self._table.p_values(calibrates).T, RULES.raise_bad, RULES.raise_of, allowed)

    def raised(self, rates: Sequence[TriggerRates], shift: Float32) -> int:
        """How many rates raise an incident of their own in these lumisections."""
        of_menu = shift[:, self._model.menu.rows, 0]
        expectation = self._expectation(self._model.expectation.curves.moved(of_menu))
        off = np.abs(rate_residuals(expectation, observed(rates, self._model.menu)).off_curve).astype(np.float32)
        bad = self._table.p_values(off) <= self._limit
        windows = np.lib.stride_tricks.sliding_window_view(bad, RULES.raise_of, axis=0)
        return int((windows.sum(axis=-1) >= RULES.raise_bad).any(axis=0).sum())

    def _expectation(self, moved: Curves) -> Expectation:
        return replace(self._model.expectation, curves=moved)


def _struck(
    rng: np.random.Generator,
    kind: RateFaultKind,
    trigger: Trigger,
    among: Lumisections,
    factors: tuple[float, float] | None = None,
) -> tuple[RateFault, Lumisections]:
    """A random fault of the kind, and the lumisections of one run with and before it, all of them usable."""
    length = LEAD + FAULTY
    usable = np.array([is_usable(item) and item.prescale_index is not None for _, item in among])
    runs = np.array([key.run for key, _ in among])
    starts = np.flatnonzero(
        (np.lib.stride_tricks.sliding_window_view(usable, length).all(axis=1))
        & (runs[: 1 - length] == runs[length - 1 :])
    )
    at = int(rng.choice(starts))
    around = among[at : at + length]
    period = around[LEAD][0], around[-1][0]
    column = around[LEAD][1].prescale_index
    return fault_on(rng, kind, trigger, column, period, factors=factors), around


def _cut(era: Lumisections) -> int:
    """Where the earlier part of an era ends: with a run."""
    at = int(EARLIER_SHARE * len(era))
    return next((place for place in range(at, len(era)) if era[place][0].run != era[place - 1][0].run), at)


def near_collisions(lumisections: Lumisections) -> Lumisections:
    """Those that are usable or near to ones that are: the hours without beam in between are left out."""
    usable = np.array([is_usable(item) for _, item in lumisections])
    near = np.convolve(usable, np.ones(2 * NEAR + 1), mode="same") > 0
    return [lumisection for lumisection, is_near in zip(lumisections, near, strict=True) if is_near]


def _last_usable(lumisections: Lumisections, count: int) -> Lumisections:
    """The last ``count`` of those that are usable."""
    return [lumisection for lumisection in lumisections if is_usable(lumisection[1])][-count:]


def _rate(sums: Mapping[str, float], era: str) -> Result:
    count, watched = int(sums[f"incidents {era}"]), sums[f"watched {era}"]
    shifts = watched * LUMISECTION_SECONDS / 3600 / DQM.shift_hours
    low, high = poisson(count)
    budget = RATES.false_incidents_per_shift
    reports = f"false {era} "
    families = ", ".join(
        f"{name[len(reports) :]} {sums[name]:.0f}" for name in sorted(sums) if name.startswith(reports)
    )
    note = f"in {watched:.0f} usable lumisections; by family: {families or 'none'}"
    value = count / shifts
    return Result(value, "1/shift", low / shifts, high / shifts, count, "declared", budget, value / budget, note)


def _share(hits: float, of: float, note: str) -> Result:
    low, high = wilson(int(hits), max(int(of), 1))
    return Result(hits / max(of, 1), "share", low, high, int(of), note=note)


def _ratio(value: float, peer: float) -> float | None:
    return value / peer if peer else None
