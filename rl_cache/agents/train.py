"""Train an agent: the reuse network, then knobs by cross-entropy, then PPO on top; each stage must earn its place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator

from rl_cache.agents.cem import cross_entropy
from rl_cache.agents.evaluate import run_agent
from rl_cache.agents.ppo import train_ppo
from rl_cache.agents.reuse import NETWORK_ONLY, train_reuse
from rl_cache.env.hep_cache import HepCache
from rl_cache.kernels.network import Network
from rl_cache.laboratory.account import Account
from rl_cache.laboratory.agent import Agent
from rl_cache.laboratory.simulator import parallel_map, simulate
from rl_cache.policies.eviction.s3fifo import S3Fifo
from rl_cache.policies.eviction.scored import Knobs
from rl_cache.traces.trace import Trace

_WIDTH = Knobs(0.2, 0.3, 0.0, 0.4, 0.4, 0.4, 0.4, 0.4)
"""How far cross-entropy looks; ``reuse`` stays 1, since only the ratios of the weights matter."""

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class TrainingBudget:
    """How much work training is."""

    samples: int = 20_000
    rounds: int = 2
    cem_rounds: int = 3
    cem_population: int = 10
    ppo_steps: int = 4096


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """The agent, and the gain over S3-FIFO of each stage on the validation traces: hit bytes over bytes read.

    The agent is that of the best stage; S3-FIFO itself, whose gain is 0, where every stage is worse. ``imitator`` is
    the network alone, ``reinforced`` the agent that PPO ended with, chosen or not.
    """

    agent: Agent
    imitator: Agent
    reinforced: Agent
    by_network: float
    by_knobs: float
    by_policy: float


@dataclass(frozen=True, slots=True)
class EvaluationCases:
    """Traces with the sizes of the caches that run on them, and what S3-FIFO makes of each."""

    cases: tuple[tuple[Trace, int], ...]
    shadows: tuple[Account, ...]

    @classmethod
    def from_traces(cls, traces: Sequence[Trace], cache_shares: Sequence[float]) -> "EvaluationCases":
        """Every trace with every size."""
        cases = tuple((t, max(1, int(share * t.footprint_bytes))) for t in traces for share in cache_shares)
        return cls(cases, tuple(simulate(trace, S3Fifo(), capacity) for trace, capacity in cases))

    def gain(self, agent: Agent) -> float:
        """Mean difference of the byte miss ratio to S3-FIFO's, less what is written more than by S3-FIFO."""

        def of_case(case: tuple[tuple[Trace, int], Account]) -> float:
            (trace, capacity), shadow = case
            own = run_agent(trace, agent, capacity)
            more = own.written_bytes.sum() / max(1, shadow.written_bytes.sum()) - 1.0
            return float(shadow.byte_miss_ratio - own.byte_miss_ratio - max(0.0, more))

        return float(np.mean(parallel_map(of_case, zip(self.cases, self.shadows, strict=True))))


def train_agent(
    traces: Sequence[Trace],
    tuning: Sequence[Trace],
    validation: Sequence[Trace],
    rng: Generator,
    *,
    cache_shares: Sequence[float] = (0.05, 0.1, 0.2),
    budget: TrainingBudget | None = None,
    progress: Progress,
    logs: Path | None = None,
    checkpoint: Path | None = None,
) -> TrainingResult:
    """Train on ``traces``, look for knobs and a policy on ``tuning``, choose between the stages on ``validation``."""
    budget = TrainingBudget() if budget is None else budget
    network = train_reuse(traces, cache_shares, rng, progress=progress, rounds=budget.rounds, samples=budget.samples)
    knobs = _search_knobs(EvaluationCases.from_traces(tuning, cache_shares), network, rng, budget, progress)
    policy = train_ppo(
        lambda: HepCache(tuning, cache_shares=cache_shares, start=knobs, network=network),
        budget.ppo_steps,
        int(rng.integers(2**31)),
        progress=progress,
        logs=logs,
        checkpoint=checkpoint,
    )
    candidates = [Agent(NETWORK_ONLY, network), Agent(knobs, network), Agent(knobs, network, policy)]
    held_out = EvaluationCases.from_traces(validation, cache_shares)
    gains = [held_out.gain(agent) for agent in candidates]
    best = int(np.argmax(gains))
    chosen = candidates[best] if gains[best] > 0.0 else Agent(Knobs(), network)
    return TrainingResult(chosen, candidates[0], candidates[-1], *gains)


def _search_knobs(
    cases: EvaluationCases, network: Network, rng: Generator, budget: TrainingBudget, progress: Progress
) -> Knobs:
    best, _ = cross_entropy(
        lambda point: cases.gain(Agent(Knobs.from_array(point), network)),
        NETWORK_ONLY.array(),
        _WIDTH.array(),
        rng,
        rounds=budget.cem_rounds,
        population=budget.cem_population,
        progress=progress,
    )
    return Knobs.from_array(best)
