"""A network that decides on admission does in the simulator what it does in the environment."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("numba")
pytest.importorskip("gymnasium")

from rl_cache.env.file_admission import FileAdmission
from rl_cache.kernels.network import Network, evaluator, predict
from rl_cache.laboratory.simulator import simulate
from rl_cache.policies.admission.learned_admission import FEATURES, LearnedAdmission
from rl_cache.policies.eviction.lru import Lru
from rl_cache.traces.generate import hep
from rl_cache.traces.workload import WORKLOADS


def some_network(seed: int) -> Network:
    rng = np.random.default_rng(seed)
    n = len(FEATURES)
    return Network(rng.normal(size=(8, n)), rng.normal(size=8), rng.normal(size=8), rng.normal(size=1))


@pytest.mark.parametrize("seed", range(4))
def test_the_same_decisions_as_in_the_environment(seed: int) -> None:
    trace = hep(replace(WORKLOADS["mixed"], days=7, scale=0.01), np.random.default_rng(seed))
    network = some_network(seed)
    env = FileAdmission([trace], cache_share=0.1)
    observation, _ = env.reset(seed=0)
    over, written_bytes, hit = False, 0, 0
    while not over:
        store = predict(evaluator(network), observation.astype(np.float64)) > 0
        observation, _, _, over, info = env.step(np.int64(store))
        written_bytes, hit = written_bytes + info["written"], hit + info["hit"]
    account = simulate(trace, LearnedAdmission(network), int(0.1 * trace.footprint_bytes))
    assert (account.written_bytes.sum(), account.hit_bytes.sum()) == (written_bytes, hit)


def test_who_always_stores_is_lru() -> None:
    trace = hep(replace(WORKLOADS["mixed"], days=5, scale=0.01), np.random.default_rng(1))
    always = Network(np.zeros((1, len(FEATURES))), np.zeros(1), np.zeros(1), np.ones(1))
    capacity = trace.footprint_bytes // 10
    own, lru = simulate(trace, LearnedAdmission(always), capacity), simulate(trace, Lru(), capacity)
    assert own.hit_bytes.tolist() == lru.hit_bytes.tolist()
    assert own.written_bytes.tolist() == lru.written_bytes.tolist()
