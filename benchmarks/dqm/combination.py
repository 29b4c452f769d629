"""Which way of combining p-values sees most at the same rate of false alarms, and whether the budget holds.

Of several detectors (seeds) under real conditions (``oms/*.parquet``) the earlier part of an era trains and
calibrates; good lumisections of the rest are judged as the daemon does it, and every incident in them is false. On
the same lumisections each way of combining gets its threshold: the p-value that one in a hundred goes below for a
subsystem (a thousand for one ME). Then faults too weak to be found always are put into one ME, into one folder, or
into a quarter of the MEs of a subsystem. Without such a threshold, that is taken at its word, a method is judged by
the share of good subsystems that it calls unlikely at 1 %.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.detection import Lumisections, stretches
from benchmarks.dqm.budget import LEARN, WATCHED, good, halves, learned, rate
from benchmarks.dqm.combining_methods import METHODS
from benchmarks.intervals import bootstrap_mean
from benchmarks.report import Progress, Result
from benchmarks.watching import incidents, watch
from conf.settings import AlertSettings, DqmSettings
from dqm.histograms.bundle import Bundle
from dqm.histograms.pipeline import Pipeline
from dqm.simulate.detector import Detector, stream
from dqm.simulate.faults import Fault, FaultKind
from dqm.simulate.plan import suits
from streams.records import Catalogue, HistogramBatch, LumisectionKey

Float32 = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

WEAK: Mapping[FaultKind, float] = {
    FaultKind.DEAD: 0.02,
    FaultKind.NOISY: 0.02,
    FaultKind.SHIFT: 0.02,
    FaultKind.GAIN: 0.03,
}
EXTENTS = ("one", "folder", "quarter")
OF_SUBSYSTEM, OF_ELEMENT = 0.01, 0.001
"""Rates of false alarms at which methods are compared."""


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> dict[str, Result]:
    """False incidents per shift; shares detected and false alarms by method."""
    earlier, later = halves(data)
    rounds = [_Round(seed, earlier, later, quick, progress) for seed in seeds]
    false, watched = sum(repetition.false for repetition in rounds), sum(repetition.watched for repetition in rounds)
    results = {"budget_false_incidents_per_shift": rate(false, watched)}
    for method in METHODS:
        results[f"unlikely_at_1pct_{method}"] = _mean([repetition.unlikely[method] for repetition in rounds])
        for extent in EXTENTS:
            results[f"subsystem_detected_{extent}_{method}"] = _mean(
                [repetition.subsystem[extent, method] for repetition in rounds]
            )
        results[f"element_detected_{method}"] = _mean([repetition.element[method] for repetition in rounds])
    return results


class _Round:
    """One detector: ``false`` incidents in ``watched`` good lumisections; shares by method."""

    def __init__(self, seed: int, earlier: Lumisections, later: Lumisections, quick: bool, progress: Progress) -> None:
        learn, self.watched, hit = (192, 200, 24) if quick else (LEARN, WATCHED, 200)
        settings, rules = DqmSettings(), AlertSettings()
        detector = Detector.built_in(seed)
        bundle = learned(detector, earlier, learn, settings, seed)
        pipeline = Pipeline(bundle, settings, rules)
        watched = list(good(detector, later[: self.watched], seed))
        self.false = len(incidents(list(watch(pipeline, settings, watched)), rules))
        progress(f"detector {seed}: {self.false} false incidents in {len(watched)} good lumisections")
        self.unlikely: dict[str, float] = {}
        self.subsystem: dict[tuple[str, str], float] = {}
        self.element: dict[str, float] = {}
        batches = [batch for item in watched[::2] for batch in item.batches]
        few = stretches(later[self.watched :], hit)
        self._compare(np.random.default_rng(seed + 2000), bundle, pipeline, detector, batches, few)

    def _compare(
        self,
        rng: np.random.Generator,
        bundle: Bundle,
        pipeline: Pipeline,
        detector: Detector,
        fine: Sequence[HistogramBatch],
        few: Lumisections,
    ) -> None:
        names = sorted(bundle.catalogues)
        by_scorer = {
            name: _of_scorers(bundle, pipeline, name, [item for item in fine if item.subsystem == name])
            for name in names
        }
        elements = {name: item[1] for name, item in by_scorer.items()}
        struck = {extent: _struck(rng, bundle, pipeline, detector, few, extent) for extent in EXTENTS}
        for method, combine in METHODS.items():
            fair = {name: combine(elements[name]) for name in names}
            limits = {name: _quantile(fair[name], OF_SUBSYSTEM) for name in names}
            self.unlikely[method] = float(np.mean([_share(fair[name] <= OF_SUBSYSTEM, fair[name]) for name in names]))
            for extent in EXTENTS:
                hits = [combine(p) <= limits[name] for name, _, p, _ in struck[extent]]
                self.subsystem[extent, method] = float(np.mean(hits))
            single = {name: _quantile(combine(by_scorer[name][0]), OF_ELEMENT) for name in names}
            rows = [(combine(scorers) <= single[name])[at].mean() for name, at, _, scorers in struck["folder"]]
            self.element[method] = float(np.mean(rows))


Struck = tuple[str, npt.NDArray[np.intp], Float32, Float32]
"""Subsystem, rows hit, p-values (n,) of its MEs, and those (n, k) of each of their scorers."""


def _struck(
    rng: np.random.Generator,
    bundle: Bundle,
    pipeline: Pipeline,
    detector: Detector,
    few: Lumisections,
    extent: str,
) -> list[Struck]:
    """Each lumisection with a weak fault in a random place."""
    results = []
    for key, conditions in few:
        name = str(rng.choice(sorted(detector.catalogues)))
        kind = FaultKind(str(rng.choice(list(WEAK))))
        fault = _fault(rng, kind, name, detector.catalogues[name], key, extent)
        (item,) = stream(detector, [(key, conditions)], [fault], int(rng.integers(2**31)))
        batch = next(batch for batch in item.batches if batch.subsystem == name)
        scorers, elements = _of_scorers(bundle, pipeline, name, [batch])
        rows = np.array([bundle.catalogues[name].index[me] for me in fault.elements], dtype=np.intp)
        results.append((name, rows, elements[0], scorers[0]))
    return results


def _fault(
    rng: np.random.Generator, kind: FaultKind, name: str, catalogue: Catalogue, key: LumisectionKey, extent: str
) -> Fault:
    suitable = [me for me in catalogue.elements if suits(kind, me)]
    first = suitable[int(rng.integers(len(suitable)))]
    if extent == "one":
        hit = [first.name]
    elif extent == "folder":
        hit = [me.name for me in suitable if me.group == first.group]
    else:
        expected = min(len(suitable), max(1, len(catalogue) // 4))
        hit = [suitable[at].name for at in rng.choice(len(suitable), expected, replace=False)]
    return Fault(kind, name, WEAK[kind], key, key, elements=tuple(hit), seed=int(rng.integers(2**31)))


def _of_scorers(
    bundle: Bundle, pipeline: Pipeline, name: str, batches: Sequence[HistogramBatch]
) -> tuple[Float32, Float32]:
    """P-values (L, n, k) of each scorer, and (L, n) of each ME, of batches of one subsystem."""
    calibration = bundle.subsystems[name].calibration
    scored = [item.scores for item in pipeline.score(batches)]
    scores = np.stack([item.scores for item in scored], axis=1)
    totals = np.array([np.concatenate([c.sum(axis=1) for c in batch.counts]) for batch in batches], dtype=np.float32)
    pileup = np.array([bundle.pileup.standardised(batch.conditions) for batch in batches], dtype=np.float32)
    normal = calibration.normaliser.normalised(scores, totals, pileup)
    kinds, lumisections, n = normal.shape
    places = (np.arange(kinds)[:, None] * calibration.groups + calibration.table).ravel()
    flat = normal.transpose(1, 0, 2).reshape(lumisections, kinds * n)
    p = calibration.scorers.p_values(flat, places).reshape(lumisections, kinds, n).transpose(0, 2, 1)
    return p, np.array([item.p_values for item in scored])


def _quantile(p: Floats, rate: float) -> float:
    """The p-value that this share of those inspected lies below; what was not inspected (NaN) does not count."""
    return float(np.quantile(p[~np.isnan(p)], rate))


def _share(hit: npt.NDArray[np.bool_], p: Floats) -> float:
    return float(hit.sum() / (~np.isnan(p)).sum())


def _mean(values: Sequence[float]) -> Result:
    low, high = bootstrap_mean(values, np.random.default_rng(0))
    return Result(float(np.mean(values)), "share", low, high, len(values))
