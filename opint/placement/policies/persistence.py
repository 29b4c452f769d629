"""The plan without a forecast: next week is read what was read in the last one."""

import numpy as np

from opint.placement.decision import Decision
from opint.placement.demand import Demand
from opint.placement.policies import forecast
from opint.placement.policies.situation import Situation

UNREAD = 1e-2
"""Of what was not read last week so many reads are expected, divided by the weeks that it has not been read."""


def decide(situation: Situation) -> Decision:
    """The plan for the reads of the last week; what was not read stays in the order of when it was."""
    history, week = situation.history, situation.week
    reads = history.measures["naccess"].astype(np.float64)
    since = np.where((reads > 0).any(axis=1), np.argmax(reads[:, ::-1] > 0, axis=1), week + 1)
    expected = np.where(reads[:, week] > 0, reads[:, week], UNREAD / np.maximum(since, 1))
    popular = situation.label.holds(history.measures[situation.label.measure][:, week])
    demand = Demand(history.names, popular.astype(np.float64), expected, situation.share)
    return forecast.plan(situation, demand)
