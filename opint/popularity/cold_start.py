"""Datasets with little or no history, judged by their names: how popular other new datasets of their kind became.

Shares are computed from the widest kind to the narrowest: all new datasets, then those of the data tier, of a campaign
in that tier, and of a primary dataset in that tier. Each share is shrunk towards the wider one with the weight of
:data:`PRIOR_EXAMPLES` examples (the mean of a beta distribution with that prior), so that a kind with few examples
changes little.
"""

from dataclasses import dataclass

import numpy as np

from opint.popularity.history import History, codes
from opint.popularity.predictors import ForecastTask, Predictor
from streams.arrays import Float64, Indices, Mask

NEW_WEEKS = 4
"""A dataset is new in its first four weeks."""
LOOK_BACK_WEEKS = 52
PRIOR_EXAMPLES = 20.0


@dataclass(frozen=True)
class ColdStartModel:
    """The probabilities of ``predictor``; for new datasets, the geometric mean of its odds and those of their kind."""

    predictor: Predictor

    def __call__(self, task: ForecastTask, week: int) -> tuple[Indices, Float64]:
        """As :data:`opint.popularity.predictors.Predictor`."""
        dataset, probability = self.predictor(task, week)
        fresh = is_new(task.history, week)[dataset]
        if not task.history.traits or not fresh.any():
            return dataset, probability
        prior = name_prior(task, week)[dataset[fresh]]
        clipped = np.clip(probability[fresh], 1e-6, 1 - 1e-6)
        odds = np.sqrt(clipped / (1 - clipped) * prior / (1 - prior))
        mixed = probability.copy()
        mixed[fresh] = odds / (1 + odds)
        return dataset, mixed


def is_new(history: History, week: int) -> Mask:
    """Which datasets (n,) have been known for less than :data:`NEW_WEEKS` at the end of ``week``."""
    age = week - history.known_since
    fresh: Mask = (age >= 0) & (age < NEW_WEEKS)
    return fresh


def name_prior(task: ForecastTask, week: int) -> Float64:
    """Probability (n,) that a new dataset is popular one horizon later, from its name and the weeks up to ``week``."""
    history, horizon = task.history, task.horizon
    outcomes = task.label.holds(history.measures[task.label.measure])
    n, counts, hits = history.shape[0], np.zeros(history.shape[0]), np.zeros(history.shape[0])
    for past in range(max(0, week - horizon - LOOK_BACK_WEEKS), week - horizon + 1):
        fresh = is_new(history, past)
        counts += fresh
        hits += fresh & outcomes[:, past + horizon]
    share = np.full(n, (hits.sum() + 1.0) / (counts.sum() + 2.0))
    tiers = history.traits.get("tier", ("",) * n)
    for kind in ("tier", "campaign", "primary"):
        if kind in history.traits:
            labels = tiers if kind == "tier" else [f"{a} {b}" for a, b in zip(tiers, history.traits[kind], strict=True)]
            place, _ = codes(labels)
            examples, popular = np.bincount(place, counts), np.bincount(place, hits)
            share = (popular[place] + PRIOR_EXAMPLES * share) / (examples[place] + PRIOR_EXAMPLES)
    return share
