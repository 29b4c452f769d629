"""Axes of the UHI schema, to and from :class:`streams.records.Axis`, and where the cells of one lie.

Boolean axes become categories False and True, integer categories their decimal text; both cover 0 … bins.
A circular axis is read as a plain one. The label is the axis metadata ``label`` or, without it, ``name``.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from streams.codecs.values import legible
from streams.errors import DecodeError
from streams.records import Axis

Cells = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a histogram's cells lie among its values: ``extents`` are the lengths along the axes, flow included.

    ``inner``, ``below`` and ``above`` are flat indices. A cell that lies below on any axis is below.
    """

    extents: tuple[int, ...]
    inner: Cells
    below: Cells
    above: Cells

    @property
    def cells(self) -> int:
        """How many cells, flow included."""
        return math.prod(self.extents)


def read_axis(raw: dict[str, Any], field: str) -> tuple[Axis, bool, bool]:
    """Axis of schema-valid UHI, whether it has an underflow cell, and an overflow cell."""
    metadata = raw.get("metadata", {})
    label = legible(str(metadata.get("label") or metadata.get("name") or ""))
    match raw["type"]:
        case "regular":
            axis = Axis(int(raw["bins"]), float(raw["lower"]), float(raw["upper"]), label)
        case "variable":
            edges = raw["edges"]
            if isinstance(edges, str):
                raise DecodeError("unsupported-storage", f"{field} edges", edges, "write the numbers inline")
            if len(edges) < 2:
                raise _without_bins(field)
            axis = Axis(len(edges) - 1, float(edges[0]), float(edges[-1]), label, edges=tuple(map(float, edges)))
        case "boolean":
            return _named(("False", "True"), label), False, False
        case _:
            if not raw["categories"]:
                raise _without_bins(field)
            names = tuple(legible(str(category)) for category in raw["categories"])
            return _named(names, label), False, bool(raw["flow"])
    return axis, bool(raw["underflow"]), bool(raw["overflow"])


def _without_bins(field: str) -> DecodeError:
    return DecodeError("no-bins", field, 0, "an axis that grows has no bins before its first fill")


def write_axis(axis: Axis) -> dict[str, Any]:
    """UHI axis with all the flow cells that its type can have."""
    metadata = {"metadata": {"label": axis.label}} if axis.label else {}
    if axis.categories is not None:
        return {"type": "category_str", "categories": list(axis.categories), "flow": True, **metadata}
    flow = {"underflow": True, "overflow": True, "circular": False, **metadata}
    if axis.edges is not None:
        return {"type": "variable", "edges": list(axis.edges), **flow}
    return {"type": "regular", "lower": axis.lower, "upper": axis.upper, "bins": axis.bins, **flow}


def extents_of(axes: list[tuple[Axis, bool, bool]]) -> tuple[int, ...]:
    """Lengths along the axes, flow cells included."""
    return tuple(axis.bins + under + over for axis, under, over in axes)


def layout_of(axes: list[tuple[Axis, bool, bool]]) -> Layout:
    """Layout of axes with their flow cells; takes memory for each cell, so check their number before."""
    extents = extents_of(axes)
    cells = np.arange(math.prod(extents)).reshape(extents)
    inside = tuple(slice(int(under), int(under) + axis.bins) for axis, under, _ in axes)
    side = np.ones(extents, np.int8)
    side[inside] = 0
    for number, (_, under, _) in enumerate(axes):
        if under:
            side[(slice(None),) * number + (0,)] = -1
    return Layout(extents, cells[side == 0], cells[side == -1], cells[side == 1])


def _named(categories: tuple[str, ...], label: str) -> Axis:
    return Axis(len(categories), 0.0, float(len(categories)), label, categories=categories)
