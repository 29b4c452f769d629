"""Lines of pages as points of SVG polylines. Pure functions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from opint.store.caches import CacheDay, CurvePoint

WIDTH, HEIGHT = 600.0, 160.0
"""Size of a chart in SVG units."""
SPARK_WIDTH, SPARK_HEIGHT = 160.0, 26.0
"""Size of a sparkline in SVG units."""


@dataclass(frozen=True, slots=True)
class ChartLine:
    """A line of a chart: its name, its points for a polyline, and the value at its end."""

    name: str
    points: str
    last: float


@dataclass(frozen=True, slots=True)
class Spark:
    """Savings by day: the points of a polyline, and the height at which nothing is saved."""

    points: str
    zero: float


def day_curves(days: Sequence[CacheDay]) -> list[ChartLine]:
    """Hit ratios of bytes and of requests by day, from 0 to 1; a day without reads is no day."""
    first = days[0].day if days else 0
    span = max(1, days[-1].day - first) if days else 1
    x = [WIDTH * (day.day - first) / span for day in days]
    ratios = {
        "of bytes": [1 - day.missed_bytes / max(1, day.read_bytes) for day in days],
        "of requests": [1 - day.misses / max(1, day.requests) for day in days],
    }
    return [ChartLine(name, _points(x, values), values[-1]) for name, values in ratios.items() if values]


def size_curves(points: Sequence[CurvePoint]) -> list[ChartLine]:
    """Byte miss ratio by size for each policy, sizes on a logarithmic scale, the best at its largest size first."""
    if not points:
        return []
    sizes = [math.log(point.capacity_bytes) for point in points]
    least, span = min(sizes), max(max(sizes) - min(sizes), 1e-9)
    curves = []
    for policy in dict.fromkeys(point.policy for point in points):
        own = [point for point in points if point.policy == policy]
        x = [WIDTH * (math.log(point.capacity_bytes) - least) / span for point in own]
        curves.append(ChartLine(policy, _points(x, [point.byte_miss_ratio for point in own]), own[-1].byte_miss_ratio))
    return sorted(curves, key=lambda curve: curve.last)


def saving_spark(saved_by_day: Sequence[float]) -> Spark | None:
    """Savings by day with the line of zero; None with fewer than two days."""
    if len(saved_by_day) < 2:
        return None
    low, high = min(0.0, *saved_by_day), max(0.0, *saved_by_day)
    span = (high - low) or 1.0
    return Spark(spark_points([(value - low) / span for value in saved_by_day]), _spark_height(-low / span))


def spark_points(shares: Sequence[float]) -> str:
    """Points of a sparkline of values from 0 to 1, of which NaN are left out; empty with fewer than two."""
    step = SPARK_WIDTH / max(1, len(shares) - 1)
    points = [(step * place, _spark_height(share)) for place, share in enumerate(shares) if not math.isnan(share)]
    return _polyline(points) if len(points) > 1 else ""


def _spark_height(share: float) -> float:
    return SPARK_HEIGHT - 1 - (SPARK_HEIGHT - 2) * share


def _points(x: Sequence[float], ratios: Sequence[float]) -> str:
    return _polyline([(at, HEIGHT * (1 - min(max(ratio, 0.0), 1.0))) for at, ratio in zip(x, ratios, strict=True)])


def _polyline(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
