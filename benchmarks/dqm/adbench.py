"""The certification networks against PyOD's on two tables of ADBench (S. Han et al., arXiv:2206.09426).

Protocol, the same for all: a random 70% of the good rows train, the other good rows and all outliers are judged;
features are standardised by the rows of training; each seed makes another split. PyOD's detectors (AutoEncoder, VAE,
ECOD, IForest) run with their default parameters, and nobody sees an outlier before it is judged.

Ours is the ensemble of :mod:`dqm.certification` with the score that runs live: TOP100 of the squared errors in units
of the ordinary ones. The size of its code is the only setting chosen for a table, on the rows of training alone: these
are put into five clusters, and the size is taken that best tells each cluster from the others when it was left out.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.cluster.vq import kmeans2

from benchmarks.checkpoint import checkpointed
from benchmarks.dqm.table import DataMissing, files
from benchmarks.intervals import student
from benchmarks.report import Progress, Result
from dqm.core.threads import one_thread
from dqm.histograms.certification.model import TOP, squared_errors
from dqm.histograms.certification.train import LEAST_ORDINARY, members
from dqm.statistics.classification import auc

Float32 = npt.NDArray[np.float32]
Judged = tuple[npt.NDArray[Any], ...]

TABLES = {"mnist": "adbench/24_mnist.npz", "musk": "adbench/25_musk.npz"}
TRAINED_SHARE = 0.7
OURS, UNWEIGHTED, VARIATIONAL = "certification autoencoder", "errors not in own units", "certification variational"
CODE_SHARES = (0.125, 0.25, 0.5, 0.75)
"""Sizes of the code, as shares of the features, that are compared."""
CLUSTERS = 5


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """AUC on each table; the peer is the best of PyOD's detectors by its mean over the seeds."""
    paths = files(data, *TABLES.values())
    if find_spec("pyod") is None:
        raise DataMissing("PyOD is not installed; install the extra `bench`")
    results = {}
    for name, path in zip(TABLES, paths, strict=True):
        result: list[dict[str, float]] = []
        for seed in seeds:
            item = partial(_table, path, seed, quick)
            result.append(item() if quick else checkpointed(f"adbench-{name}", seed, item))
            progress(f"{name}, seed {seed}: " + ", ".join(f"{item} {value:.4f}" for item, value in result[-1].items()))
        results[f"adbench_{name}_auc"] = _result({item: np.array([row[item] for row in result]) for item in result[0]})
    return results


def _table(path: Path, seed: int, quick: bool) -> dict[str, float]:
    """AUC of each detector on one split."""
    with np.load(path) as table:
        train, judged, bad = _split(table["X"], table["y"], 300 if quick else None, seed)
    with one_thread():
        scores = _ours(train, judged, seed)
    scores |= _apart(_peers, train, judged, seed, quick)
    return {name: auc(score.astype(np.float64), bad) for name, score in scores.items()}


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
    code = code_size(train, seed)
    plain, ordinary = members(train, "autoencoder", np.random.default_rng(seed), code)
    variational, own = members(train, "variational", np.random.default_rng(seed), code)
    errors = squared_errors(plain, judged)
    return {
        OURS: _top(errors / ordinary[:, None]),
        UNWEIGHTED: _top(errors),
        VARIATIONAL: _top(squared_errors(variational, judged) / own[:, None]),
    }


def code_size(train: Float32, seed: int) -> int:
    """The size that best tells clusters of ``train`` (n, f) that were left out from rows that were not.

    Networks are compared as they start, which is principal component analysis.
    """
    _, scores = kmeans2(train @ _leading(train), CLUSTERS, seed=seed, minit="++")
    sizes = [min(int(share * train.shape[1]), len(train) // 4) for share in CODE_SHARES]
    results = [
        np.mean([_told_apart(train, scores == index, size, seed) for index in range(CLUSTERS)]) for size in sizes
    ]
    return sizes[int(np.argmax(results))]


def _leading(rows: Float32) -> Float32:
    """The ten leading principal directions (f, 10): k-means in all dimensions would see mostly noise."""
    _, vectors = np.linalg.eigh(np.cov(rows.T))
    return np.asarray(vectors[:, -10:], dtype=np.float32)


def _told_apart(train: Float32, out: npt.NDArray[np.bool_], size: int, seed: int) -> float:
    """AUC of the rows left ``out`` (n,) above a part of the others that was not trained on either."""
    from dqm.networks.training.descent import Schedule
    from dqm.networks.training.prelu_autoencoder import train as network

    rng = np.random.default_rng(seed)
    inliers = rng.permutation(np.flatnonzero(~out))
    cut = int(TRAINED_SHARE * len(inliers))
    fitted, validation = np.split(train[inliers[:cut]], [int(0.8 * cut)])
    start = network(fitted, validation, rng, Schedule(epochs=0), size)
    ordinary = squared_errors((start,), validation).mean(axis=1)
    judged = np.concatenate([train[inliers[cut:]], train[out]])
    score = _top(squared_errors((start,), judged) / np.maximum(ordinary, LEAST_ORDINARY)[:, None])
    return auc(score.astype(np.float64), np.arange(len(judged)) >= len(inliers) - cut)


def _top(errors: Float32) -> Float32:
    largest = np.sort(errors, axis=-1)[..., -TOP:]
    score: Float32 = largest.mean(axis=-1).mean(axis=0)
    return score


def _apart(peers: Callable[..., dict[str, Float32]], *arguments: object) -> dict[str, Float32]:
    """The answer of ``peers`` from a process of its own: TensorFlow and torch each bring their own LLVM."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(peers, *arguments).result()


def _peers(train: Float32, judged: Float32, seed: int, quick: bool) -> dict[str, Float32]:
    import torch
    from pyod.models.auto_encoder import AutoEncoder
    from pyod.models.ecod import ECOD
    from pyod.models.iforest import IForest
    from pyod.models.vae import VAE

    torch.set_num_threads(1)
    short = {"epoch_num": 1} if quick else {}
    detectors: Mapping[str, Callable[[], Any]] = {
        "AutoEncoder": lambda: AutoEncoder(random_state=seed, verbose=0, **short),
        "VAE": lambda: VAE(random_state=seed, verbose=0, **short),
        "ECOD": ECOD,
        "IForest": lambda: IForest(random_state=seed),
    }
    return {name: make().fit(train).decision_function(judged) for name, make in detectors.items()}


def _result(result: Mapping[str, npt.NDArray[np.float64]]) -> Result:
    peers = [name for name in result if name not in (OURS, UNWEIGHTED, VARIATIONAL)]
    best = max(peers, key=lambda name: result[name].mean())
    value, peer = float(result[OURS].mean()), float(result[best].mean())
    low, high = student(result[OURS] - result[best])
    report = ", ".join(f"{name} {result[name].mean():.4f}" for name in (*peers, UNWEIGHTED, VARIATIONAL))
    note = f"less the peer: {value - peer:.4f} [{low:.4f}, {high:.4f}]; {report}"
    return Result(value, "AUC", *student(result[OURS]), len(result[OURS]), f"PyOD {best}", peer, value / peer, note)
