"""What a supervised head adds to whole runs of many monitoring elements, with bad ones among them that people labelled.

One subsystem of the simulator's own detector, a histogram of each element a run, 120 good runs and 30 bad ones in an
order at random. In bad runs a weak fault moves the values of one folder: *the same* folder in all of them, as a fault
does that comes back, or *another* one each time, of which there is nothing to learn. Caught are bad runs that took no
part in the head that judges them, at the declared share of false alarms; the peer is the same without a head.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.dqm.over_seeds import interval
from benchmarks.report import Progress, Result
from conf.settings import AlertSettings, DqmSettings
from dqm.histograms.head_training import HeadTrial, fitted, tried
from dqm.histograms.labelled import labelled_scores
from dqm.histograms.pipeline import Pipeline
from dqm.histograms.train import train
from dqm.simulate.detector import Detector
from dqm.simulate.faults import FaultKind
from dqm.simulate.plan import fault_on
from streams.records import Conditions, HistogramBatch, LumisectionKey

SUBSYSTEM = "Muon"
GOOD, BAD = 120, 30
SEVERITIES = (0.02, 0.05, 0.1)
KIND = FaultKind.SHIFT
SETTINGS, ALERTS = DqmSettings(), AlertSettings()


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """Shares caught and flagged with a head, and how often one is kept."""
    del data
    results: dict[str, Result] = {}
    used, severities = (seeds[:1], SEVERITIES[1:2]) if quick else (seeds, SEVERITIES)
    for where, severity in product(("same", "another"), severities):
        progress(f"supervised head, {KIND} {severity:g} in {where} folder")
        trials = [_trial(seed, severity, same=where == "same") for seed in used]
        name = f"{where}_{severity:g}"
        results[f"head_caught_{name}"] = _mean(
            [trial.caught for trial in trials], [trial.caught_without for trial in trials], BAD
        )
        results[f"head_flagged_{name}"] = _mean(
            [trial.flagged for trial in trials], [trial.flagged_without for trial in trials], GOOD
        )
        results[f"head_kept_{name}"] = Result(float(np.mean([trial.pays for trial in trials])), "share", n=len(trials))
    return results


def _mean(values: Sequence[float], without: Sequence[float], runs: int) -> Result:
    low, high = interval(values)
    note = f"{runs} runs, {len(values)} detectors"
    return Result(
        float(np.mean(values)), "share", low, high, len(values), "without a head", float(np.mean(without)), note=note
    )


def _trial(seed: int, severity: float, *, same: bool) -> HeadTrial:
    rng = np.random.default_rng(seed)
    detector = Detector.built_in(seed)
    is_bad = rng.permutation(np.arange(GOOD + BAD) < BAD)
    of_fault = np.random.default_rng(seed)
    good: list[HistogramBatch] = []
    bad: list[HistogramBatch] = []
    for at in range(GOOD + BAD):
        key = LumisectionKey(1000 + at, 0)
        if same:
            of_fault = np.random.default_rng(seed)
        fault = fault_on(
            of_fault, KIND, SUBSYSTEM, detector.catalogues[SUBSYSTEM], severity=severity, period=(key, key)
        )
        lumi = float(np.exp(rng.normal(np.log(4.0), 0.5)))
        conditions = Conditions(fill=9000 + at // 4, pileup=float(rng.normal(50, 5)), recorded_lumi=lumi)
        batches = detector.lumisection(key, conditions, rng, [fault] if is_bad[at] else [])
        (bad if is_bad[at] else good).extend(batch for batch in batches if batch.subsystem == SUBSYSTEM)
    with TemporaryDirectory() as folder:
        bundle = train(good, Path(folder) / "head", SETTINGS, rng, lambda *_: None)
    limits = Pipeline(bundle, SETTINGS, ALERTS).thresholds
    scores = labelled_scores(bundle, SUBSYSTEM, good, bad, SETTINGS, ALERTS)
    head, p_values = fitted(scores, bundle.catalogues[SUBSYSTEM])
    return tried(SUBSYSTEM, scores, p_values, limits.false_per_lumisection, limits.folder_share, head)
