"""Train the network that says how soon a cached file is requested again.

As in LRB (Song et al., NSDI 2020) a model learns reuse times from what caches held, but offline, on traces that are
over, and with features of the file's dataset. The answer is the logit of exp(-wait / horizon): what a second request
is worth if it comes after ``wait`` turnovers. A trace that ends before the horizon does says nothing about the files
that it did not request again; those samples are left out.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.random import Generator

from rl_cache.agents.samples import Samples, sample_cache
from rl_cache.kernels.history import FEATURES, OF_RUNS
from rl_cache.kernels.network import Network, average
from rl_cache.laboratory.simulator import parallel_map
from rl_cache.policies.eviction.scored import Knobs, ScoredS3Fifo
from rl_cache.traces.trace import Trace

_BATCH = 512
_RATE = 8e-3
_AVERAGED = 2
"""Networks that differ in their first weights and in the order of the samples only; their mean is better than each."""
_ANONYMOUS = 0.2
"""Share of the samples that look as in a trace that does not say who reads, so that an agent serves such caches too."""
_OF_RUNS = torch.tensor([number in OF_RUNS for number in range(len(FEATURES))])
NETWORK_ONLY = Knobs(share=1.0)
"""The score decides alone, and every missing file may try to take a place."""


def train_reuse(
    traces: Sequence[Trace],
    cache_shares: Sequence[float],
    rng: Generator,
    *,
    progress: Callable[[str, float], None],
    rounds: int = 2,
    samples: int = 20_000,
    horizon: float = 0.5,
    units: int = 48,
    epochs: int = 8,
    without: Sequence[int] = (),
) -> Network:
    """A network trained on what caches held while these traces ran.

    The first round looks at caches that S3-FIFO runs, later rounds at those that the network of before runs, since
    what is in a cache depends on who decides (as in DAgger).

    Args:
        traces: for training only.
        cache_shares: sizes of the caches, as shares of a trace's footprint.
        rng: of samples and of the network's first weights.
        progress: called with a word and the share done.
        rounds: how often samples are taken and the network is fitted anew to all of them.
        samples: of each trace, cache size and round; at most as many as a trace has requests.
        horizon: turnovers after which a second request is worth 1/e.
        units: of the hidden layer of each of the networks that are averaged.
        epochs: passes over the samples in a fit.
        without: features, by number, that the network does not see.
    """
    parts: list[Samples] = []
    policy = ScoredS3Fifo()
    for done in range(rounds):
        progress(f"sampling caches, round {done + 1}", done / rounds)
        parts += _sample_all(traces, policy, cache_shares, samples, rng)
        networks = [
            fit(Samples.concatenate(parts), rng, horizon=horizon, units=units, epochs=epochs, without=without)
            for _ in range(_AVERAGED)
        ]
        network = average(networks)
        policy = ScoredS3Fifo(NETWORK_ONLY, network)
    progress("reuse network", 1.0)
    return network


def fit(
    samples: Samples, rng: Generator, *, horizon: float, units: int, epochs: int, without: Sequence[int] = ()
) -> Network:
    """Fit the network by Adam with one cycle of the learning rate; one thread, so that a seed fixes the result."""
    torch.set_num_threads(1)
    torch.manual_seed(int(rng.integers(2**31)))
    usable = (samples.remaining > 2.0 * horizon) | np.isfinite(samples.wait)
    inputs = torch.tensor(samples.features[usable], dtype=torch.float32)
    inputs[torch.tensor(rng.random(len(inputs)) < _ANONYMOUS)[:, None] & _OF_RUNS] = 0.0
    inputs[:, list(without)] = 0.0
    worth = torch.tensor(np.exp(-samples.wait[usable] / horizon), dtype=torch.float32)
    first, last = torch.nn.Linear(len(FEATURES), units), torch.nn.Linear(units, 1)
    net = torch.nn.Sequential(first, torch.nn.ReLU(), last)
    optimiser = torch.optim.Adam(net.parameters())
    steps = epochs * -(-len(inputs) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=steps)
    for _ in range(epochs):
        for chosen in torch.split(torch.randperm(len(inputs)), _BATCH):
            loss = torch.nn.functional.binary_cross_entropy_with_logits(net(inputs[chosen])[:, 0], worth[chosen])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    # Weights of inputs that were always 0 are those of the start: noise.
    with torch.no_grad():
        first.weight[:, list(without)] = 0.0
    arrays = (first.weight, first.bias, last.weight[0], last.bias)
    return Network(*(np.ascontiguousarray(array.detach().numpy(), dtype=np.float64) for array in arrays))


def _sample_all(
    traces: Sequence[Trace], policy: ScoredS3Fifo, cache_shares: Sequence[float], samples: int, rng: Generator
) -> list[Samples]:
    cases = [(trace, share) for trace in traces for share in cache_shares]

    def sample(case: tuple[tuple[Trace, float], Generator]) -> Samples:
        (trace, share), own = case
        return sample_cache(trace, policy, max(1, int(share * trace.footprint_bytes)), min(samples, len(trace)), own)

    # Each case draws from a generator of its own, so that the order in which they end does not matter.
    return parallel_map(sample, zip(cases, rng.spawn(len(cases)), strict=True))
