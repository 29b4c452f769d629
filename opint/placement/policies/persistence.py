"""The plan without a forecast: what was popular last week is popular next week, and nothing else is."""

from dataclasses import replace

import numpy as np

from opint.placement.decision import Decision
from opint.placement.policies import forecast
from opint.placement.policies.situation import Situation


def decide(situation: Situation) -> Decision:
    """The plan with probabilities 1 and 0."""
    popular = situation.label.holds(situation.history.measures[situation.label.measure][:, situation.week])
    return forecast.decide(replace(situation, probability=popular.astype(np.float64)))
