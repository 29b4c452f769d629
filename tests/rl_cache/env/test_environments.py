"""Environments: what gymnasium demands, what was promised, and that nothing of the future is seen."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("gymnasium")

import gymnasium
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils.env_checker import check_env

from rl_cache.env import FILE_ADMISSION, HEP_CACHE
from rl_cache.env.file_admission import FileAdmission
from rl_cache.env.hep_cache import OBSERVATION, HepCache
from rl_cache.errors import SimulationError
from rl_cache.laboratory.simulator import simulate
from rl_cache.policies.eviction.lru import Lru
from rl_cache.policies.eviction.s3fifo import S3Fifo
from rl_cache.policies.eviction.scored import Knobs
from rl_cache.traces.trace import Trace
from tests.support.cache_traces import popular

IDS = (HEP_CACHE, FILE_ADMISSION)
NOTHING = np.zeros(8, np.float32)
ROOT = Path(__file__).parents[3]
TRAINING = """
import rl_cache.env
import tensorflow  # as TensorBoard does, which stable-baselines3 loads
import torch

torch.optim.Adam([torch.zeros(2, requires_grad=True)])  # looks for Triton
print("goes on")
"""


@pytest.fixture(scope="module")
def trace() -> Trace:
    return popular(np.random.default_rng(5))


def episode(env: gymnasium.Env, action, limit: int = 10_000) -> list[tuple]:  # type: ignore[no-untyped-def, type-arg]
    steps = []
    for _ in range(limit):
        steps.append(env.step(action))
        if steps[-1][3]:
            return steps
    raise AssertionError("the episode does not end")


@pytest.mark.parametrize("name", IDS)
def test_gymnasium_is_content(name: str, trace: Trace) -> None:
    check_env(gymnasium.make(name, traces=[trace], render_mode="rgb_array").unwrapped)


@pytest.mark.parametrize("name", IDS)
def test_stable_baselines_is_content(name: str, trace: Trace) -> None:
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    checker.check_env(gymnasium.make(name, traces=[trace]).unwrapped)


@pytest.mark.parametrize("name", IDS)
def test_a_step_needs_a_running_episode(name: str, trace: Trace) -> None:
    env = gymnasium.make(name, traces=[trace]).unwrapped
    action = NOTHING if name == HEP_CACHE else np.int64(1)
    with pytest.raises(ResetNeeded):
        env.step(action)
    env.reset(seed=0)
    episode(env, action)
    for _ in range(2):
        with pytest.raises(ResetNeeded):
            env.step(action)
    env.reset(seed=0)
    assert len(env.step(action)) == 5


@pytest.mark.parametrize(
    ("name", "action"),
    [
        (HEP_CACHE, NOTHING[:7]),
        (HEP_CACHE, NOTHING + np.nan),
        (HEP_CACHE, NOTHING + 1.5),
        (FILE_ADMISSION, 7),
        (FILE_ADMISSION, -1),
        (FILE_ADMISSION, 0.5),
    ],
)
def test_an_action_outside_the_space_is_refused_and_changes_nothing(name: str, action: object, trace: Trace) -> None:
    env = gymnasium.make(name, traces=[trace]).unwrapped
    right = NOTHING if name == HEP_CACHE else np.int64(1)
    env.reset(seed=0)
    expected = env.step(right)
    env.reset(seed=0)
    with pytest.raises(InvalidAction, match="action is"):
        env.step(action)
    observation, *outcome = env.step(right)
    assert observation.tolist() == expected[0].tolist()
    assert outcome == list(expected[1:])


def test_a_year_without_requests_is_one_epoch() -> None:
    trace = Trace(np.array([0, 1, 31_536_000]), np.array([0, 1, 0]), np.array([10, 10]))
    env = HepCache([trace], epoch_s=1)
    env.reset(seed=0)
    assert len(episode(env, NOTHING)) == 3


@pytest.mark.skipif(not (find_spec("torch") and find_spec("tensorflow")), reason="needs torch and TensorFlow")
def test_torch_trains_in_a_process_that_has_tensorflow() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TRAINING], env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.stdout == "goes on\n", done.stderr


@pytest.mark.parametrize("name", IDS)
def test_seeds_reproduce(name: str) -> None:
    runs = []
    for _ in range(2):
        env = gymnasium.make(name).unwrapped
        first, _ = env.reset(seed=3)
        action = np.zeros(8, np.float32) if name == HEP_CACHE else np.int64(1)
        runs.append([first.tolist(), *([o.tolist(), r] for o, r, *_ in (env.step(action) for _ in range(5)))])
    assert runs[0] == runs[1]


def test_the_untrained_agent_serves_what_s3fifo_serves(trace: Trace) -> None:
    """And hardly more: where S3-FIFO frees more than a file needs, what it evicted may stay."""
    env = HepCache([trace], epoch_s=500)
    env.reset(seed=0)
    steps = episode(env, NOTHING)
    plain = simulate(trace, S3Fifo(), int(0.1 * trace.footprint_bytes))
    hit, read = (sum(info[name] for *_, info in steps) for name in ("hit", "read"))
    assert sum(info["shadow_hit"] for *_, info in steps) == plain.hit_bytes.sum()
    assert 0 <= hit - plain.hit_bytes.sum() < 1e-3 * read
    assert read == trace.size.sum()
    assert not any(terminated for _, _, terminated, _, _ in steps)


def test_the_reward_is_the_gain_less_the_price_of_writing(trace: Trace) -> None:
    env = HepCache([trace], epoch_s=500, write_price=0.5, start=Knobs(share=1.0, recency=-1.0))
    env.reset(seed=0)
    capacity = int(0.1 * trace.footprint_bytes)
    for _, reward, _, _, info in episode(env, NOTHING):
        gain = (info["hit"] - info["shadow_hit"]) / info["read"]
        assert reward == pytest.approx(gain - 0.5 * info["written"] / capacity)


def test_observations_do_not_depend_on_what_comes(trace: Trace) -> None:
    from dataclasses import replace

    row = len(trace) // 2
    later = np.random.default_rng(1).permutation(trace.file[row:])
    other = replace(trace, file=np.concatenate((trace.file[:row], later)))
    by_future = []
    for variant in (trace, other):
        env = HepCache([variant], epoch_s=500, capacity_bytes=20_000)
        observation, _ = env.reset(seed=0)
        observations = [observation.tolist()]
        while env._cache.row < row - 600:
            observations.append(env.step(NOTHING)[0].tolist())
        by_future.append(observations)
    assert len(by_future[0]) > 2
    assert by_future[0] == by_future[1]


def test_an_observation_has_a_name_for_each_number(trace: Trace) -> None:
    env = HepCache([trace])
    assert env.reset(seed=0)[0].shape == (len(OBSERVATION),)


def test_a_trace_is_chosen_by_number(trace: Trace) -> None:
    env = HepCache([trace])
    env.reset(options={"trace": 0})
    with pytest.raises(SimulationError, match=r"trace.* is -1; there are 1 traces"):
        env.reset(options={"trace": -1})


@pytest.mark.parametrize(
    "wrong", [{"epoch_s": 0}, {"cache_shares": ()}, {"cache_shares": (0.0,)}, {"capacity_bytes": 0}]
)
def test_nonsense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SimulationError):
        HepCache(**wrong)  # type: ignore[arg-type]


def test_storing_everything_is_lru(trace: Trace) -> None:
    env = FileAdmission([trace], cache_share=0.2)
    env.reset(seed=0)
    steps = episode(env, np.int64(1))
    plain = simulate(trace, Lru(), int(0.2 * trace.footprint_bytes))
    assert sum(info["hit"] for *_, info in steps) == plain.hit_bytes.sum()
    assert sum(info["written"] for *_, info in steps) == plain.written_bytes.sum()


def test_storing_nothing_hits_nothing(trace: Trace) -> None:
    env = FileAdmission([trace])
    env.reset(seed=0)
    steps = episode(env, np.int64(0))
    assert len(steps) == len(trace)
    # The cache stays empty, so whatever is requested again should have been stored.
    right = trace.next_access == len(trace)
    size_gb = trace.size / 1e9
    assert [reward for _, reward, *_ in steps] == pytest.approx(np.where(right, size_gb, -size_gb))


def test_storing_was_right_if_the_file_comes_back_before_it_leaves() -> None:
    """Two files fit. 0 and 1 come back, 2 does so too late, 4 and 5 never, and 3 is larger than the cache."""
    file = np.array([0, 1, 0, 2, 1, 4, 5, 2, 3, 3])
    size = np.array([10, 10, 10, 500, 10, 10]) * 10**9
    trace = Trace(np.arange(len(file)), file, size)
    env = FileAdmission([trace], cache_share=20e9 / trace.footprint_bytes)
    env.reset(seed=0)
    rewards = [reward for _, reward, *_ in episode(env, np.int64(1))]
    assert rewards == [10, 10, -10, -10, -10, -10, -10, -500, -500]


@pytest.mark.parametrize("name", IDS)
def test_a_step_is_rendered_as_text_and_as_a_picture(name: str, trace: Trace) -> None:
    text, image = (gymnasium.make(name, traces=[trace], render_mode=mode) for mode in ("ansi", "rgb_array"))
    for env in (text, image):
        env.reset(seed=0)
        env.action_space.seed(0)
        for _ in range(5):
            env.step(env.action_space.sample())
    assert "%" in text.render()
    picture = image.render()
    assert (picture.shape, picture.dtype) == ((120, 240, 3), np.uint8)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 3, "paper, bars and marks"
    with pytest.raises(SimulationError, match="render_mode is 'human'"):
        HepCache([trace], render_mode="human")


def test_copies_run_in_processes_of_their_own(trace: Trace) -> None:
    """As gymnasium's AsyncVectorEnv has them: the environment can be sent to another process."""
    envs = gymnasium.make_vec(HEP_CACHE, 2, "async", traces=[trace], vector_kwargs={"context": "spawn"})
    try:
        first, _ = envs.reset(seed=0)
        _, rewards, _, _, _ = envs.step(envs.action_space.sample())
    finally:
        envs.close()
    assert first.shape == (2, len(OBSERVATION))
    assert np.isfinite(rewards).all()


PLAIN = """
import gymnasium
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.vec_env import SubprocVecEnv
import rl_cache.env

if __name__ == "__main__":
    envs = SubprocVecEnv([lambda: gymnasium.make("nightshift/HepCache-v0")] * 2, "spawn")
    for model in (PPO("MlpPolicy", envs, n_steps=16, batch_size=16), SAC("MlpPolicy", envs, learning_starts=16)):
        model.learn(total_timesteps=48)
        print(model.num_timesteps)
"""


@pytest.mark.slow
def test_plain_algorithms_learn_in_ten_lines(tmp_path: Path) -> None:
    pytest.importorskip("stable_baselines3")
    script = tmp_path / "plain.py"
    script.write_text(PLAIN)
    # Where cores are few and busy, torch's threads wait for each other.
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, script], check=False, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=300
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert [int(line) >= 48 for line in run.stdout.splitlines()] == [True, True]
