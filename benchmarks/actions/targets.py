"""How well each target is predicted, beside all peers and the optimum; over seeds and weeks."""

import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.actions.histories import OPTIMUM, PredictedHistory, predicted_history
from benchmarks.actions.outcomes import outcome_results
from benchmarks.intervals import student
from benchmarks.report import Progress, Result
from opint.actions.action import TARGETS
from opint.actions.comparison import LOGISTIC, MAJORITY, MODEL, PERCEPTRON, RULES, Prediction
from opint.actions.probabilities import (
    auc,
    calibration_error,
    coverage_at_precision,
    log_losses,
    macro_auc,
    macro_precision,
    macro_recall,
)
from streams.arrays import Float64, Indices

Measured = Callable[[Prediction, Indices], float]
METHODS = (MODEL, MAJORITY, RULES, LOGISTIC, PERCEPTRON, OPTIMUM)
PEERS = (MAJORITY, RULES, LOGISTIC, PERCEPTRON)
DRAWS = 1000
WORKERS = 2
MEASURES: Mapping[str, Measured] = {
    "auc": lambda prediction, label: macro_auc(prediction.probability, label),
    "macro_recall": lambda prediction, label: macro_recall(prediction.balanced, label),
    "macro_precision": lambda prediction, label: macro_precision(prediction.balanced, label),
    "ece": lambda prediction, label: calibration_error(prediction.probability, label),
    "coverage": lambda prediction, label: coverage_at_precision(prediction.probability, label, 0.95),
    "log_loss": lambda prediction, label: float(log_losses(prediction.probability, label).mean()),
}
UNITS = {"log_loss": "nat", "ece": "share", "coverage": "share", "auc": "AUC", "regret": "h", "demoted": "targets"}
PUBLISHED: Mapping[str, str] = {
    "action_macro_recall": ".691",
    "memory_macro_recall": ".582",
    "splitting_macro_recall": ".482",
    "xrootd_macro_recall": ".497",
    "action_auc_binary": ".837 ± .008 by counts, CV",
}
"""On the real history, which is another one (indico 587955/2937424)."""


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> dict[str, Result]:
    """All keys that rest on emulated histories."""
    values: dict[str, list[float]] = {}
    losses: list[tuple[Indices, dict[str, Float64]]] = []
    outcomes: list[Mapping[str, float]] = []
    cases = 0
    progress(f"{len(seeds)} histories in {WORKERS} processes")
    with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        for of_seed in pool.map(partial(_of_seed, data, quick), seeds):
            for key, value in of_seed.values.items():
                values.setdefault(key, []).append(value)
            losses.append((of_seed.week, of_seed.losses))
            outcomes.append(of_seed.outcomes)
            cases += len(of_seed.week)
    results = {key: _over_seeds(key, values, cases) for key in values if not key.endswith(tuple(METHODS[1:]))}
    results |= {key: _mean(series, key, cases) for key, series in values.items() if key.endswith(tuple(METHODS[1:]))}
    for target in TARGETS:
        results |= _gains(target, losses)
        results |= _auc_gains(target, values)
    for key in outcomes[0]:
        results[key] = _mean([each[key] for each in outcomes], key, cases)
    return results


@dataclass(frozen=True)
class _Measured:
    """What one seed gives: every measure, weeks (n,) and logarithmic losses (n,) of the later cases, and outcomes."""

    values: Mapping[str, float]
    week: Indices
    losses: dict[str, Float64]
    outcomes: Mapping[str, float]


def _of_seed(data: Path, quick: bool, seed: int) -> _Measured:
    predicted = predicted_history(data, quick, seed)
    return _Measured(_seed_values(predicted), predicted.later.week, _losses(predicted), outcome_results(predicted))


def _seed_values(predicted: PredictedHistory) -> dict[str, float]:
    """Every measure of every method for one seed; keys of the model have no suffix."""
    values = {}
    for target in TARGETS:
        label = predicted.later.labels[target]
        for method in METHODS:
            predictions = predicted.predictions[method][target]
            suffix = "" if method == MODEL else f"_{method}"
            for name, measured in MEASURES.items():
                values[f"{target}_{name}{suffix}"] = measured(predictions, label)
            if target == "action":
                values[f"action_auc_binary{suffix}"] = auc(1.0 - predictions.probability[:, 0], label > 0)
    probability = predicted.predictions[MODEL]["action"].probability
    suggested = probability.max(axis=1) >= predicted.predictor.targets["action"].confidence
    right = probability.argmax(axis=1) == predicted.later.labels["action"]
    values["coverage_at_precision_95"] = float(suggested.mean())
    values["precision_when_suggested"] = float(right[suggested].mean()) if suggested.any() else float("nan")
    values["demoted_targets"] = float(sum(each.predictor != "xgboost" for each in predicted.predictor.targets.values()))
    for target in TARGETS:
        gained = [values[f"{target}_log_loss_{name}"] for name in (MAJORITY, OPTIMUM)]
        way = (gained[0] - values[f"{target}_log_loss"]) / (gained[0] - gained[1])
        values[f"{target}_share_of_the_way"] = way
    return values


def _over_seeds(key: str, values: Mapping[str, list[float]], cases: int) -> Result:
    """The mean over seeds, beside the best peer that has the same measure."""
    mean = _mean(values[key], key, cases)
    peers = {name: float(np.mean(values[f"{key}_{name}"])) for name in PEERS if f"{key}_{name}" in values}
    if not peers:
        return mean
    smaller = key.endswith(("ece", "log_loss"))
    best = (min if smaller else max)(peers, key=peers.__getitem__)
    ratio = mean.value / peers[best] if peers[best] else None
    optimum = float(np.mean(values[f"{key}_{OPTIMUM}"]))
    published = f"; published {PUBLISHED[key]}" if key in PUBLISHED else ""
    note = f"emulated; optimum {optimum:.4f}{published}"
    return Result(mean.value, mean.unit, mean.low, mean.high, cases, best, peers[best], ratio, note)


def _mean(series: Sequence[float], key: str, cases: int) -> Result:
    low, high = student(series)
    unit = next((unit for name, unit in UNITS.items() if name in key), "share")
    return Result(float(np.mean(series)), unit, low, high, cases, note="emulated")


def _losses(predicted: PredictedHistory) -> dict[str, Float64]:
    """Logarithmic losses (n,) of the later cases, by method and target."""
    return {
        f"{method} {target}": log_losses(
            predicted.predictions[method][target].probability, predicted.later.labels[target]
        )
        for method in METHODS
        for target in TARGETS
    }


def _gains(target: str, losses: Sequence[tuple[Indices, Mapping[str, Float64]]]) -> dict[str, Result]:
    """By how much the model is less surprised than each peer; intervals by resampling weeks of all seeds."""
    rng = np.random.default_rng(0)
    results = {}
    for peer in PEERS:
        sums, counts = [], []
        for week, by_key in losses:
            gain = by_key[f"{peer} {target}"] - by_key[f"{MODEL} {target}"]
            _, block = np.unique(week, return_inverse=True)
            sums.append(np.bincount(block, gain))
            counts.append(np.bincount(block))
        total, count = np.concatenate(sums), np.concatenate(counts)
        drawn = rng.integers(len(total), size=(DRAWS, len(total)))
        low, high = np.percentile(total[drawn].sum(axis=1) / count[drawn].sum(axis=1), [2.5, 97.5])
        value, n = float(total.sum() / count.sum()), int(count.sum())
        note = f"emulated; log loss of {peer} less that of the model; {len(total)} weeks resampled"
        results[f"{target}_gain_over_{peer}"] = Result(value, "nat", float(low), float(high), n, note=note)
    return results


def _auc_gains(target: str, values: Mapping[str, list[float]]) -> dict[str, Result]:
    """The same for AUC and macro recall, seed by seed."""
    results = {}
    for name in ("auc", "macro_recall"):
        for peer in PEERS:
            pairs = zip(values[f"{target}_{name}"], values[f"{target}_{name}_{peer}"], strict=True)
            differences = [ours - theirs for ours, theirs in pairs]
            low, high = student(differences)
            note = f"emulated; {name} less that of {peer}, paired by seed"
            unit = UNITS.get(name, "share")
            key = f"{target}_{name}_gain_over_{peer}"
            results[key] = Result(float(np.mean(differences)), unit, low, high, len(differences), note=note)
    return results
