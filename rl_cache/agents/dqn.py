"""DQN over :mod:`rl_cache.env.file_admission`: the per-file admission agent with a network in place of a table.

Mnih et al. (2015), as stable-baselines3 has it.
"""

from collections.abc import Callable

import torch
from stable_baselines3 import DQN
from stable_baselines3.common.callbacks import BaseCallback

from rl_cache.env.file_admission import FileAdmission


def train_dqn(env: FileAdmission, steps: int, seed: int, *, progress: Callable[[str, float], None]) -> DQN:
    """Train for so many misses; the model, whose ``predict`` decides."""
    torch.set_num_threads(1)
    model = DQN(
        "MlpPolicy",
        env,
        learning_rate=1e-3,
        buffer_size=50_000,
        learning_starts=min(1000, steps // 4),
        gamma=0.95,
        exploration_fraction=0.3,
        policy_kwargs={"net_arch": [32, 32]},
        seed=seed,
        device="cpu",
    )
    model.learn(steps, callback=_Tell(progress, steps))
    return model


class _Tell(BaseCallback):
    def __init__(self, progress: Callable[[str, float], None], steps: int) -> None:
        super().__init__()
        self._progress, self._steps = progress, steps

    def _on_step(self) -> bool:
        if self.num_timesteps % 256 == 0:
            self._progress("DQN", min(1.0, self.num_timesteps / self._steps))
        return True
