"""Each way of learning solves a problem whose answer is known, and training as a whole runs, saves and resumes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("stable_baselines3")

from rl_cache.agents.cem import cross_entropy
from rl_cache.agents.dqn import train_dqn
from rl_cache.agents.ppo import train_ppo
from rl_cache.agents.reuse import fit, train_reuse
from rl_cache.agents.samples import Samples
from rl_cache.agents.train import TrainingBudget, train_agent
from rl_cache.env.file_admission import FileAdmission
from rl_cache.env.hep_cache import HepCache
from rl_cache.errors import AgentError
from rl_cache.kernels.history import FEATURES, OF_DATASETS
from rl_cache.kernels.network import evaluator, predict
from rl_cache.laboratory.simulator import simulate
from rl_cache.policies.admission.scdl import Scdl
from rl_cache.policies.eviction.lru import Lru
from rl_cache.traces.generate import hep
from rl_cache.traces.trace import Trace
from rl_cache.traces.workload import WORKLOADS


def quiet(_step: str, _share: float) -> None:
    """No progress."""


@pytest.fixture(scope="module")
def small() -> Trace:
    return hep(replace(WORKLOADS["mixed"], days=6, scale=0.01), np.random.default_rng(9))


def test_cross_entropy_finds_a_peak() -> None:
    peak = np.array([0.7, -0.4, 0.0])
    best, most = cross_entropy(
        lambda point: -float(((point - peak) ** 2).sum()),
        np.zeros(3),
        np.array([1.0, 1.0, 0.0]),
        np.random.default_rng(0),
        rounds=8,
        population=24,
        progress=quiet,
    )
    assert best == pytest.approx(peak, abs=0.15)
    assert best[2] == 0
    assert most > -0.03


def test_the_network_learns_who_comes_back() -> None:
    """Files whose first feature is great come back soon, the others never."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4000, len(FEATURES)))
    wait = np.where(values[:, 0] > 0, 0.1, np.inf)
    network = fit(Samples(values, wait, np.full(4000, 10.0)), rng, horizon=1.0, units=8, epochs=60)
    predicted = np.array([predict(evaluator(network), row) for row in values[:500]])
    assert np.mean((predicted > 0) == (values[:500, 0] > 0)) > 0.95


def test_what_the_end_of_a_trace_hides_is_not_taken_for_never() -> None:
    """Samples shortly before the end that were not requested again say nothing."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4000, len(FEATURES)))
    late = np.arange(4000) % 2 == 0
    wait, remaining = np.where(late, np.inf, 0.1), np.where(late, 0.5, 10.0)
    network = fit(Samples(values, wait, remaining), rng, horizon=1.0, units=4, epochs=40)
    assert np.mean([predict(evaluator(network), row) for row in values[:200]]) > 1.0


def test_equal_seeds_train_equal_networks() -> None:
    values = np.random.default_rng(0).normal(size=(600, len(FEATURES)))
    samples = Samples(values, np.full(600, 0.5), np.full(600, 10.0))
    first, second = (fit(samples, np.random.default_rng(4), horizon=1.0, units=4, epochs=1) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_caches_that_are_watched_side_by_side_teach_the_same_again(small: Trace) -> None:
    first, second = (
        train_reuse([small, small], (0.1, 0.2), np.random.default_rng(4), progress=quiet, samples=200, epochs=1)
        for _ in range(2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_network_that_does_not_see_a_feature_does_not_heed_it(small: Trace) -> None:
    rng = np.random.default_rng(4)
    network = train_reuse([small], (0.1,), rng, progress=quiet, samples=200, epochs=1, without=OF_DATASETS)
    values = rng.normal(size=(2, len(FEATURES)))
    without_datasets = [k for k in range(len(FEATURES)) if k not in OF_DATASETS]
    values[1, without_datasets] = values[0, without_datasets]
    assert predict(evaluator(network), values[0]) == predict(evaluator(network), values[1])


def test_training_runs_saves_and_goes_on(small: Trace, tmp_path: Path) -> None:
    steps_shown: list[str] = []
    checkpoint, logs = tmp_path / "ppo.pt", tmp_path / "logs"
    trained = train_agent(
        [small],
        [small],
        [small],
        np.random.default_rng(0),
        cache_shares=(0.1,),
        budget=TrainingBudget(samples=300, rounds=1, cem_rounds=1, cem_population=2, ppo_steps=1024),
        progress=lambda step, share: steps_shown.append(f"{step} {0 <= share <= 1}"),
        logs=logs,
        checkpoint=checkpoint,
    )
    assert np.isfinite([trained.by_network, trained.by_knobs, trained.by_policy]).all()
    assert any("PPO" in step for step in steps_shown)
    assert not any("False" in step for step in steps_shown)
    assert list(logs.rglob("events*"))
    steps: list[float] = []
    layers = train_ppo(
        lambda: HepCache([small]), 1024, 0, progress=lambda _, share: steps.append(share), checkpoint=checkpoint
    )
    assert steps == []
    assert [matrix.shape for matrix, _ in layers] == [(32, 18), (32, 32), (8, 32)]


def test_an_untrained_policy_leaves_the_knobs_alone(small: Trace) -> None:
    layers = train_ppo(lambda: HepCache([small]), 0, 0, progress=quiet)
    assert np.abs(layers[-1][0]).max() == np.abs(layers[-1][1]).max() == 0


def test_a_foreign_checkpoint_is_refused(small: Trace, tmp_path: Path) -> None:
    (tmp_path / "ppo.pt").write_bytes(b"no checkpoint")
    with pytest.raises(AgentError, match="remove it"):
        train_ppo(lambda: HepCache([small]), 256, 0, progress=quiet, checkpoint=tmp_path / "ppo.pt")


def test_dqn_learns_to_store_what_comes_back() -> None:
    """Five small files are read again and again, large ones never: by size alone an agent can tell them apart."""
    rng = np.random.default_rng(3)
    n, hot, capacity = 6000, 5, 20_000_000_000
    file = np.where(rng.random(n) < 0.5, rng.integers(0, hot, n), hot + np.arange(n))
    file_name, dense = np.unique(file, return_inverse=True)
    trace = Trace(np.arange(n), dense, np.where(file_name < hot, 2_000_000_000, 16_000_000_000))
    env = FileAdmission([trace], cache_share=capacity / trace.footprint_bytes)
    policy = train_dqn(env, 9000, 0, progress=quiet)
    own, lru = simulate(trace, policy, capacity), simulate(trace, Lru(), capacity)
    assert own.hits.sum() > 0.9 * (trace.size < 16_000_000_000).sum() > lru.hits.sum()
    assert own.written_bytes.sum() < 0.1 * lru.written_bytes.sum()


def test_scdl_writes_less_than_lru(small: Trace) -> None:
    capacity = int(0.1 * small.footprint_bytes)
    own, lru = simulate(small, Scdl(), capacity), simulate(small, Lru(), capacity)
    assert 0 < own.written_bytes.sum() < 0.9 * lru.written_bytes.sum()
