"""Replay a trace with a trained agent, and with other policies under the same warm-up and capacity."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rl_cache.env.hep_cache import HepCache
from rl_cache.kernels.request import COLUMNS
from rl_cache.laboratory.account import Account
from rl_cache.laboratory.agent import Agent
from rl_cache.laboratory.simulator import simulate
from rl_cache.policies.registry import POLICIES
from rl_cache.traces.trace import Trace

AGENT = "agent"
BASELINE = "s3fifo"
REFERENCE = "belady"


@dataclass(frozen=True, slots=True)
class ReplayScore:
    """What one policy made of one case."""

    byte_miss_ratio: float
    written_bytes: int

    @classmethod
    def from_account(cls, account: Account) -> "ReplayScore":
        """The figures of a simulation."""
        return cls(account.byte_miss_ratio, int(account.written_bytes.sum()))


def compare_agent(
    trace: Trace, agent: Agent, capacity_bytes: int, policies: Sequence[str], *, warm_up_days: int, seed: int = 0
) -> dict[str, ReplayScore]:
    """Replay the trace with the agent and with each of the policies (names of the registry); scores by name."""
    warm_up = int(trace.day_starts[warm_up_days])
    scores = {
        AGENT: ReplayScore.from_account(run_agent(trace, agent, capacity_bytes, warm_up_days=warm_up_days, seed=seed))
    }
    for name in policies:
        scores[name] = ReplayScore.from_account(simulate(trace, POLICIES[name](), capacity_bytes, warm_up=warm_up))
    return scores


def run_agent(trace: Trace, agent: Agent, capacity_bytes: int, *, warm_up_days: int = 0, seed: int = 0) -> Account:
    """The account of a cache that the agent steers; the first ``warm_up_days`` days are served and not counted."""
    warm_up = int(trace.day_starts[warm_up_days])
    if not agent.policy:
        return simulate(trace, agent.cache_policy(seed), capacity_bytes, warm_up=warm_up)
    env = HepCache([trace], start=agent.knobs, network=agent.network, capacity_bytes=capacity_bytes)
    observation, _ = env.reset(seed=seed)
    truncated = False
    while not truncated:
        observation, _, _, truncated, _ = env.step(agent.act(observation))
    counted = {name: getattr(env.account, name).copy() for name in COLUMNS}
    for column in counted.values():
        column[:warm_up_days] = np.int64(0)
    return replace(env.account, **counted)
