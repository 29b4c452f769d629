"""Results of the cache laboratory as tables for a terminal and as JSON."""

import math
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from rich.console import Console
from rich.table import Table

from rl_cache.metrics import Percentage, Published, published
from rl_cache.quantities import show_bytes
from rl_cache.traces.info import Info
from rl_cache.traces.trace import Trace
from rl_cache.what_if import Conditions, Point, way_to_belady

_RIGHT: Any = {"justify": "right"}


def print_info(info: Info, title: str) -> None:
    """One figure a line."""
    # A title of the table would be wrapped to its width.
    Console().print(title, style="bold", highlight=False, soft_wrap=True)
    table = Table("figure", box=None, show_header=False)
    table.add_column(**_RIGHT)
    for name, value in asdict(info).items():
        if value is not None:
            table.add_row(name.removesuffix("_bytes").replace("_", " "), _shown(name, value))
    Console().print(table)


def _shown(name: str, value: float) -> str:
    if name.endswith("_bytes"):
        return show_bytes(value)
    if name.endswith("_s"):
        return f"{value:,.0f} s"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def print_points(points: Sequence[Point]) -> None:
    """Misses and writes of each policy at each size, best first."""
    redirecting = any(one.account.redirects.any() for one in points)
    table = Table(box=None, pad_edge=False)
    for column in ("size", "policy"):
        table.add_column(column, no_wrap=True)
    for column in ("byte miss", "req. miss", "written", "to Belady", *["redirected"] * redirecting):
        table.add_column(column, no_wrap=True, **_RIGHT)
    for point in sorted(points, key=lambda one: (one.capacity_bytes, one.account.byte_miss_ratio)):
        account = point.account
        row = (
            show_bytes(point.capacity_bytes),
            point.policy,
            f"{account.byte_miss_ratio:.4f}",
            f"{account.request_miss_ratio:.4f}",
            show_bytes(int(account.written_bytes.sum())),
            _or_dash(way_to_belady(points, point), "{:.2f}"),
        )
        table.add_row(*row, *[show_bytes(int(account.redirected_bytes.sum()))] * redirecting)
    Console().print(table)
    Console().print("to Belady: share of the way from LRU's byte miss ratio to Belady's", style="dim")


def print_metrics(points: Sequence[Point], trace: Trace, conditions: Conditions) -> None:
    """The published metrics, in one table for each of the two averages."""
    found = [published(one.account, trace, conditions.warm_up, conditions.daily_bandwidth) for one in points]
    for average in fields(Percentage):
        title = f"Published metrics (definitions of 2020), percent, {average.name.replace('_', ' ')}"
        table = Table(box=None, pad_edge=False, title=title, title_justify="left")
        table.add_column("policy", no_wrap=True)
        for field in fields(Published):
            table.add_column(field.name.replace("_", " "), **_RIGHT)
        for point, metrics in zip(points, found, strict=True):
            columns = [getattr(metrics, field.name) for field in fields(Published)]
            table.add_row(point.policy, *(_percent(one, average.name) for one in columns))
        Console().print(table)


def info_json(info: Info) -> dict[str, Any]:
    """The same, NaN left out."""
    return _without_nan(asdict(info))


def points_json(points: Sequence[Point], trace: Trace, conditions: Conditions) -> dict[str, Any]:
    """The trace, the conditions, and one entry a point."""
    return {
        "trace": trace.origin,
        "conditions": asdict(conditions),
        "points": [_point_json(points, one, trace, conditions) for one in points],
    }


def _point_json(points: Sequence[Point], point: Point, trace: Trace, conditions: Conditions) -> dict[str, Any]:
    account = point.account
    found = published(account, trace, conditions.warm_up, conditions.daily_bandwidth)
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
            "published_2020": {name: _without_nan(one) for name, one in asdict(found).items() if one is not None},
        }
    )


def _without_nan(found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if not (isinstance(value, float) and math.isnan(value))}


def _percent(metric: Percentage | None, average: str) -> str:
    return "–" if metric is None else _or_dash(getattr(metric, average), "{:.1f}")


def _or_dash(value: float, form: str) -> str:
    return "–" if math.isnan(value) else form.format(value)
