"""The plan: what is held saves most of the reads that are forecast, for its price and within the budget."""

from opint.placement.decision import Decision
from opint.placement.demand import expected
from opint.placement.policies.situation import Situation
from opint.placement.problem import build
from opint.placement.solve import decision, solve


def decide(situation: Situation) -> Decision:
    """The plan for the reads that follow from the probabilities."""
    demand = expected(situation.history, situation.label, situation.probability, situation.share)
    problem = build(situation.replicas, demand, situation.budget, situation.prices)
    return decision(problem, solve(problem).chosen, len(situation.replicas.dataset))
