"""What a suggestion costs, all its reasons included, alone and with others."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.actions.histories import real_material
from benchmarks.intervals import bootstrap_mean
from benchmarks.report import Progress, Result
from opint.actions.simulation.history import simulate_history
from opint.actions.training import train_predictor
from streams.workflows import WorkflowFailures

CASES, QUICK_CASES, MEASURED = 10_000, 500, 200
TOGETHER = 100


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> dict[str, Result]:
    """Microseconds a suggestion, by a model trained on ten thousand cases."""
    cases = QUICK_CASES if quick else CASES
    history = simulate_history(np.random.default_rng(seeds[0]), cases + MEASURED, 40, real_material(data))
    decided = [simulated.case for simulated in history]
    progress(f"training on {cases} cases")
    start = time.perf_counter()
    predictor = train_predictor(decided[:cases])
    training = time.perf_counter() - start
    later = [case.failures for case in decided[cases:]]
    predictor.suggest(later[:TOGETHER])
    alone = [_microseconds(predictor.suggest, [snapshot]) for snapshot in later]
    parts = [later[at : at + TOGETHER] for at in range(0, len(later), TOGETHER)]
    together = [_microseconds(predictor.suggest, part) / len(part) for part in parts for _ in range(3)]
    return {
        "prediction_alone": _result(alone, "one at a time"),
        "prediction_together": _result(together, f"{TOGETHER} at a time"),
        "training": Result(training, "s", n=cases, note="calibration and the choice of predictors included"),
    }


def _microseconds(suggest: object, snapshots: Sequence[WorkflowFailures]) -> float:
    assert callable(suggest)
    start = time.perf_counter()
    suggest(snapshots)
    return (time.perf_counter() - start) * 1e6


def _result(durations: Sequence[float], note: str) -> Result:
    low, high = bootstrap_mean(durations, np.random.default_rng(0))
    return Result(float(np.mean(durations)), "µs", low, high, len(durations), note=note)
