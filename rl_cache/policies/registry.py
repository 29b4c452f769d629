"""All policies by name."""

from collections.abc import Callable

from rl_cache.errors import SimulationError
from rl_cache.policies.lru import Lru
from rl_cache.simulator import Policy

POLICIES: dict[str, Callable[[], Policy]] = {make.name: make for make in (Lru,)}
"""Each called without arguments has its published default parameters."""


def policy(name: str) -> Policy:
    """The policy of this name with its default parameters; SimulationError if there is none."""
    if name not in POLICIES:
        raise SimulationError(f"there is no policy {name!r}; choose from {', '.join(sorted(POLICIES))}")
    return POLICIES[name]()
