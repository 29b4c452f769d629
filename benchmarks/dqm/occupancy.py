"""Occupancy: strips with labels, in the published class ratio, and maps of consecutive lumisections without.

Strips are emulated (:mod:`benchmarks.dqm.strips`). 60 % train, 20 % say when to stop, 20 % are the test. Three
networks of one kind differ in what they learn from: the labels, as published; good strips with faults put in, for
which nobody has to label anything; and both. The other methods see the same preprocessed strips; those that fit
anything fit the good strips of training.

Maps are emulated (:mod:`benchmarks.dqm.surfaces`). Autoencoders of one kind are trained on good maps as they are and
on maps divided by the mean good one; their squared errors are looked at in one lumisection, and multiplied over three.
Beside them stand the scorers of the program, which look at pulls. The score of a map is that of its worst cell.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import t

from benchmarks.dqm import surfaces
from benchmarks.dqm.ranking import auc
from benchmarks.dqm.strips import BAD, GOOD, Strip, emulate
from benchmarks.report import Progress, Result
from dqm.occupancy.faults import spoilt
from dqm.occupancy.strips import prepared

Float32 = npt.NDArray[np.float32]
Rows = npt.NDArray[np.bool_]
Scores = Mapping[str, float]

BOTH, LABELS, FAULTS = "labels and faults put in", "labels only, as published", "faults put in, no labels"
INJECTED = 1
"""How often each good strip is spoilt."""


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> dict[str, Result]:  # noqa: ARG001
    """All figures of the table; no files are needed."""
    share = 8 if quick else 1
    strips = [_strips(seed, GOOD // share, BAD // share, progress) for seed in seeds]
    maps = [surfaces.areas(seed, surfaces.LUMISECTIONS // share, progress) for seed in seeds]
    tested = (GOOD // share + BAD // share) // 5
    found = {"occupancy_auc": _result(strips, BOTH, tested, "emulated strips", peer=LABELS)}
    for name in strips[0]:
        if name != BOTH:
            found[f"occupancy_auc_{_KEYS.get(name, name)}"] = _result(strips, name, tested, "emulated strips")
    for name in maps[0]:
        key = f"occupancy_map_auc_{name}"
        found[key] = _result(maps, name, surfaces.TESTED // share, "emulated maps", peer="pull")
    return found


_KEYS = {LABELS: "labels_only", FAULTS: "no_labels"}


def interval(values: Sequence[float]) -> tuple[float | None, float | None]:
    """95 % of Student's t for the mean over seeds; unknown for one seed."""
    if len(values) < 2:
        return None, None
    reach = t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return float(np.mean(values) - reach), float(min(1.0, np.mean(values) + reach))


def _result(runs: Sequence[Scores], name: str, tested: int, note: str, peer: str | None = None) -> Result:
    values = [one[name] for one in runs]
    low, high = interval(values)
    value = float(np.mean(values))
    if peer is None or peer == name:
        return Result(value, "AUC", low, high, tested * len(runs), note=note)
    beside = float(np.mean([one[peer] for one in runs]))
    return Result(value, "AUC", low, high, tested * len(runs), peer, beside, value / beside, note)


def _strips(seed: int, good: int, bad: int, progress: Progress) -> Scores:
    rng = np.random.default_rng(seed)
    strips = emulate(rng, good, bad)
    first, second = int(0.6 * len(strips)), int(0.8 * len(strips))
    learn, held, test = strips[:first], strips[first:second], strips[second:]
    unseen = emulate(rng, len(test) * 9 // 10, len(test) // 10, visible=False)
    looked, labels = _prepared(test), _bad(test)
    found = {}
    for name, score in _methods(learn, held, rng, seed):
        found[name] = auc(score(looked), labels)
        if name == BOTH:
            found["any_fault"] = auc(score(_prepared(unseen)), _bad(unseen))
        progress(f"seed {seed}: {name} {found[name]:.4f}")
    return found


Score = Callable[[Float32], npt.NDArray[np.floating]]


def _methods(
    learn: Sequence[Strip], held: Sequence[Strip], rng: np.random.Generator, seed: int
) -> Iterator[tuple[str, Score]]:
    """Each method by name, ready to score prepared strips; greater is worse."""
    from dqm.models.local_cnn import Labelled, train

    injected, late = _spoilt(learn, rng), _spoilt(held, rng)
    for name, labels, faults in ((BOTH, True, True), (LABELS, True, False), (FAULTS, False, True)):
        first, second = (
            Labelled(*_joined(part, more if faults else None, labels=labels))
            for part, more in ((learn, injected), (held, late))
        )
        yield name, train(first, second, seed).surprise
    yield "variance", lambda strips: strips.var(axis=1)
    yield "sobel", lambda strips: np.abs(strips[:, 2:] - strips[:, :-2]).max(axis=1)
    good = _prepared([one for one in learn if not one.bad])
    if find_spec("sklearn") is not None:
        yield from _scikit_learn(good, seed)


def _scikit_learn(good: Float32, seed: int) -> Iterator[tuple[str, Score]]:
    from sklearn.ensemble import IsolationForest
    from sklearn.svm import OneClassSVM

    machine = OneClassSVM(nu=0.05, gamma="scale").fit(good)
    yield "one_class_svm", lambda strips: -machine.decision_function(strips)
    forest = IsolationForest(n_estimators=200, random_state=seed).fit(good)
    yield "isolation_forest", lambda strips: -forest.score_samples(strips)


def _prepared(strips: Sequence[Strip]) -> Float32:
    return np.concatenate([prepared(one.counts[None]) for one in strips])


def _bad(strips: Sequence[Strip]) -> Rows:
    return np.array([one.bad for one in strips])


def _spoilt(strips: Sequence[Strip], rng: np.random.Generator) -> Float32:
    """Good strips with faults put in, prepared."""
    made = [spoilt(one.counts[None], rng) for one in strips if not one.bad for _ in range(INJECTED)]
    return np.concatenate([prepared(counts) for counts, possible in made if possible[0]])


def _joined(strips: Sequence[Strip], injected: Float32 | None, *, labels: bool) -> tuple[Float32, Rows]:
    """What a network learns from: strips and labels; with faults put in, also mirrored."""
    kept = [one for one in strips if labels or not one.bad]
    if injected is None:
        return _prepared(kept), _bad(kept)
    all_of_them = np.concatenate([_prepared(kept), injected])
    bad = np.concatenate([_bad(kept), np.ones(len(injected), dtype=np.bool_)])
    return np.concatenate([all_of_them, all_of_them[:, ::-1]]), np.tile(bad, 2)
