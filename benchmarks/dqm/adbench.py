"""The certification networks against PyOD's on two tables of ADBench (S. Han et al., arXiv:2206.09426).

Protocol, the same for all: a random 70% of the good rows train, the other good rows and all outliers are judged;
features are standardised by the rows of training; each seed makes another split. PyOD's detectors (AutoEncoder, VAE,
ECOD, IForest) run with their default parameters, and nobody sees an outlier before it is judged.

Ours is the ensemble of :mod:`dqm.certification` with the score of the paper, TOP100, on the squared errors.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.dqm.ranking import auc
from benchmarks.dqm.table import DataMissing, files
from benchmarks.intervals import student
from benchmarks.report import Progress, Result
from dqm.certification.model import TOP, squared_errors
from dqm.certification.train import members
from dqm.threads import one_thread

Float32 = npt.NDArray[np.float32]
Judged = tuple[npt.NDArray[Any], ...]

TABLES = {"mnist": "adbench/24_mnist.npz", "musk": "adbench/25_musk.npz"}
TRAINED_SHARE = 0.7
OURS, WEIGHTED, VARIATIONAL = "certification autoencoder", "in own units", "certification variational"


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """AUC on each table; the peer is the best of PyOD's detectors by its mean over the seeds."""
    paths = files(data, *TABLES.values())
    if find_spec("pyod") is None:
        raise DataMissing("PyOD is not installed; install the extra `bench`")
    results = {}
    for name, path in zip(TABLES, paths, strict=True):
        found: list[dict[str, float]] = []
        for seed in seeds:
            with np.load(path) as table:
                train, judged, bad = _split(table["X"], table["y"], 300 if quick else None, seed)
            with one_thread():
                scores = _ours(train, judged, seed)
            scores |= _apart(_peers, train, judged, seed, quick)
            found.append({one: auc(score.astype(np.float64), bad) for one, score in scores.items()})
            progress(f"{name}, seed {seed}: " + ", ".join(f"{one} {value:.4f}" for one, value in found[-1].items()))
        results[f"adbench_{name}_auc"] = _result({one: np.array([row[one] for row in found]) for one in found[0]})
    return results


def _split(
    rows: npt.NDArray[np.float64], labels: npt.NDArray[np.int64], most: int | None, seed: int
) -> tuple[Float32, Float32, npt.NDArray[np.bool_]]:
    """Standardised rows to train on and to judge, and which of these are outliers."""
    good = np.random.default_rng(seed).permutation(np.flatnonzero(labels == 0))[:most]
    cut = int(TRAINED_SHARE * len(good))
    judged = np.concatenate([good[cut:], np.flatnonzero(labels == 1)])
    train = rows[good[:cut]]
    spread = train.std(axis=0)
    spread[spread < 1e-9] = 1.0
    scaled = ((rows - train.mean(axis=0)) / spread).astype(np.float32)
    return scaled[good[:cut]], scaled[judged], labels[judged] == 1


def _ours(train: Float32, judged: Float32, seed: int) -> dict[str, Float32]:
    plain, ordinary = members(train, "autoencoder", np.random.default_rng(seed))
    variational, _ = members(train, "variational", np.random.default_rng(seed))
    errors = squared_errors(plain, judged)
    return {
        OURS: _top(errors),
        WEIGHTED: _top(errors / ordinary[:, None]),
        VARIATIONAL: _top(squared_errors(variational, judged)),
    }


def _top(errors: Float32) -> Float32:
    largest = np.sort(errors, axis=-1)[..., -TOP:]
    score: Float32 = largest.mean(axis=-1).mean(axis=0)
    return score


def _apart(peers: Callable[..., dict[str, Float32]], *given: object) -> dict[str, Float32]:
    """The answer of ``peers`` from a process of its own: TensorFlow and torch each bring their own LLVM."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(peers, *given).result()


def _peers(train: Float32, judged: Float32, seed: int, quick: bool) -> dict[str, Float32]:
    import torch
    from pyod.models.auto_encoder import AutoEncoder
    from pyod.models.ecod import ECOD
    from pyod.models.iforest import IForest
    from pyod.models.vae import VAE

    torch.set_num_threads(1)
    short = {"epoch_num": 1} if quick else {}
    made: Mapping[str, Callable[[], Any]] = {
        "AutoEncoder": lambda: AutoEncoder(random_state=seed, verbose=0, **short),
        "VAE": lambda: VAE(random_state=seed, verbose=0, **short),
        "ECOD": ECOD,
        "IForest": lambda: IForest(random_state=seed),
    }
    return {name: make().fit(train).decision_function(judged) for name, make in made.items()}


def _result(found: Mapping[str, npt.NDArray[np.float64]]) -> Result:
    peers = [name for name in found if name not in (OURS, WEIGHTED, VARIATIONAL)]
    best = max(peers, key=lambda name: found[name].mean())
    value, beside = float(found[OURS].mean()), float(found[best].mean())
    low, high = student(found[OURS] - found[best])
    told = ", ".join(f"{name} {found[name].mean():.4f}" for name in (*peers, WEIGHTED, VARIATIONAL))
    note = f"less the peer: {value - beside:.4f} [{low:.4f}, {high:.4f}]; {told}"
    return Result(value, "AUC", *student(found[OURS]), len(found[OURS]), f"PyOD {best}", beside, value / beside, note)
