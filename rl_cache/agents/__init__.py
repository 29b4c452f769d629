"""Agents that learn to steer a cache; the only place of torch and stable-baselines3."""

import sys
from types import ModuleType

# TensorBoard would load TensorFlow where that is installed, which takes seconds and, with another LLVM in the same
# process, ends it. It looks for a module of this name to be told that it shall do without.
sys.modules.setdefault("tensorboard.compat.notf", ModuleType("tensorboard.compat.notf"))

# Its compiler for graphics cards clashes with TensorFlow's in one process, and nothing here runs on such a card.
sys.modules.setdefault("triton", None)  # type: ignore[arg-type]
