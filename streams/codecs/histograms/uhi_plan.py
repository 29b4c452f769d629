"""What follows from a UHI message without its numbers; validated by uhi once, then remembered.

Histograms are given with empty storages (only ``type``), which is valid UHI, too.
"""

import math
from dataclasses import dataclass
from typing import Any

import fastjsonschema
import numpy as np
import orjson
from uhi.schema import validate_histogram

from streams.codecs.catalogue_cache import CACHE_BYTES, BoundedCache, digest, intern
from streams.codecs.checks import MAX_DIMENSIONS, check_element
from streams.codecs.histograms.axes import Cells, Layout, extents_of, layout_of, read_axis
from streams.codecs.limits import Limits
from streams.errors import DecodeError
from streams.records import Axis, Catalogue, MonitoringElement


@dataclass(frozen=True, slots=True)
class _Form:
    """All that follows from a histogram without its name and numbers."""

    axes: tuple[Axis, ...]
    layout: Layout
    whole: bool


@dataclass(frozen=True, slots=True)
class Group:
    """MEs whose cells lie alike: their names, their rows in the catalogue and in their block."""

    layout: Layout
    names: tuple[str, ...]
    rows: Cells
    block: int
    block_rows: Cells


@dataclass(frozen=True, slots=True)
class Plan:
    """All that follows from a message without its numbers."""

    catalogue: Catalogue
    groups: tuple[Group, ...]
    whole: bool


_forms: BoundedCache[_Form] = BoundedCache(CACHE_BYTES)
_plans: BoundedCache[Plan] = BoundedCache(CACHE_BYTES)


def plan_of(histograms: dict[str, Any], bare: bytes, limits: Limits, message_bytes: int) -> Plan:
    """Plan of a message of so many bytes; raise DecodeError unless its histograms are valid UHI that can be read.

    ``bare`` are the histograms as JSON.
    """
    key = (digest(bare), limits)
    plan = _plans.get(key)
    if plan is None:
        plan = _read_plan(histograms, limits, message_bytes)
        plan = _plans.put(key, plan, len(bare) + sum(group.layout.cells * 8 for group in plan.groups))
    return plan


def _read_plan(histograms: dict[str, Any], limits: Limits, message_bytes: int) -> Plan:
    if not histograms:
        raise DecodeError("no-histograms", "message", 0)
    forms: dict[str, _Form] = {}
    elements = []
    # A number and its comma take two bytes: axes that promise more cells lie, and get no memory.
    cells_left = message_bytes // 2
    for name, histogram in histograms.items():
        form = _form(histogram, name, limits, cells_left)
        cells_left -= form.layout.cells
        element = MonitoringElement(name, form.axes)
        check_element(element, limits)
        forms[name] = form
        elements.append(element)
    catalogue = intern(Catalogue.of(elements), message_bytes)
    layouts = {name: form.layout for name, form in forms.items()}
    return Plan(catalogue, _groups(catalogue, layouts), all(form.whole for form in forms.values()))


def _form(histogram: dict[str, Any], name: str, limits: Limits, cells_left: int) -> _Form:
    bare = orjson.dumps(histogram)
    form = _forms.get((bare, limits))
    if form is None:
        validate(histogram, name)
        if len(histogram["axes"]) > MAX_DIMENSIONS:
            hint = "1-D and 2-D histograms are read"
            raise DecodeError("too-many-dimensions", f"{name}: axes", len(histogram["axes"]), hint)
        axes = [read_axis(axis, f"{name}: axis") for axis in histogram["axes"]]
        cells = math.prod(extents_of(axes))
        limits.check_bins(cells, f"{name}: bins")
        if cells > cells_left:
            raise DecodeError(
                "wrong-bin-count", f"{name}: axes", cells, "the message is too short to hold their counts"
            )
        whole = histogram["storage"]["type"] == "int"
        form = _Form(tuple(axis for axis, _, _ in axes), layout_of(axes), whole)
        form = _forms.put((bare, limits), form, len(bare) + cells * 8)
    return form


def _groups(catalogue: Catalogue, layouts: dict[str, Layout]) -> tuple[Group, ...]:
    groups = []
    for number, block in enumerate(catalogue.blocks):
        alike: dict[tuple[Any, ...], list[int]] = {}
        for row in range(block.start, block.stop):
            layout = layouts[catalogue.names[row]]
            alike.setdefault((layout.extents, int(layout.inner[0]), len(layout.below)), []).append(row)
        for members in alike.values():
            names = tuple(catalogue.names[row] for row in members)
            rows = np.array(members, np.intp)
            groups.append(Group(layouts[names[0]], names, rows, number, rows - block.start))
    return tuple(groups)


def validate(histogram: Any, field: str) -> None:
    """Raise DecodeError unless uhi calls this valid."""
    try:
        validate_histogram(histogram)
    except fastjsonschema.JsonSchemaValueException as error:
        place = "".join(f"[{part!r}]" for part in error.path[1:])
        raise DecodeError("not-uhi", field + place, error.value, error.message.partition(" by any")[0]) from None
