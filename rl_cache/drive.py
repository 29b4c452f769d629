"""Let an agent steer a cache over a trace."""

from dataclasses import replace

import numpy as np

from rl_cache.account import Account
from rl_cache.agent import Agent
from rl_cache.env.hep_cache import HepCache
from rl_cache.kernels.request import COLUMNS
from rl_cache.simulator import simulate
from rl_cache.traces.trace import Trace


def drive(trace: Trace, agent: Agent, capacity_bytes: int, *, warm_up_days: int = 0, seed: int = 0) -> Account:
    """The account of a cache that the agent steers; the first ``warm_up_days`` days are served and not counted."""
    warm_up = int(trace.day_starts[warm_up_days])
    if not agent.policy:
        return simulate(trace, agent.scored(seed), capacity_bytes, warm_up=warm_up)
    env = HepCache([trace], start=agent.knobs, network=agent.network, capacity_bytes=capacity_bytes)
    observation, _ = env.reset(seed=seed)
    over = False
    while not over:
        observation, _, _, over, _ = env.step(agent.act(observation))
    return _without(env.account, warm_up_days)


def _without(account: Account, days: int) -> Account:
    """The account with the first days at zero."""
    kept = {name: getattr(account, name).copy() for name in COLUMNS}
    for column in kept.values():
        column[:days] = np.int64(0)
    return replace(account, **kept)
