"""The file of an agent: numbers only, verified, and as good as the agent that was saved."""

import hashlib
import io
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba")

from rl_cache.agents.evaluate import run_agent
from rl_cache.errors import AgentError
from rl_cache.kernels.history import FEATURES
from rl_cache.kernels.network import Network
from rl_cache.laboratory.agent import MAX_BYTES, Agent
from rl_cache.laboratory.simulator import simulate
from rl_cache.policies.eviction.s3fifo import S3Fifo
from rl_cache.policies.eviction.scored import Knobs
from tests.support.cache_traces import popular

N_KNOBS, N_OBSERVED = 8, 18


def some_agent(layers: int = 2) -> Agent:
    rng = np.random.default_rng(0)
    n = len(FEATURES)
    network = Network(rng.normal(size=(4, n)), rng.normal(size=4), rng.normal(size=4), rng.normal(size=1))
    widths = [N_OBSERVED, *[6] * (layers - 1), N_KNOBS] if layers else [1]
    policy = tuple((rng.normal(size=(b, a)), rng.normal(size=b)) for a, b in pairwise(widths))
    return Agent(Knobs(share=0.9, margin=-0.2), network, policy)


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    path.with_name(path.name + ".sha256").write_text(hashlib.sha256(content).hexdigest())
    return path


@pytest.mark.parametrize("layers", [0, 1, 3])
def test_a_saved_agent_acts_as_before(tmp_path: Path, layers: int) -> None:
    agent = some_agent(layers)
    agent.save(tmp_path / "deep" / "a.npz")
    again = Agent.load(tmp_path / "deep" / "a.npz")
    assert again.knobs == agent.knobs
    observation = np.random.default_rng(1).normal(size=N_OBSERVED).astype(np.float32)
    assert np.array_equal(again.act(observation), agent.act(observation))
    assert np.abs(agent.act(observation)).max() <= 1
    trace = popular(np.random.default_rng(2))
    assert run_agent(trace, again, 20_000).byte_miss_ratio == run_agent(trace, agent, 20_000).byte_miss_ratio


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    some_agent().save(tmp_path / "a.npz")
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[200] ^= 1
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(AgentError, match="hash"):
        Agent.load(tmp_path / "a.npz")


def test_pickles_are_not_read(tmp_path: Path) -> None:
    content = io.BytesIO()
    np.savez(content, knobs=np.array([{}], dtype=object))
    with pytest.raises(AgentError, match="not a file of an agent"):
        Agent.load(write(tmp_path / "a.npz", content.getvalue()))


@pytest.mark.parametrize(
    ("arrays", "word"),
    [
        ({"knobs": np.zeros(8)}, "has no array"),
        ({"knobs": np.full(8, np.nan)}, "knobs"),
        ({"knobs": np.zeros(8, np.int64)}, "int64"),
    ],
)
def test_wrong_arrays_are_named(tmp_path: Path, arrays: dict[str, np.ndarray], word: str) -> None:
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]
    with pytest.raises(AgentError, match=word):
        Agent.load(write(tmp_path / "a.npz", content.getvalue()))


def test_wrong_shapes_are_named(tmp_path: Path) -> None:
    agent = some_agent()
    narrow = agent.network._replace(hidden=agent.network.hidden[:, :3])
    Agent(agent.knobs, narrow).save(tmp_path / "a.npz")
    with pytest.raises(AgentError, match=r"hidden has the shape .* train the agent again"):
        Agent.load(tmp_path / "a.npz")


def test_nothing_and_too_much_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="nightshift cache train"):
        Agent.load(tmp_path / "no.npz")
    with pytest.raises(AgentError, match="at most"):
        Agent.load(write(tmp_path / "big.npz", b"0" * (MAX_BYTES + 1)))
    with pytest.raises(AgentError, match="not a file of an agent"):
        Agent.load(write(tmp_path / "words.npz", b"words"))


def test_the_warm_up_is_the_same_with_and_without_a_policy() -> None:
    trace = popular(np.random.default_rng(2))
    idle = Agent(Knobs(), some_agent().network, ((np.zeros((N_KNOBS, N_OBSERVED)), np.zeros(N_KNOBS)),))
    plain = simulate(trace, S3Fifo(), 20_000, warm_up=int(trace.day_starts[1]))
    for agent in (idle, Agent(Knobs(), some_agent().network)):
        assert np.array_equal(run_agent(trace, agent, 20_000, warm_up_days=1).hit_bytes, plain.hit_bytes)
