"""What certification loses and lets pass, what operators' words are worth in training, and what a shadow costs.

Of several detectors (seeds) under real conditions (``oms/*.parquet``) the earlier part of an era trains two models.
In a tenth of that part, late enough to be calibrated on, one component was partly dead. One model is trained on all
of it; for the other an operator has confirmed that incident, so that training with feedback leaves it out. The
later part, with planned faults and with the old one come back, is judged by the second model, with the first in
shadow, by the daemon's own code and database. Certificates are then held against the truth by recorded luminosity.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.detection import EARLIER_SHARE, Lumisections, stretches
from benchmarks.dqm.table import files
from benchmarks.intervals import bootstrap_mean
from benchmarks.report import Progress, Result
from conf.settings import CertifySettings, Settings
from dqm.core.quality import Quality
from dqm.histograms.pipeline import Pipeline
from dqm.histograms.train import train
from dqm.simulate.conditions import from_oms
from dqm.simulate.detector import Detector, SimulatedLumisection, stream
from dqm.simulate.faults import Fault, FaultKind
from dqm.simulate.plan import fault_on, plan_faults
from opint.certification.certificate import Certificate
from opint.certification.facts import certify_run
from opint.certification.rules import ObjectionCause
from opint.incidents.operator import dispute
from opint.lumisections.ingest import Arrival, LumisectionIngest
from opint.lumisections.shadow import Shadow
from opint.registry import comparison
from opint.registry.training_data import OperatorFeedback, TrainingSelection
from opint.store import incident_pages
from opint.store.engine import Store
from streams.records import HistogramBatch, LumisectionKey
from streams.source import Message, Partition

SETTINGS = Settings()
PLACE = Partition("benchmark", "dqm.histograms", 0)
AT_ONCE = 32
SEVERITY = 0.3
FAULT_LUMISECTIONS = 20
OLD_SPAN = 0.75, 0.85
"""Where in the training period the fault was that nobody had noticed."""


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> dict[str, Result]:
    """Shares of luminosity, shares of lumisections in which the old fault is found, and times."""
    (path,) = files(data, "oms/Run2024E-v1.parquet")
    era = [(key, at) for key, at in from_oms(path, good_only=True) if all(at.dcs.values())]
    cut = int(EARLIER_SHARE * len(era))
    rounds = []
    for seed in seeds:
        with TemporaryDirectory() as folder:
            rounds.append(_round(seed, era[:cut], era[cut:], quick, Path(folder)))
        progress(f"detector {seed}: {rounds[-1]}")
    return results(rounds)


@dataclass(frozen=True, slots=True)
class Round:
    """Shares of one detector, and times in s of CPU.

    ``passed`` is of the luminosity with a fault, ``lost`` (by cause) and ``lost_after_words`` of that without one,
    ``found`` and ``found_without`` feedback of the lumisections of the old fault.
    """

    passed: float
    lost: Mapping[ObjectionCause, float]
    lost_after_words: float
    detected: float
    detected_without: float
    seconds: float
    seconds_alone: float
    histograms: int


def results(rounds: Sequence[Round]) -> dict[str, Result]:
    """All figures by key."""
    per_histogram = [1e6 * repetition.seconds / repetition.histograms for repetition in rounds]
    alone = float(np.mean([1e6 * repetition.seconds_alone / repetition.histograms for repetition in rounds]))
    without = float(np.mean([repetition.detected_without for repetition in rounds]))
    return {
        "certified_of_faulty_lumi": _mean([repetition.passed for repetition in rounds], "share"),
        "lost_of_good_lumi": _mean([sum(repetition.lost.values()) for repetition in rounds], "share"),
        **{
            f"lost_of_good_lumi_{cause.replace(' ', '_')}": _mean(
                [repetition.lost.get(cause, 0.0) for repetition in rounds], "share"
            )
            for cause in ObjectionCause
            if any(cause in repetition.lost for repetition in rounds)
        },
        "lost_of_good_lumi_after_feedback": _mean(
            [repetition.lost_after_words for repetition in rounds],
            "share",
            note="incidents without a fault called false alarms",
        ),
        "old_fault_found_with_feedback": _against(
            _mean([repetition.detected for repetition in rounds], "share"), "trained on everything", without
        ),
        "judged_with_shadow": _against(_mean(per_histogram, "us CPU/histogram"), "without shadow", alone),
    }


def _mean(values: Sequence[float], unit: str, note: str | None = None) -> Result:
    low, high = bootstrap_mean(values, np.random.default_rng(0))
    return Result(float(np.mean(values)), unit, low, high, len(values), note=note)


def _against(result: Result, peer: str, value: float) -> Result:
    return replace(result, peer=peer, peer_value=value, ratio=result.value / value if value else None)


def _round(seed: int, earlier: Lumisections, later: Lumisections, quick: bool, folder: Path) -> Round:
    learn, watched, faults = (160, 100, 2) if quick else (384, 500, 8)
    rng = np.random.default_rng(seed)
    detector = Detector.built_in(seed)
    train_on, watch = stretches(earlier, learn), later[:watched]
    old = _old_fault(rng, detector, [key for key, _ in train_on])
    batches = _batches(stream(detector, train_on, [old], seed))
    confirmed = {(batch.dataset, old.subsystem, batch.key) for batch in batches if old.start <= batch.key <= old.end}
    everything, heard = (
        TrainingSelection(range(2**62)),
        TrainingSelection(range(2**62), OperatorFeedback(confirmed=frozenset(confirmed))),
    )
    current, shadow = (
        _trained(selection.of(batches), folder / name, seed) for name, selection in (("b", heard), ("a", everything))
    )
    keys = [key for key, _ in watch]
    again = replace(old, start=keys[-FAULT_LUMISECTIONS], end=keys[-1])
    planned = plan_faults(rng, detector.catalogues, keys[: -2 * FAULT_LUMISECTIONS], count=faults, length=20)
    judged = list(stream(detector, watch, [*planned, again], seed + 1000))
    store = Store.open(f"sqlite:///{folder / 'n.db'}")
    seconds = _judge(store, current, shadow, judged)
    passed, lost = _held_against(_certificates(store, keys), judged)
    result, detected_without = _detection_shares(store, current, shadow, again)
    _call_false(store, judged)
    _, lost_after = _held_against(_certificates(store, keys), judged)
    store.close()
    spare = Store.open(f"sqlite:///{folder / 'alone.db'}")
    alone = _judge(spare, current, None, judged)
    spare.close()
    histograms = sum(len(batch.entries) for item in judged for batch in item.batches)
    return Round(passed, lost, sum(lost_after.values()), result, detected_without, seconds, alone, histograms)


def _old_fault(rng: np.random.Generator, detector: Detector, keys: Sequence[LumisectionKey]) -> Fault:
    first, last = (keys[int(share * len(keys))] for share in OLD_SPAN)
    subsystem = str(rng.choice(sorted(detector.catalogues)))
    catalogue = detector.catalogues[subsystem]
    return fault_on(rng, FaultKind.DEAD, subsystem, catalogue, severity=SEVERITY, period=(first, last))


def _batches(lumisections: Iterable[SimulatedLumisection]) -> list[HistogramBatch]:
    return [batch for lumisection in lumisections for batch in lumisection.batches]


def _trained(batches: Iterable[HistogramBatch], folder: Path, seed: int) -> Pipeline:
    bundle = train(batches, folder, SETTINGS.dqm, np.random.default_rng(seed), lambda *_: None)
    return Pipeline(bundle, SETTINGS.dqm, SETTINGS.alerts)


def _judge(store: Store, current: Pipeline, shadow: Pipeline | None, judged: Sequence[SimulatedLumisection]) -> float:
    """Score and store everything as the daemon does; s of CPU."""
    store.upgrade()
    for item_value in filter(None, (current, shadow)):
        item_value.warm_up()
    peer = None if shadow is None else Shadow(shadow, SETTINGS.dqm.frozen_after - 1)
    ingest = LumisectionIngest(store, current, SETTINGS, "benchmark", time.time, peer)
    ingest.claim([PLACE])
    batches = _batches(judged)
    start = time.process_time()
    for first in range(0, len(batches), AT_ONCE):
        sample = batches[first : first + AT_ONCE]
        seconds = [None] * len(sample) if shadow is None else shadow.score(sample)
        messages = [Message(PLACE, first + n, batch, {}, 0.0, "") for n, batch in enumerate(sample)]
        ingest.apply([Arrival(*item) for item in zip(messages, current.score(sample), seconds, strict=True)])
    while ingest.close_due(everything=True).closed:
        pass
    return time.process_time() - start


def _certificates(store: Store, keys: Sequence[LumisectionKey]) -> Mapping[int, Certificate]:
    with store.read() as tx:
        return {run: certify_run(tx, run, None, CertifySettings()) for run in sorted({key.run for key in keys})}


def _held_against(
    report: Mapping[int, Certificate], judged: Sequence[SimulatedLumisection]
) -> tuple[float, dict[ObjectionCause, float]]:
    """Of the luminosity with a fault the share certified; of that without one the shares left out, by cause."""
    lumi = {True: 0.0, False: 0.0}
    passed, lost = 0.0, defaultdict[ObjectionCause, float](float)
    for item in judged:
        recorded = item.batches[0].conditions.recorded_lumi or 0.0
        lumi[bool(item.faults)] += recorded
        cause = _cause(report[item.key.run], item.key.ls)
        if item.faults and cause is None:
            passed += recorded
        if not item.faults and cause is not None:
            lost[cause] += recorded
    return passed / lumi[True], {cause: share / lumi[False] for cause, share in lost.items()}


def _cause(certificate: Certificate, ls: int) -> ObjectionCause | None:
    """The weightiest cause that keeps a lumisection out."""
    return next((item.why[0].cause for item in certificate.excluded if item.first <= ls <= item.last), None)


def _detection_shares(store: Store, current: Pipeline, shadow: Pipeline, fault: Fault) -> tuple[float, float]:
    """Share of the lumisections of a fault in which its subsystem is bad, for both models."""
    with store.read() as tx:
        pairs = comparison.read_pairs(tx, current.version, shadow.version, range(2**62))
    owns = [pair for pair in pairs if pair.subsystem == fault.subsystem and fault.start <= pair.key <= fault.end]
    bad = [[side.quality is Quality.BAD for side in (item.current, item.shadow)] for item in owns]
    result, without = np.mean(bad, axis=0)
    return float(result), float(without)


def _call_false(store: Store, judged: Sequence[SimulatedLumisection]) -> None:
    """Call every incident false in whose lumisections its subsystem has no fault."""
    faulty = {(item.key.run, item.key.ls, fault.subsystem) for item in judged for fault in item.faults}
    with store.begin() as tx:
        for item_value in incident_pages.page(tx, limit=10_000).items:
            report = incident_pages.detail(tx, item_value.id)
            if report is not None and not any(
                (at.run, at.ls, item_value.subsystem) in faulty for at in report.occurrences
            ):
                dispute(tx, item_value.id, "the truth", "", 0.0)
