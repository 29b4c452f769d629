"""Whether certification gains by a distance-correlation penalty in training (G. Kasieczka, D. Shih, arXiv:2001.05310).

The loss of an autoencoder gets a second term: the squared distance correlation, in each batch, of the logarithm of the
score with pileup and recorded luminosity, times a weight. So the score of good lumisections is to owe less to
conditions. Detectors, conditions and faults are those of :mod:`benchmarks.dqm.certification`, of 150 of the 846
templates; one network each. What counts is the area under the curve inside bins of luminosity, where conditions
cannot help, against the same network without a penalty (weight 0).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.checkpoint import checkpointed
from benchmarks.dqm import emulated
from benchmarks.dqm.certification import inside_bins
from benchmarks.dqm.distance_correlation import distance_correlation
from benchmarks.dqm.table import files
from benchmarks.intervals import student
from benchmarks.report import Progress, Result
from dqm.core.pileup import pileup_scale
from dqm.core.threads import one_thread
from dqm.histograms.certification import scaling
from dqm.histograms.certification.model import squared_errors, top
from dqm.histograms.certification.train import HELD_SHARE, LEAST_ORDINARY, Good
from dqm.networks.prelu_autoencoder import PreluAutoencoder
from dqm.simulate import templates
from dqm.simulate.conditions import from_oms
from dqm.simulate.detector import Detector

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

WEIGHTS = (0.0, 1.0, 10.0)
FULL = emulated.Plan(earlier=1536, judged=960, elements=150)
QUICK = emulated.Plan(earlier=192, judged=64, elements=20)


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """AUC inside bins of luminosity, and dependence on conditions, for each weight."""
    elements, oms = files(data, "templates/cms_muon_pca_2018.parquet", "oms/Run2024E-v1.parquet")
    plan = QUICK if quick else FULL
    all_templates = templates.read(elements)
    every = len(all_templates) // plan.elements
    chosen = [replace(item, subsystem=emulated.SUBSYSTEM) for item in all_templates[::every][: plan.elements]]
    era = list(from_oms(oms, good_only=True))
    results: list[dict[str, float]] = []
    for seed in seeds:
        item = partial(_detector, chosen, era, plan, seed)
        results.append(item() if quick else checkpointed("decorrelation", seed, item))
        progress(f"detector {seed}: " + ", ".join(f"{name} {value:.4f}" for name, value in results[-1].items()))
    return _results({name: np.array([item[name] for item in results]) for name in results[0]}, plan)


def _detector(
    chosen: Sequence[templates.Template], era: emulated.Lumisections, plan: emulated.Plan, seed: int
) -> dict[str, float]:
    detector = Detector(chosen, np.random.default_rng(seed))
    cut = int(emulated.EARLIER_SHARE * len(era))
    earlier, later = emulated.stretches(era[:cut], plan.earlier), emulated.stretches(era[cut:], plan.judged)
    scale = pileup_scale([item for _, item in earlier])
    rng = np.random.default_rng(seed + 2000)
    catalogue = detector.catalogues[emulated.SUBSYSTEM]
    with one_thread():
        good = emulated.features_of(detector, earlier, scale, seed, lambda _: ())
        judged = emulated.features_of(detector, later, scale, seed + 1000, lambda _: ())
        faulty = emulated.features_of(
            detector, later, scale, seed + 3000, lambda key: (emulated.fault(rng, catalogue, key),)
        )
        scaled = scaling.fit(good.summaries, good.totals, good.pileup, good.use, good.bins)
        shifts = emulated.shifts(scaled, emulated.joined(good, judged))[len(earlier) :]
        shown = [good, *(replace(item, summaries=item.summaries - shifts) for item in (judged, faulty))]
        features = [scaled.scaled(item.summaries, item.totals, item.pileup, item.use) for item in shown]
        conditions = [_conditions(item) for item in shown]
        figures = {}
        for weight in WEIGHTS:
            ordinary, bad = _scores(features, conditions[0], weight, seed)
            figures[f"inside_{weight:g}"] = inside_bins(ordinary, bad, emulated.size(judged))
            figures[f"dependence_{weight:g}"] = distance_correlation(ordinary, conditions[1].astype(np.float64))
    return figures


def _conditions(good: Good) -> Float32:
    """Pileup and the logarithm of the recorded luminosity (L, 2), both of about unit spread."""
    size = emulated.size(good)
    return np.stack([good.pileup, (size - size.mean()) / size.std()], axis=1).astype(np.float32)


def _scores(features: Sequence[Float32], conditions: Float32, weight: float, seed: int) -> tuple[Float64, Float64]:
    """Logarithms of the scores of good and faulty lumisections by a network trained with ``weight``."""
    learned, *judged = features
    early = len(learned) - int(HELD_SHARE * len(learned))
    network = _trained(learned, conditions, early, weight, np.random.default_rng(seed))
    ordinary = np.maximum(squared_errors((network,), learned[early:])[0].mean(axis=0), LEAST_ORDINARY)
    count = top(learned.shape[1])
    errors = [squared_errors((network,), item)[0] / ordinary for item in judged]
    ranked = [np.partition(error, -count, axis=1)[:, -count:].mean(axis=1, dtype=np.float64) for error in errors]
    return np.log(ranked[0]), np.log(ranked[1])


def _trained(
    features: Float32, conditions: Float32, early: int, weight: float, rng: np.random.Generator
) -> PreluAutoencoder:
    """Train as networks.training.prelu_autoencoder does, with the penalty in the loss; conditions are last columns."""
    from dqm.networks.training.descent import Schedule, descend, tf
    from dqm.networks.training.prelu_autoencoder import applied, clipped, network, variables

    width, count = features.shape[1], top(features.shape[1])
    weights = variables(clipped(features[:early]), rng)

    def loss(rows: Any) -> Any:
        shown, row = rows[:, :width], rows[:, width:]
        squares = tf.square(shown - applied(shown, weights))
        if not weight:
            return tf.reduce_mean(squares)
        score = tf.math.log(tf.reduce_mean(tf.math.top_k(squares, count).values, axis=1, keepdims=True))
        return tf.reduce_mean(squares) + weight * _dependence(score, row)

    rows = np.concatenate([clipped(features), conditions], axis=1)
    return network(descend(weights, loss, (rows[:early], rows[early:]), rng, Schedule()))


def _dependence(item: Any, other: Any) -> Any:
    """Squared distance correlation of tensors (rows, k): :mod:`benchmarks.dqm.distance_correlation`, differentiable."""
    from dqm.networks.training.descent import tf

    def centred(points: Any) -> Any:
        # The root has no slope at 0, where a point meets itself.
        distances = tf.sqrt(tf.reduce_sum(tf.square(points[:, None] - points), axis=-1) + 1e-9)
        middle = tf.reduce_mean(distances, axis=0)
        return distances - middle - middle[:, None] + tf.reduce_mean(distances)

    a, b = centred(item), centred(other)
    return tf.reduce_mean(a * b) / tf.sqrt(tf.reduce_mean(a * a) * tf.reduce_mean(b * b) + 1e-12)


def _results(result: Mapping[str, Float64], plan: emulated.Plan) -> dict[str, Result]:
    results = {}
    for weight in WEIGHTS:
        inside, plain = result[f"inside_{weight:g}"], result["inside_0"]
        dependence, free = result[f"dependence_{weight:g}"], result["dependence_0"]
        low, high = student(inside - plain)
        note = f"less that without: {(inside - plain).mean():.4f} [{low:.4f}, {high:.4f}]"
        n = 2 * plan.judged * len(inside)
        peer = float(plain.mean()), float(inside.mean() / plain.mean())
        results[f"decorrelation_{weight:g}_auc_inside_luminosity"] = Result(
            float(inside.mean()), "AUC", *student(inside), n, "no penalty", *peer, note
        )
        also = float(free.mean()), float(dependence.mean() / free.mean())
        results[f"decorrelation_{weight:g}_dependence"] = Result(
            float(dependence.mean()), "distance correlation", *student(dependence), n // 2, "no penalty", *also
        )
    return results
