"""Emulated histories, learned from the earlier three quarters and predicted on the rest, for each seed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.actions.texts import texts_by_cause
from benchmarks.dqm.table import files
from benchmarks.report import progress
from opint.actions.action import TARGETS
from opint.actions.comparison import MODEL, PEERS, Prediction, predict_model
from opint.actions.message_classes import MessageClasses
from opint.actions.predictor import TrainedPredictor
from opint.actions.probabilities import balanced_decision
from opint.actions.simulation.causes import Material
from opint.actions.simulation.history import SimulatedCase, simulate_history
from opint.actions.training import Examples, make_examples, split, train_on
from streams.arrays import Float64

CASES, WEEKS = 33_000, 60
"""As many tasks as were published."""
QUICK_CASES, QUICK_WEEKS = 800, 20
LEARNED = 0.75
OPTIMUM = "optimum"


@dataclass(frozen=True)
class PredictedHistory:
    """A history of one seed: its later cases, the predictions of all methods for them, and what is hidden."""

    later: Examples
    predictions: Mapping[str, Mapping[str, Prediction]]
    predictor: TrainedPredictor
    hidden: list[SimulatedCase]


def real_material(data: Path) -> Material:
    """Codes and sites that operators have met, and real messages."""
    (path,) = files(data, "operator/codes_and_sites.json")
    lists = json.loads(path.read_text())
    sites = dict.fromkeys(site.strip() for site in lists["all_sites"])
    return Material(tuple(lists["all_errors"]), tuple(sites), texts_by_cause(data))


def predicted_history(data: Path, quick: bool, seed: int) -> PredictedHistory:
    """The history of a seed."""
    progress(f"seed {seed}: emulating")
    count, weeks = (QUICK_CASES, QUICK_WEEKS) if quick else (CASES, WEEKS)
    history = list(simulate_history(np.random.default_rng(seed), count, weeks, real_material(data)))
    return _predicted(history, seed)


def _predicted(history: list[SimulatedCase], seed: int) -> PredictedHistory:
    classes = MessageClasses()
    earlier, later = split(make_examples([simulated.case for simulated in history], classes), LEARNED)
    predictor = train_on(earlier, classes, seed=seed, progress=lambda step, _: progress(f"seed {seed}: {step}"))
    predictions = {MODEL: dict(predict_model(predictor, later))}
    for name, method in PEERS.items():
        progress(f"seed {seed}: {name}")
        predictions[name] = {target: method(earlier, later, target) for target in TARGETS}
    hidden = history[len(earlier) :]
    shares = {target: predictor.targets[target].shares for target in TARGETS}
    predictions[OPTIMUM] = {target: _optimum(hidden, target, shares[target]) for target in TARGETS}
    return PredictedHistory(later, predictions, predictor, hidden)


def _optimum(hidden: list[SimulatedCase], target: str, shares: Float64) -> Prediction:
    """The distribution that each decision was drawn from."""
    chances = np.stack([simulated.chances[target] for simulated in hidden])
    return Prediction(chances, balanced_decision(chances, shares))
