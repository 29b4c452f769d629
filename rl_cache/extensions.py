"""What other packages add by entry points: cache policies and readers of traces."""

from functools import cache
from importlib.metadata import entry_points
from typing import Any

from rl_cache.errors import SimulationError


@cache
def extensions(group: str) -> dict[str, Any]:
    """The objects of an entry point group by name.

    Raises:
        SimulationError: one cannot be loaded; it names the entry point and the package that brought it.
    """
    loaded = {}
    for point in entry_points(group=group):
        try:
            loaded[point.name] = point.load()
        except Exception as error:
            package = point.dist.name if point.dist else "unknown"
            raise SimulationError(f"entry point {point.name} of {group}, package {package}: {error}") from error
    return loaded
