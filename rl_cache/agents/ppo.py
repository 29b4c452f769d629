"""PPO over :mod:`rl_cache.env.hep_cache`: turn the knobs epoch by epoch, beginning at the warm start.

Schulman et al. (2017), as stable-baselines3 has it. The last layer begins at zero, so that the first policy leaves
the knobs where the warm start put them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv

from rl_cache.arrays import Float64
from rl_cache.env.hep_cache import HepCache
from rl_cache.errors import AgentError

_LAYERS = [32, 32]
_LOG_WIDTH = -2.0
"""Width of the first actions, as its logarithm: small, since the warm start is good."""


def train_ppo(
    make: Callable[[], HepCache],
    steps: int,
    seed: int,
    *,
    progress: Callable[[str, float], None],
    logs: Path | None = None,
    checkpoint: Path | None = None,
) -> tuple[tuple[Float64, Float64], ...]:
    """Train for ``steps`` epochs of the cache; the layers of the policy, as :class:`Agent` has them.

    Args:
        make: makes the environment.
        steps: decisions in all; those of a checkpoint count.
        seed: of everything random.
        progress: called with a word and the share done.
        logs: folder of TensorBoard logs; none by default.
        checkpoint: written every 1024 steps; if it is there already, training goes on from it.

    Raises:
        AgentError: the checkpoint cannot be used.
    """
    torch.set_num_threads(1)
    model = PPO(
        "MlpPolicy",
        DummyVecEnv([make]),
        n_steps=256,
        batch_size=64,
        n_epochs=6,
        gamma=0.95,
        learning_rate=1e-3,
        ent_coef=0.0,
        policy_kwargs={"net_arch": _LAYERS, "log_std_init": _LOG_WIDTH},
        tensorboard_log=None if logs is None else str(logs),
        seed=seed,
        device="cpu",
    )
    with torch.no_grad():
        model.policy.action_net.weight.zero_()  # type: ignore[operator]
        model.policy.action_net.bias.zero_()  # type: ignore[operator]
    done = 0 if checkpoint is None or not checkpoint.is_file() else _load_checkpoint(model, checkpoint)
    if done < steps:
        model.learn(steps - done, callback=_CheckpointCallback(progress, done, steps, checkpoint))
    return layers(model)


def layers(model: PPO) -> tuple[tuple[Float64, Float64], ...]:
    """The matrices and offsets of the policy's mean, in order."""
    parameters = {name: array.detach().numpy().astype(np.float64) for name, array in model.policy.state_dict().items()}
    names = [f"mlp_extractor.policy_net.{2 * k}" for k in range(len(_LAYERS))] + ["action_net"]
    return tuple((parameters[f"{name}.weight"], parameters[f"{name}.bias"]) for name in names)


class _CheckpointCallback(BaseCallback):
    """Reports progress and writes checkpoints."""

    def __init__(self, progress: Callable[[str, float], None], done: int, steps: int, checkpoint: Path | None) -> None:
        super().__init__()
        self._progress, self._done, self._steps, self._checkpoint = progress, done, steps, checkpoint

    def _on_step(self) -> bool:
        done = self._done + self.num_timesteps
        self._progress("PPO", min(1.0, done / self._steps))
        if self._checkpoint is not None and done % 1024 == 0:
            _write_checkpoint(self.model, done, self._checkpoint)
        return True


def _write_checkpoint(model: Any, done: int, path: Path) -> None:
    """Numbers only, so that reading a checkpoint runs no code; a new file takes the place of the old one at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    torch.save({"done": done, **model.get_parameters()}, new)
    new.replace(path)


def _load_checkpoint(model: PPO, path: Path) -> int:
    try:
        parameters = torch.load(path, weights_only=True)
        done = int(parameters.pop("done"))
        model.set_parameters(parameters)
    except Exception as error:
        raise AgentError(path, f"is not a checkpoint of this training ({error}); remove it to begin anew") from error
    return done
