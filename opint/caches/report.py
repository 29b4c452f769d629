"""Results of the cache laboratory as tables for a terminal and as JSON."""

import math
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from rich.console import Console
from rich.table import Table

from rl_cache.laboratory.account import Percentage, PublishedMetrics, published_metrics
from rl_cache.laboratory.units import format_bytes
from rl_cache.laboratory.what_if import Point, SimulationSettings, way_to_belady
from rl_cache.traces.summary import TraceSummary
from rl_cache.traces.trace import Trace

_RIGHT: Any = {"justify": "right"}


def print_summary(summary: TraceSummary, title: str) -> None:
    """One figure a line."""
    # A title of the table would be wrapped to its width.
    Console().print(title, style="bold", highlight=False, soft_wrap=True)
    table = Table("figure", box=None, show_header=False)
    table.add_column(**_RIGHT)
    for name, value in asdict(summary).items():
        if value is not None:
            table.add_row(name.removesuffix("_bytes").replace("_", " "), _format_figure(name, value))
    Console().print(table)


def _format_figure(name: str, value: float) -> str:
    if name.endswith("_bytes"):
        return format_bytes(value)
    if name.endswith("_s"):
        return f"{value:,.0f} s"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def print_points(points: Sequence[Point]) -> None:
    """Misses and writes of each policy at each size, best first."""
    redirecting = any(point.account.redirects.any() for point in points)
    table = Table(box=None, pad_edge=False)
    for column in ("size", "policy"):
        table.add_column(column, no_wrap=True)
    for column in ("byte miss", "req. miss", "written", "to Belady", *["redirected"] * redirecting):
        table.add_column(column, no_wrap=True, **_RIGHT)
    for point in sorted(points, key=lambda point: (point.capacity_bytes, point.account.byte_miss_ratio)):
        account = point.account
        row = (
            format_bytes(point.capacity_bytes),
            point.policy,
            f"{account.byte_miss_ratio:.4f}",
            f"{account.request_miss_ratio:.4f}",
            format_bytes(int(account.written_bytes.sum())),
            _or_dash(way_to_belady(points, point), "{:.2f}"),
        )
        table.add_row(*row, *[format_bytes(int(account.redirected_bytes.sum()))] * redirecting)
    Console().print(table)
    Console().print("to Belady: share of the way from LRU's byte miss ratio to Belady's", style="dim")


def print_metrics(points: Sequence[Point], trace: Trace, settings: SimulationSettings) -> None:
    """The published metrics, in one table for each of the two averages."""
    metrics_of_points = [
        published_metrics(point.account, trace, settings.warm_up, settings.daily_bandwidth) for point in points
    ]
    for average in fields(Percentage):
        title = f"Published metrics (definitions of 2020), percent, {average.name.replace('_', ' ')}"
        table = Table(box=None, pad_edge=False, title=title, title_justify="left")
        table.add_column("policy", no_wrap=True)
        for field in fields(PublishedMetrics):
            table.add_column(field.name.replace("_", " "), **_RIGHT)
        for point, metrics in zip(points, metrics_of_points, strict=True):
            columns = [getattr(metrics, field.name) for field in fields(PublishedMetrics)]
            table.add_row(point.policy, *(_percent(metric, average.name) for metric in columns))
        Console().print(table)


def summary_json(summary: TraceSummary) -> dict[str, Any]:
    """The same, NaN left out."""
    return _without_nan(asdict(summary))


def points_json(points: Sequence[Point], trace: Trace, settings: SimulationSettings) -> dict[str, Any]:
    """The trace, the settings of the simulations, and one entry a point."""
    return {
        "trace": trace.origin,
        "conditions": asdict(settings),
        "points": [_point_json(points, point, trace, settings) for point in points],
    }


def _point_json(points: Sequence[Point], point: Point, trace: Trace, settings: SimulationSettings) -> dict[str, Any]:
    account = point.account
    metrics = published_metrics(account, trace, settings.warm_up, settings.daily_bandwidth)
    return _without_nan(
        {
            "policy": point.policy,
            "capacity_bytes": point.capacity_bytes,
            "byte_miss_ratio": account.byte_miss_ratio,
            "request_miss_ratio": account.request_miss_ratio,
            "written_bytes": int(account.written_bytes.sum()),
            "deleted_bytes": int(account.deleted_bytes.sum()),
            "redirected_bytes": int(account.redirected_bytes.sum()),
            "way_to_belady": way_to_belady(points, point),
            "published_2020": {
                name: _without_nan(metric) for name, metric in asdict(metrics).items() if metric is not None
            },
        }
    )


def _without_nan(figures: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in figures.items() if not (isinstance(value, float) and math.isnan(value))}


def _percent(metric: Percentage | None, average: str) -> str:
    return "–" if metric is None else _or_dash(getattr(metric, average), "{:.1f}")


def _or_dash(value: float, form: str) -> str:
    return "–" if math.isnan(value) else form.format(value)
