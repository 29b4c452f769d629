"""The plan: what is held saves most of the reads that are forecast, for its price and within the budget."""

from opint.placement.decision import Decision
from opint.placement.demand import expected
from opint.placement.policies.situation import Situation
from opint.placement.problem import build
from opint.placement.solve import decision, solve


def decide(policy_input: Situation) -> Decision:
    """The plan for the reads that follow from the probabilities."""
    demand = expected(policy_input.history, policy_input.label, policy_input.probability, policy_input.share)
    problem = build(policy_input.replicas, demand, policy_input.budget, policy_input.prices)
    return decision(problem, solve(problem).chosen, len(policy_input.replicas.dataset))
