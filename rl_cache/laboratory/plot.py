"""A plot of a comparison: miss ratio against size, misses against writes, and the way to Belady."""

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rl_cache.errors import SimulationError
from rl_cache.laboratory.units import format_bytes
from rl_cache.laboratory.what_if import Point, way_to_belady

FORMATS = (".png", ".svg", ".pdf")
_MARKERS = "osD^v<>PX*hpd8"


def draw(points: Sequence[Point], path: Path, title: str) -> None:
    """Write the picture; SimulationError if the name's ending is none of FORMATS or nothing can be written there."""
    if path.suffix not in FORMATS:
        raise SimulationError(f"cannot draw {path}; end its name in one of {', '.join(FORMATS)}")
    figure = Figure(figsize=(15, 5), layout="constrained")
    against_size, against_writes, belady = figure.subplots(1, 3)
    _lines(against_size, points, lambda point: point.capacity_bytes, lambda point: point.account.byte_miss_ratio)
    _sizes(against_size, points)
    against_size.set(title="Misses by cache size", ylabel="byte miss ratio")
    _lines(against_writes, points, lambda point: point.written_per_read, lambda point: point.account.byte_miss_ratio)
    against_writes.set(title="Misses by writes", xlabel="bytes written / bytes read", ylabel="byte miss ratio")
    _lines(belady, points, lambda point: point.capacity_bytes, lambda point: way_to_belady(points, point))
    _sizes(belady, points)
    belady.set(title="Way from LRU (0) to Belady (1)", ylabel="share of the way")
    belady.set_ylim(bottom=max(belady.get_ylim()[0], -1.05))
    figure.legend(*against_size.get_legend_handles_labels(), loc="outside right center")
    figure.suptitle(title)
    try:
        figure.savefig(path, dpi=110)
    except OSError as error:
        raise SimulationError(f"cannot write {path}: {error.strerror}") from None


Coordinate = Callable[[Point], float]


def _lines(axes: Axes, points: Sequence[Point], across: Coordinate, up: Coordinate) -> None:
    """A line for each policy, distinguished by marker and by colour."""
    names = list(dict.fromkeys(point.policy for point in points))
    colours = mpl.colormaps["tab20"]
    for number, name in enumerate(names):
        line = [point for point in points if point.policy == name]
        marker = _MARKERS[number % len(_MARKERS)]
        axes.plot([*map(across, line)], [*map(up, line)], color=colours(number % colours.N), marker=marker, label=name)
    axes.grid(alpha=0.3)


def _sizes(axes: Axes, points: Sequence[Point]) -> None:
    sizes = sorted({point.capacity_bytes for point in points})
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.set_xticks(sizes, [format_bytes(size) for size in sizes], rotation=30)
    axes.set_xlabel("cache size")
