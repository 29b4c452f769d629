"""Certification of whole lumisections: how well a score ranks those with a fault above good ones.

846 real templates of a muon system under the real conditions of one era make lumisections. Each detector (seed) is
trained on stretches of the first 60% of the era, the latest third of which calibrates. Of the rest, 960 lumisections
are judged twice: as they are, and with one fault of a random kind and severity (log-uniform from 2% to 30%) in one
to eight random monitoring elements. The centre of each run has followed the good ones of the runs before. **The
histograms are simulated**: templates and conditions are real.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.checkpoint import checkpointed
from benchmarks.dqm.distance_correlation import distance_correlation
from benchmarks.dqm.emulated import (
    EARLIER_SHARE,
    SUBSYSTEM,
    TRAINED_SHARE,
    Lumisections,
    Plan,
    fault,
    features_of,
    shifts,
    size,
    stretches,
)
from benchmarks.dqm.table import files
from benchmarks.intervals import student
from benchmarks.report import Progress, Result
from dqm.core.pileup import pileup_scale
from dqm.core.threads import one_thread
from dqm.histograms.certification.model import TOP, CertificationModel, squared_errors
from dqm.histograms.certification.train import Good, fit
from dqm.simulate import templates
from dqm.simulate.conditions import from_oms
from dqm.simulate.detector import Detector
from dqm.statistics.classification import auc

Float64 = npt.NDArray[np.float64]

FULL = Plan(earlier=1536, judged=960, elements=846)
QUICK = Plan(earlier=192, judged=64, elements=40)


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """The table; see the module."""
    elements, oms = files(data, "templates/cms_muon_pca_2018.parquet", "oms/Run2024E-v1.parquet")
    plan = QUICK if quick else FULL
    chosen = [replace(item, subsystem=SUBSYSTEM) for item in templates.read(elements)[: plan.elements]]
    era = list(from_oms(oms, good_only=True))
    results: list[dict[str, float]] = []
    for seed in seeds:
        item = partial(_detector, chosen, era, plan, seed)
        results.append(item() if quick else checkpointed("certification", seed, item))
        progress(f"detector {seed}: " + ", ".join(f"{name} {value:.4f}" for name, value in results[-1].items()))
    return _results({name: np.array([item[name] for item in results]) for name in results[0]}, plan)


def _detector(chosen: Sequence[templates.Template], era: Lumisections, plan: Plan, seed: int) -> dict[str, float]:
    """AUC by score, and the share of good lumisections with p ≤ 5%, of the detector of one ``seed``."""
    with one_thread():
        return _figures(Detector(chosen, np.random.default_rng(seed)), era, plan, seed)


def _figures(detector: Detector, era: Lumisections, plan: Plan, seed: int) -> dict[str, float]:
    cut = int(EARLIER_SHARE * len(era))
    earlier, later = stretches(era[:cut], plan.earlier), stretches(era[cut:], plan.judged)
    scale = pileup_scale([item for _, item in earlier])
    trained = int(TRAINED_SHARE * len(earlier))
    good = features_of(detector, earlier, scale, seed, lambda _: ())
    judged = features_of(detector, later, scale, seed + 1000, lambda _: ())
    rng = np.random.default_rng(seed + 2000)
    catalogue = detector.catalogues[SUBSYSTEM]
    faulty = features_of(detector, later, scale, seed + 3000, lambda key: (fault(rng, catalogue, key),))
    plain, _ = fit(good, trained, "autoencoder", np.random.default_rng(seed))
    variational, _ = fit(good, trained, "variational", np.random.default_rng(seed))
    still, shift = judged, shifts(plain.ensemble.scaling, judged)
    judged, faulty = (replace(item, summaries=item.summaries - shift) for item in (judged, faulty))
    ordinary, errors = (_errors(plain, item) for item in (judged, faulty))
    without_shift = _p_values(plain, still)
    p_good, p_bad = (_p_values(plain, item) for item in (judged, faulty))
    top = {
        name: _ranked(_top(ordinary, scale_of(plain)), _top(errors, scale_of(plain)))
        for name, scale_of in {"top100": _own_units, "unweighted": _no_units}.items()
    }
    surprise = -np.log(p_good), -np.log(p_bad)
    conditions = np.stack([judged.pileup, size(judged)], axis=1).astype(np.float64)
    mixed = conditions[rng.permutation(len(conditions))]
    return {
        "calibrated": _ranked(*surprise),
        "inside": inside_bins(*surprise, size(judged)),
        "dependence": distance_correlation(surprise[0], conditions),
        "chance": distance_correlation(surprise[0], mixed),
        **top,
        "mean": _ranked(_mean(ordinary, plain), _mean(errors, plain)),
        "variational": _ranked(
            *(_top(_errors(variational, item), _own_units(variational)) for item in (judged, faulty))
        ),
        "false": float((p_good <= 0.05).mean()),
        "standing": float((without_shift <= 0.05).mean()),
    }


def inside_bins(good: Float64, bad: Float64, size: Float64) -> float:
    """Mean AUC of scores (L,) inside four bins of ``size`` (L,), which holds for the good and the bad ones."""
    bins = np.searchsorted(np.quantile(size, (0.25, 0.5, 0.75)), size)
    return float(np.mean([_ranked(good[bins == item], bad[bins == item]) for item in np.unique(bins)]))


def _ranked(good: Float64, bad: Float64) -> float:
    return auc(np.concatenate([good, bad]), np.repeat([False, True], [len(good), len(bad)]))


def _errors(model: CertificationModel, good: Good) -> npt.NDArray[np.float32]:
    """Squared errors (members, L, f) in units of the scaled features."""
    features = model.ensemble.scaling.scaled(good.summaries, good.totals, good.pileup, good.use)
    return squared_errors(model.ensemble.members, features)


def _own_units(model: CertificationModel) -> npt.NDArray[np.float32]:
    return model.ensemble.ordinary[:, None]


def _no_units(model: CertificationModel) -> npt.NDArray[np.float32]:
    return np.ones_like(model.ensemble.ordinary[:, None])


def _top(errors: npt.NDArray[np.float32], units: npt.NDArray[np.float32]) -> Float64:
    """TOP100 of each lumisection, mean over the ensemble."""
    most = min(TOP, errors.shape[-1])
    largest = np.partition(errors / units, -most, axis=-1)[..., -most:]
    return np.asarray(largest.mean(axis=-1, dtype=np.float64).mean(axis=0))


def _mean(errors: npt.NDArray[np.float32], model: CertificationModel) -> Float64:
    return np.asarray((errors / _own_units(model)).mean(axis=-1, dtype=np.float64).mean(axis=0))


def _p_values(model: CertificationModel, good: Good) -> Float64:
    """As the daemon would say when it closes the lumisections."""
    largest = model.ensemble.largest(good.summaries, good.totals, good.pileup, good.use)
    results = [
        model.certified(item, float(at), conditions.recorded_lumi)
        for item, at, conditions in zip(largest, good.pileup, good.conditions, strict=True)
    ]
    return np.array([1.0 if item is None else item.p_value for item in results])


def _results(tops: Mapping[str, Float64], plan: Plan) -> dict[str, Result]:
    low, high = student(tops["top100"] - tops["mean"])
    paired = f"TOP100 less the plain mean: {(tops['top100'] - tops['mean']).mean():.4f} [{low:.4f}, {high:.4f}]"

    def result(name: str, peer: str = "", other: str = "", note: str | None = None) -> Result:
        value, n = float(tops[name].mean()), 2 * plan.judged * len(tops[name])
        interval = student(tops[name])
        if not peer:
            return Result(value, "AUC", *interval, n, note=note)
        peers = float(tops[other].mean())
        return Result(value, "AUC", *interval, n, peer, peers, value / peers, note)

    false, without_shift = float(tops["false"].mean()), float(tops["standing"].mean())
    judged = plan.judged * len(tops["false"])
    dependence, chance = float(tops["dependence"].mean()), float(tops["chance"].mean())
    return {
        "certification_auc": result("calibrated", note="by the p-value that the daemon gives"),
        "certification_auc_inside_luminosity": result(
            "inside", note="the same inside four bins of recorded luminosity, mean"
        ),
        "certification_dependence_on_conditions": Result(
            dependence,
            "distance correlation",
            *student(tops["dependence"]),
            judged,
            "the same with conditions mixed",
            chance,
            dependence / chance,
            "of -ln p of good lumisections with pileup and luminosity",
        ),
        "certification_top100_auc": result("top100", "the plain mean of the same errors", "mean", paired),
        "certification_unweighted_auc": result("unweighted", note="TOP100, errors not in units of ordinary ones"),
        "certification_vae_auc": result("variational", "the plain autoencoder", "top100", "TOP100"),
        "certification_false_at_5pct": Result(
            false, "share", *student(tops["false"]), judged, "declared", 0.05, false / 0.05
        ),
        "certification_false_at_5pct_standing": Result(
            without_shift,
            "share",
            *student(tops["standing"]),
            judged,
            "declared",
            0.05,
            without_shift / 0.05,
            "about a centre that does not follow",
        ),
    }
