"""Datasets with little or no history, by their names: how newcomers of the same kind fared.

From the widest to the narrowest: all newcomers, those of the data tier, of a campaign in it, of a primary dataset in
it. Each share is drawn towards the one before it by as many examples as :data:`WEIGHT` (the mean of a beta
distribution with that prior), so that a kind with few examples says little, and one with none nothing.
"""

from dataclasses import dataclass

import numpy as np

from opint.popularity.history import Float64, History, codes
from opint.popularity.rolling import Flags, Places, Question, Score

NEW_WEEKS = 4
"""A dataset is new in the week in which it is first known and in as many weeks in all."""
LOOK_BACK_WEEKS = 52
WEIGHT = 20.0


@dataclass(frozen=True)
class ColdStart:
    """The probabilities of ``score``; for new datasets the geometric mean of its odds and those of their kind."""

    score: Score

    def __call__(self, question: Question, week: int) -> tuple[Places, Float64]:
        """As :data:`opint.popularity.rolling.Score`."""
        dataset, probability = self.score(question, week)
        fresh = is_new(question.history, week)[dataset]
        if not question.history.traits or not fresh.any():
            return dataset, probability
        prior = by_name(question, week)[dataset[fresh]]
        clipped = np.clip(probability[fresh], 1e-6, 1 - 1e-6)
        odds = np.sqrt(clipped / (1 - clipped) * prior / (1 - prior))
        mixed = probability.copy()
        mixed[fresh] = odds / (1 + odds)
        return dataset, mixed


def is_new(history: History, week: int) -> Flags:
    """Which datasets (n,) have been known for less than :data:`NEW_WEEKS` at the end of ``week``."""
    age = week - history.known_since
    fresh: Flags = (age >= 0) & (age < NEW_WEEKS)
    return fresh


def by_name(question: Question, week: int) -> Float64:
    """Probability (n,) of a new dataset to be popular a horizon later, from its name and from weeks up to ``week``."""
    history, horizon = question.history, question.horizon
    outcomes = question.label.holds(history.measures[question.label.measure])
    n, counts, hits = history.shape[0], np.zeros(history.shape[0]), np.zeros(history.shape[0])
    for past in range(max(0, week - horizon - LOOK_BACK_WEEKS), week - horizon + 1):
        fresh = is_new(history, past)
        counts += fresh
        hits += fresh & outcomes[:, past + horizon]
    share = np.full(n, (hits.sum() + 1.0) / (counts.sum() + 2.0))
    tiers = history.traits.get("tier", ("",) * n)
    for kind in ("tier", "campaign", "primary"):
        if kind in history.traits:
            words = tiers if kind == "tier" else [f"{a} {b}" for a, b in zip(tiers, history.traits[kind], strict=True)]
            place, _ = codes(words)
            examples, popular = np.bincount(place, counts), np.bincount(place, hits)
            share = (popular[place] + WEIGHT * share) / (examples[place] + WEIGHT)
    return share
