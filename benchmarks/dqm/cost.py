"""What judging costs: microseconds per histogram of every scorer, training time and memory.

The simulator's own detector, 125 MEs, under generated conditions. A scorer is timed on every group of the bundle at a
batch of at least 256 histograms, on one core; the figure is the time of all groups over all their histograms, the
least of the repetitions in each round (seed), since whatever else the machine does only adds. ``features`` is the
work that all scorers share (reference, pulls, movements), ``all`` is ``Pipeline.score`` with everything: alignment,
digests, p-values and evidence.
"""

import math
import resource
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from benchmarks.intervals import bootstrap_mean
from benchmarks.report import Progress, Result
from conf.settings import AlertSettings, DqmSettings
from dqm.core.threads import one_thread
from dqm.histograms.bundle import Bundle
from dqm.histograms.features import FeatureBlock, features
from dqm.histograms.group import Group
from dqm.histograms.pipeline import Pipeline
from dqm.histograms.train import train
from dqm.simulate.conditions import generate
from dqm.simulate.detector import Detector, stream
from streams.records import Counts, HistogramBatch

Float32 = npt.NDArray[np.float32]

BATCH = 256
TRAINED_ON = 512


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> dict[str, Result]:  # noqa: ARG001
    """Costs by scorer, of training, and of the process; needs no data."""
    settings = DqmSettings()
    learn, repeats = (96, 3) if quick else (TRAINED_ON, 15)
    batches = _batches(seeds[0], learn)
    before_s, before_kib = time.perf_counter(), _peak_kib()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        bundle = train(batches, path, settings, np.random.default_rng(seeds[0]), lambda *_: None)
        size = sum(file.stat().st_size for file in path.iterdir())
    trained_s, grown_kib = time.perf_counter() - before_s, _peak_kib() - before_kib
    progress(f"trained on {learn} lumisections in {trained_s:.0f} s")
    note = f"{learn} lumisections of {sum(map(len, bundle.catalogues.values()))} MEs"
    results = {
        "training_s": Result(trained_s, "s", note=note),
        "training_memory_mib": Result(grown_kib / 1024, "MiB", note="growth of the peak, libraries included"),
        "bundle_mib": Result(size / 1024**2, "MiB"),
    }
    rounds: dict[str, list[float]] = {}
    pipeline = Pipeline(bundle, settings, AlertSettings())
    for seed in seeds:
        fresh = _batches(seed + 100, 32)
        for name, cost in _costs(bundle, pipeline, fresh, repeats).items():
            rounds.setdefault(name, []).append(cost)
    for name, costs in rounds.items():
        low, high = bootstrap_mean(costs, np.random.default_rng(0))
        results[f"scoring_us_per_histogram_{name}"] = Result(float(np.mean(costs)), "us", low, high, len(costs))
    return results


def _batches(seed: int, lumisections: int) -> list[HistogramBatch]:
    rng = np.random.default_rng(seed)
    stable = [item for item in generate(rng, fills=1 + lumisections // 200, stable=400) if item[1].beams_stable]
    return [batch for item in stream(Detector.built_in(1), stable[:lumisections], (), seed) for batch in item.batches]


def _costs(bundle: Bundle, pipeline: Pipeline, batches: Sequence[HistogramBatch], repeats: int) -> dict[str, float]:
    """Microseconds per histogram by name."""
    spent: dict[str, float] = {}
    histograms: dict[str, int] = {}
    with one_thread():
        for subsystem, model in bundle.subsystems.items():
            own = [batch for batch in batches if batch.subsystem == subsystem]
            pileup = np.array([bundle.pileup.standardised(item.conditions) for item in own], dtype=np.float32)
            for place, group in enumerate(model.groups):
                block = _block(group, [item.counts[place] for item in own], pileup)
                for name, seconds in _group(group, block, repeats).items():
                    spent[name] = spent.get(name, 0.0) + seconds
                    histograms[name] = histograms.get(name, 0) + block.totals.size
    sample = batches[: 4 * math.ceil(BATCH / sum(map(len, bundle.catalogues.values())))]
    spent["all"] = _timed(lambda: pipeline.score(sample), repeats)
    histograms["all"] = sum(len(item.entries) for item in sample)
    return {name: 1e6 * spent[name] / histograms[name] for name in spent}


def _block(group: Group, counts: Sequence[Counts], pileup: Float32) -> FeatureBlock:
    """Features of at least 256 histograms of a group; lumisections are repeated where there are too few."""
    expected = math.ceil(BATCH / len(counts[0]))
    at = np.arange(expected) % len(counts)
    stacked = np.array([counts[int(place)] for place in at], dtype=np.float32)
    return features(stacked, pileup[at], group.reference)


def _group(group: Group, block: FeatureBlock, repeats: int) -> dict[str, float]:
    shared = _timed(lambda: features(block.counts, block.pileup, group.reference), repeats)
    return {"features": shared} | {
        name: _timed(partial(scorer.score, block), repeats) for name, scorer in group.scorers.items()
    }


def _timed(work: Callable[[], object], repeats: int) -> float:
    """Seconds of the fastest call; the first is not counted."""
    work()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
