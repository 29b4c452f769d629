"""The plan without a forecast: what was popular last week is popular next week, and nothing else is."""

from dataclasses import replace

import numpy as np

from opint.placement.decision import Decision
from opint.placement.policies import forecast
from opint.placement.policies.situation import Situation


def decide(policy_input: Situation) -> Decision:
    """The plan with probabilities 1 and 0."""
    popular = policy_input.label.holds(policy_input.history.measures[policy_input.label.measure][:, policy_input.week])
    return forecast.decide(replace(policy_input, probability=popular.astype(np.float64)))
