"""Faults put into real runs: 721 runs of 2017, one histogram of 195 bins each (CSC segment times).

The earlier half of the runs, all taken for good, is learned from. Of the later half, in each round (seed) one part at
random sets the threshold of each method such that 5 % of it lie above, and into the rest faults of graded severity
are put, one at a time. The effects are those of the simulator, on the real counts; what they add is drawn anew.

The peer is AutoDQM's test: pulls of the beta-binomial distribution with a tolerance of 1 %, largest and mean squared;
for each fault the better of the two counts. Ours is measured three times: *fixed*, with what the earlier half says;
*adaptive*, learned anew from the latest runs before each (:mod:`dqm.histograms.references.rolling`), as the daemon does
it; *following*, trained anew every 40 runs on the 360 before. The reference of the peer is all of
the earlier half in the first case, the eight runs before in the others. Nothing tells either which runs were good.

A reference that follows should not take over a fault that lasts. So faults are also put, once and for all, into the
same place of all runs of the last third, and looked for in the latter half of these: ``csc_lasting_found``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from benchmarks.dqm import autodqm_pulls
from benchmarks.dqm.table import files
from benchmarks.intervals import bootstrap_mean
from benchmarks.report import Progress, Result
from conf.settings import AlertSettings, DqmSettings
from dqm.core.drift import RunSums
from dqm.histograms.bundle import Bundle
from dqm.histograms.pipeline import Pipeline
from dqm.histograms.run_window import MOST_RUNS
from dqm.histograms.train import train
from dqm.simulate.effects import EFFECTS
from dqm.simulate.faults import FaultKind
from streams.codecs.limits import Limits
from streams.files import read_file
from streams.records import HistogramBatch

Floats = npt.NDArray[np.float64]

FALSE_ALARMS = 0.05
PRECEDING = 8
ANEW = 40
"""Runs after which we train anew where we follow."""

SETTINGS = DqmSettings(require_stable_beams=False)
WAYS = ("fixed", "adaptive", "following")
SEVERITIES: Mapping[FaultKind, tuple[float, ...]] = {
    FaultKind.DEAD: (0.005, 0.02, 0.05),
    FaultKind.HOT: (0.0003, 0.001, 0.003, 0.01),
    FaultKind.NOISY: (0.003, 0.01, 0.03, 0.1),
    FaultKind.SHIFT: (0.01, 0.03, 0.1, 0.3),
    FaultKind.GAIN: (0.003, 0.01, 0.03, 0.1),
    FaultKind.SWAP: (0.01, 0.03, 0.1),
}


LASTING: Mapping[FaultKind, float] = {
    FaultKind.DEAD: 0.02,
    FaultKind.HOT: 0.01,
    FaultKind.NOISY: 0.1,
    FaultKind.SHIFT: 0.3,
}


@dataclass(frozen=True, slots=True, eq=False)
class Later:
    """A run of the later half: what came, what judges it, and the counts of the eight runs before it."""

    batch: HistogramBatch
    following: Pipeline
    before: Floats


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> dict[str, Result]:
    """Share of faults detected, by fault and severity, at 5 % false alarms, ours and the peer's."""
    (path,) = files(data, "csc/segments_time_combined.parquet")
    runs = [item for item in read_file(path, Limits(64 << 20, 1000, 1000)) if isinstance(item, HistogramBatch)]
    counts = np.array([run.counts[0][0] for run in runs], dtype=np.float64)
    half = len(runs) // 2
    end = half + 2 * ANEW if quick else len(runs)
    bundles = {start: _learned(runs[start - half : start]) for start in range(half, end, ANEW)}
    learned = {start: _pipeline(bundle) for start, bundle in bundles.items()}
    progress(f"{half} runs learned from; {end - half} later ones")
    later = [
        Later(runs[at], learned[half + (at - half) // ANEW * ANEW], counts[at - PRECEDING : at].sum(axis=0))
        for at in range(half, end)
    ]
    adaptive = _adaptive(bundles[half], runs[half:end])
    methods = _Methods(learned[half], adaptive, counts[:half].sum(axis=0))
    good = methods.scores(later, counts[half:end])
    rounds = [_round(methods, later, counts[half:end], good, seed, quick) for seed in seeds]
    results = {f"csc_false_alarms_declared_{way}": _declared(good[f"ours {way}"], learned[half]) for way in WAYS}
    for kind, severity in rounds[0]:
        shares = [repetition[kind, severity] for repetition in rounds]
        for way in WAYS:
            name = "" if way == "fixed" else f"{way}_"
            results[f"csc_detected_{name}{kind}_{severity:g}"] = _result(shares, way)
    limits = {name: float(np.quantile(item, 1 - FALSE_ALARMS)) for name, item in good.items()}
    for kind in LASTING:
        shares = [_lasting(bundles[half], runs[half:end], counts[:end], kind, seed, limits) for seed in seeds]
        results[f"csc_lasting_found_{kind}"] = _result(shares, "adaptive")
    return results


def _lasting(
    bundle: Bundle,
    runs: Sequence[HistogramBatch],
    counts: Floats,
    kind: FaultKind,
    seed: int,
    limits: Mapping[str, float],
) -> dict[str, float]:
    """Share of runs found, by method, where a fault has been in ``counts`` (all runs, bins) for some time."""
    first = len(counts) - len(runs) // 3
    earlier = counts[: len(counts) - len(runs)].sum(axis=0) + 0.5
    axes = runs[0].catalogue.elements[0].axes
    factors = EFFECTS[kind](earlier, axes, LASTING[kind], np.random.default_rng(seed)) / earlier
    broken = counts.copy()
    broken[first:] = np.round(counts[first:] * factors)
    judged = range((first + len(counts)) // 2, len(counts))
    spoilt = [_with(run, row) for run, row in zip(runs, broken[-len(runs) :], strict=True)]
    last = spoilt[-len(judged) :]
    pulls = autodqm_pulls.pulls(broken[judged], np.array([broken[at - PRECEDING : at].sum(axis=0) for at in judged]))
    scores = {
        "ours adaptive": _surprise([_adaptive(bundle, spoilt)] * len(last), last),
        "pull adaptive": np.abs(pulls).max(axis=1),
        "chi2 adaptive": (pulls**2).mean(axis=1),
    }
    return {name: float((score > limits[name]).mean()) for name, score in scores.items()}


def _learned(runs: Sequence[HistogramBatch]) -> Bundle:
    with TemporaryDirectory() as folder:
        return train(runs, Path(folder) / "csc", SETTINGS, np.random.default_rng(0), lambda *_: None)


def _pipeline(bundle: Bundle) -> Pipeline:
    return Pipeline(bundle, SETTINGS, AlertSettings())


def _adaptive(bundle: Bundle, runs: Sequence[HistogramBatch]) -> Pipeline:
    """A pipeline that judges each run by what follows those before it, as they are."""
    pipeline = _pipeline(bundle)
    (subsystem,) = pipeline.models
    before: list[tuple[int, RunSums]] = []
    for run in runs:
        pipeline.follow(run.dataset, run.key.run, {subsystem: before[-MOST_RUNS:]}, {})
        sums = pipeline.score([run])[0].sums
        assert sums is not None
        before.append((run.key.run, sums))
    return pipeline


class _Methods:
    """Scores by method, greater is worse."""

    def __init__(self, fixed: Pipeline, adaptive: Pipeline, earlier: Floats) -> None:
        self._fixed = fixed
        self._adaptive = adaptive
        self._earlier = earlier

    def scores(self, runs: Sequence[Later], counts: Floats) -> dict[str, Floats]:
        """Of ``runs`` with ``counts`` (L, bins) in place of their own."""
        batches = [_with(run.batch, row) for run, row in zip(runs, counts, strict=True)]
        eight = np.array([run.before for run in runs])
        references = {"fixed": np.broadcast_to(self._earlier, counts.shape), "adaptive": eight, "following": eight}
        results = {
            "ours fixed": _surprise([self._fixed] * len(runs), batches),
            "ours adaptive": _surprise([self._adaptive] * len(runs), batches),
            "ours following": _surprise([run.following for run in runs], batches),
        }
        for way, reference in references.items():
            pulls = autodqm_pulls.pulls(counts, reference)
            results[f"pull {way}"] = np.abs(pulls).max(axis=1)
            results[f"chi2 {way}"] = (pulls**2).mean(axis=1)
        return results


def _surprise(pipelines: Sequence[Pipeline], batches: Sequence[HistogramBatch]) -> Floats:
    """-ln p of each batch by its pipeline."""
    p = np.empty(len(batches))
    for pipeline in set(pipelines):
        places = [at for at, item in enumerate(pipelines) if item is pipeline]
        p[places] = [item.scores.p_values[0] for item in pipeline.score([batches[at] for at in places])]
    surprise: Floats = -np.log(np.nan_to_num(p, nan=1.0))
    return surprise


def _with(batch: HistogramBatch, counts: Floats) -> HistogramBatch:
    return HistogramBatch(
        batch.key,
        batch.dataset,
        batch.subsystem,
        batch.conditions,
        batch.catalogue,
        (counts[None].astype(np.float32),),
        batch.flow,
        np.array([counts.sum()]),
    )


def _round(
    methods: _Methods, later: Sequence[Later], counts: Floats, good: Mapping[str, Floats], seed: int, quick: bool
) -> dict[tuple[FaultKind, float], dict[str, float]]:
    """Share detected by method, for each fault and severity, in one random split of the later runs."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(later))
    setting, hit = order[: len(order) // 2], order[len(order) // 2 :][: 20 if quick else None]
    limits = {name: np.quantile(item[setting], 1 - FALSE_ALARMS) for name, item in good.items()}
    results = {}
    for kind, severity, broken in _broken(rng, [later[at] for at in hit], counts[hit], quick):
        scores = methods.scores([later[at] for at in hit], broken)
        results[kind, severity] = {name: float((score > limits[name]).mean()) for name, score in scores.items()}
    return results


def _broken(
    rng: np.random.Generator, runs: Sequence[Later], counts: Floats, quick: bool
) -> Iterator[tuple[FaultKind, float, Floats]]:
    for kind, sample in SEVERITIES.items():
        for severity in sample[-2:] if quick else sample:
            yield (
                kind,
                severity,
                np.array([_hit(rng, run.batch, row, kind, severity) for run, row in zip(runs, counts, strict=True)]),
            )


def _hit(rng: np.random.Generator, batch: HistogramBatch, counts: Floats, kind: FaultKind, severity: float) -> Floats:
    mean = EFFECTS[kind](counts, batch.catalogue.elements[0].axes, severity, rng)
    # Counts are drawn already: only what is added is drawn, and what is moved is made whole.
    return counts + rng.poisson(mean - counts) if (mean >= counts).all() else np.round(mean)


def _declared(surprise: Floats, pipeline: Pipeline) -> Result:
    """Share of the later runs, as they are, that the declared threshold calls bad."""
    share = float((surprise >= -np.log(pipeline.thresholds.folder_p)).mean())
    allowed = pipeline.thresholds.false_per_lumisection
    return Result(share, "share", n=len(surprise), peer="declared", peer_value=allowed, ratio=share / allowed)


def _result(rounds: Sequence[Mapping[str, float]], way: str) -> Result:
    ours = [repetition[f"ours {way}"] for repetition in rounds]
    peers = {name: float(np.mean([repetition[f"{name} {way}"] for repetition in rounds])) for name in ("pull", "chi2")}
    best = max(peers, key=peers.__getitem__)
    low, high = bootstrap_mean(ours, np.random.default_rng(0))
    value = float(np.mean(ours))
    ratio = value / peers[best] if peers[best] else None
    return Result(value, "share", low, high, len(ours), f"beta-binomial {best}", peers[best], ratio)
