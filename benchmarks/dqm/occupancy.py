"""Occupancy of strips of channels, with labels in the published class ratio.

Strips are emulated (:mod:`benchmarks.dqm.strips`). 60 % train, 20 % say when to stop, 20 % are the test. Networks of
one kind differ in what they learn from: the labels, as published; good strips with faults put in, for which nobody
has to label anything; and both. ``occupancy_auc`` is the mean of the two that have seen faults put in. The other
methods see the same preprocessed strips; those that fit anything fit the good strips of training.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.dqm.over_seeds import mean_auc
from benchmarks.dqm.strips import BAD, GOOD, Strip, emulate
from benchmarks.report import Progress, Result
from dqm.histograms.occupancy.injected_faults import inject_strip_faults
from dqm.histograms.occupancy.shapes import prepared
from dqm.statistics.classification import auc

Float32 = npt.NDArray[np.float32]
Rows = npt.NDArray[np.bool_]

LABELS, FAULTS, BOTH = "labels_only", "no_labels", "labels_and_faults"
TOGETHER = "mean of the two with faults"
INJECTED = 3
"""How often each good strip is spoilt."""


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> dict[str, Result]:  # noqa: ARG001
    """All figures of the table; no files are needed."""
    share = 16 if quick else 1
    runs = [_run(seed, GOOD // share, BAD // share, progress) for seed in seeds]
    tested = (GOOD // share + BAD // share) // 5
    results = {"occupancy_auc": mean_auc(runs, TOGETHER, tested, "emulated strips", peer=LABELS)}
    names = (name for name in runs[0] if name != TOGETHER)
    return results | {f"occupancy_auc_{name}": mean_auc(runs, name, tested, "emulated strips") for name in names}


def _run(seed: int, good: int, bad: int, progress: Progress) -> Mapping[str, float]:
    """AUC by method."""
    rng = np.random.default_rng(seed)
    strips = emulate(rng, good, bad)
    first, second = int(0.6 * len(strips)), int(0.8 * len(strips))
    learn, validation, test = strips[:first], strips[first:second], strips[second:]
    methods = dict(_networks(learn, validation, rng, seed)) | dict(_baselines(learn, seed))
    methods[TOGETHER] = lambda sample: methods[BOTH](sample) + methods[FAULTS](sample)
    looked, labels = _prepared(test), _bad(test)
    results = {name: auc(score(looked), labels) for name, score in methods.items()}
    unseen = emulate(rng, len(test) * 9 // 10, len(test) // 10, visible=False)
    results["every_fault"] = auc(methods[TOGETHER](_prepared(unseen)), _bad(unseen))
    progress(f"seed {seed}: " + ", ".join(f"{name} {value:.4f}" for name, value in results.items()))
    return results


Score = Callable[[Float32], npt.NDArray[np.floating]]
"""Scores of prepared strips; greater is worse."""


def _networks(
    learn: Sequence[Strip], validation: Sequence[Strip], rng: np.random.Generator, seed: int
) -> Iterator[tuple[str, Score]]:
    from dqm.networks.training.strip_cnn import LabelledStrips, train

    early, late = _spoilt(learn, rng), _spoilt(validation, rng)
    for name, labels, faults in ((LABELS, True, False), (FAULTS, False, True), (BOTH, True, True)):
        first = LabelledStrips(*_joined(learn, early if faults else None, labels=labels))
        second = LabelledStrips(*_joined(validation, late if faults else None, labels=labels))
        yield name, train(first, second, seed).surprise


def _baselines(learn: Sequence[Strip], seed: int) -> Iterator[tuple[str, Score]]:
    yield "variance", lambda strips: strips.var(axis=1)
    yield "sobel", lambda strips: np.abs(strips[:, 2:] - strips[:, :-2]).max(axis=1)
    if find_spec("sklearn") is not None:
        yield from _scikit_learn(_prepared([item for item in learn if not item.bad]), seed)


def _scikit_learn(good: Float32, seed: int) -> Iterator[tuple[str, Score]]:
    from sklearn.ensemble import IsolationForest
    from sklearn.svm import OneClassSVM

    machine = OneClassSVM(nu=0.05, gamma="scale").fit(good)
    yield "one_class_svm", lambda strips: -machine.decision_function(strips)
    forest = IsolationForest(n_estimators=200, random_state=seed).fit(good)
    yield "isolation_forest", lambda strips: -forest.score_samples(strips)


def _prepared(strips: Sequence[Strip]) -> Float32:
    return np.concatenate([prepared(strip.counts[None]) for strip in strips])


def _bad(strips: Sequence[Strip]) -> Rows:
    return np.array([strip.bad for strip in strips])


def _spoilt(strips: Sequence[Strip], rng: np.random.Generator) -> Float32:
    """Good strips with faults put in, prepared."""
    injected = [
        inject_strip_faults(strip.counts[None], rng) for strip in strips if not strip.bad for _ in range(INJECTED)
    ]
    return np.concatenate([prepared(counts) for counts, possible in injected if possible[0]])


def _joined(strips: Sequence[Strip], injected: Float32 | None, *, labels: bool) -> tuple[Float32, Rows]:
    """What a network learns from: strips and labels; with faults put in, also mirrored."""
    chosen = [strip for strip in strips if labels or not strip.bad]
    if injected is None:
        return _prepared(chosen), _bad(chosen)
    all_of_them = np.concatenate([_prepared(chosen), injected])
    bad = np.concatenate([_bad(chosen), np.ones(len(injected), dtype=np.bool_)])
    return np.concatenate([all_of_them, all_of_them[:, ::-1]]), np.tile(bad, 2)
