"""DQN over :mod:`rl_cache.env.file_admission`: the per-file admission agent with a network in place of a table.

Mnih et al. (2015), as stable-baselines3 has it. The environment rewards each decision at once, so later ones are not
looked at by default (``gamma`` 0).
"""

from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.callbacks import BaseCallback

from rl_cache.env.file_admission import FileAdmission
from rl_cache.kernels.network import Network
from rl_cache.policies.admission.learned_admission import LearnedAdmission


def train_dqn(
    env: FileAdmission,
    steps: int,
    seed: int,
    *,
    progress: Callable[[str, float], None],
    gamma: float = 0.0,
    units: int = 32,
) -> LearnedAdmission:
    """Train for ``steps`` misses; the resulting policy stores where the network values Store above NotStore."""
    torch.set_num_threads(1)
    model = DQN(
        "MlpPolicy",
        env,
        learning_rate=1e-3,
        buffer_size=50_000,
        learning_starts=min(1000, steps // 4),
        gamma=gamma,
        exploration_fraction=0.3,
        policy_kwargs={"net_arch": [units]},
        seed=seed,
        device="cpu",
    )
    model.learn(steps, callback=_ProgressCallback(progress, steps))
    return LearnedAdmission(_preference(model.q_net.q_net))


def _preference(layers: torch.nn.Sequential) -> Network:
    """The value of Store less that of NotStore."""
    first, last = (cast(torch.nn.Linear, layers[place]) for place in (0, -1))
    output, offset = last.weight[1] - last.weight[0], (last.bias[1] - last.bias[0]).reshape(1)
    arrays = (first.weight, first.bias, output, offset)
    return Network(*(np.ascontiguousarray(array.detach().numpy(), dtype=np.float64) for array in arrays))


class _ProgressCallback(BaseCallback):
    def __init__(self, progress: Callable[[str, float], None], steps: int) -> None:
        super().__init__()
        self._progress, self._steps = progress, steps

    def _on_step(self) -> bool:
        if self.num_timesteps % 256 == 0:
            self._progress("DQN", min(1.0, self.num_timesteps / self._steps))
        return True
