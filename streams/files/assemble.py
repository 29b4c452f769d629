"""Histograms that a reader finds one by one, put together to batches."""

import math
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from streams.codecs.catalogue_cache import intern
from streams.codecs.checks import check_amounts, check_element, counts_dtype
from streams.codecs.envelope import Envelope
from streams.codecs.histograms.axes import layout_of
from streams.codecs.limits import Limits
from streams.errors import DecodeError
from streams.records import Catalogue, Counts, HistogramBatch, LumisectionKey, MonitoringElement


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """One checked histogram: flat counts in C order, int64 or float64, and what lies outside its axes."""

    me: MonitoringElement
    counts: npt.NDArray[Any]
    below: float
    above: float
    entries: float


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A histogram, where it belongs, and the place in the file to name in an error."""

    envelope: Envelope
    histogram: Histogram
    place: str


def placed(error: DecodeError, place: str) -> DecodeError:
    """The error with its field preceded by the place in the file."""
    located = copy(error)
    located.field = f"{place}: {error.field}"
    located.args = (f"{place}: {error}",)
    return located


def histogram_of_cells(me: MonitoringElement, cells: npt.NDArray[Any], entries: float, limits: Limits) -> Histogram:
    """Checked histogram of cells with a flow cell at both ends of each axis, the first axis first.

    Raises DecodeError for unusable axes, a wrong number of cells, or counts that are negative or not finite.
    """
    check_element(me, limits)
    extents = tuple(bins + 2 for bins in me.shape)
    if cells.size != math.prod(extents):
        hint = f"the axes, with their flow cells, have {' x '.join(map(str, extents))}"
        raise DecodeError("wrong-bin-count", f"{me.name}: counts", cells.size, hint)
    check_amounts(cells, lambda index: f"{me.name}: cell {index}")
    check_amounts(np.array([entries]), lambda _: f"{me.name}: entries")
    layout = layout_of([(axis, True, True) for axis in me.axes])
    flat = cells.ravel()
    below, above = float(flat[layout.below].sum()), float(flat[layout.above].sum())
    return Histogram(me, flat[layout.inner], below, above, entries)


def group(rows: Iterable[Row | DecodeError], limits: Limits) -> Iterator[HistogramBatch | DecodeError]:
    """Batches of neighbouring rows of one lumisection, one batch for each dataset and subsystem.

    Errors pass at once. A name that comes twice in one lumisection is an error; the first stands. Rows of
    one lumisection that are not neighbours make several batches, which is allowed everywhere.
    """
    key: LumisectionKey | None = None
    rows_of_key = 0
    parts: dict[tuple[str, str], list[Row]] = {}
    names: set[tuple[str, str, str]] = set()
    for row in rows:
        if isinstance(row, DecodeError):
            yield row
            continue
        if row.envelope.key != key or rows_of_key >= limits.max_histograms:
            yield from map(batch_of, parts.values())
            key, rows_of_key, parts, names = row.envelope.key, 0, {}, set()
        part, name = (row.envelope.dataset, row.envelope.subsystem), row.histogram.me.name
        if (*part, name) in names:
            yield DecodeError("duplicate-name", f"{row.place}: name", name, "it stands twice in this lumisection")
            continue
        names.add((*part, name))
        parts.setdefault(part, []).append(row)
        rows_of_key += 1
    yield from map(batch_of, parts.values())


def batch_of(rows: Sequence[Row]) -> HistogramBatch:
    """Batch of checked rows of one envelope, whose names are unique; int64 if all counts are integers."""
    by_name = {row.histogram.me.name: row.histogram for row in rows}
    elements = [histogram.me for histogram in by_name.values()]
    catalogue = intern(Catalogue.of(elements), sum(len(me.name) + 100 for me in elements))
    ordered = [by_name[name] for name in catalogue.names]
    whole = all(histogram.counts.dtype.kind == "i" for histogram in ordered)
    dtype = np.int64 if whole else counts_dtype(histogram.counts for histogram in ordered)
    counts = tuple(
        np.stack([histogram.counts for histogram in ordered[block.start : block.stop]]).astype(dtype)
        for block in catalogue.blocks
    )
    flow = np.array([(histogram.below, histogram.above) for histogram in ordered])
    entries = np.array([histogram.entries for histogram in ordered], np.float64)
    for array in (*counts, flow, entries):
        array.setflags(write=False)
    head, typed = rows[0].envelope, cast(tuple[Counts, ...], counts)
    return HistogramBatch(head.key, head.dataset, head.subsystem, head.conditions, catalogue, typed, flow, entries)
