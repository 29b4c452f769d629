"""Agents that learn to steer a cache; the only place of torch and stable-baselines3."""

import sys
from types import ModuleType

import rl_cache.env  # noqa: F401 - before torch, since it keeps what torch loads from ending the process

# TensorBoard would load TensorFlow where that is installed, which takes seconds. It looks for a module of this name to
# learn that it must do without.
sys.modules.setdefault("tensorboard.compat.notf", ModuleType("tensorboard.compat.notf"))
