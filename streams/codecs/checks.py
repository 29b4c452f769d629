"""Checks of content from outside: how it begins, and what every decoded histogram must fulfil."""

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from streams.codecs.limits import Limits
from streams.codecs.values import check_text
from streams.errors import DecodeError
from streams.records import Axis, MonitoringElement

BEGIN_BYTES = 8
"""How much :func:`check_begin` looks at."""

_COMPRESSIONS = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\xfd7zXZ\x00": "xz",
    b"BZh": "bzip2",
    b"\x04\x22\x4d\x18": "LZ4",
    b"PK\x03\x04": "zip",
}
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def check_begin(begin: bytes, field: str) -> None:
    """Raise DecodeError for content that begins with nothing, is compressed, or is text in UTF-16."""
    if not begin:
        raise DecodeError("empty-file", field, "0 bytes", "nothing was written to it")
    for magic, compression in _COMPRESSIONS.items():
        if begin.startswith(magic):
            raise DecodeError("compressed", field, compression, "unpack it first")
    if begin.startswith(_UTF_16):
        raise DecodeError("not-utf8", field, "UTF-16", "write the text in UTF-8")


def check_file(path: Path) -> None:
    """Raise DecodeError for a file that is empty, compressed or in UTF-16; OSError if it cannot be read."""
    with path.open("rb") as file:
        check_begin(file.read(BEGIN_BYTES), path.name)


MAX_COUNT = 2.0**53
"""Above it float64 no longer holds every whole number, so that sums would lose counts."""

_MOST_UNSIGNED = np.uint64(MAX_COUNT)

EXACT_IN_FLOAT32 = 2.0**24
"""The same of float32."""

MAX_DIMENSIONS = 2


def check_element(me: MonitoringElement, limits: Limits) -> None:
    """Raise DecodeError unless the name is usable and the axes are one or two sound ones."""
    check_text(me.name, "name")
    if not 1 <= len(me.axes) <= MAX_DIMENSIONS:
        raise DecodeError("too-many-dimensions", f"{me.name}: axes", len(me.axes), "1-D and 2-D histograms are read")
    for axis in me.axes:
        _check_axis(axis, f"{me.name}: axis")
    limits.check_bins(math.prod(me.shape), f"{me.name}: bins")


def _check_axis(axis: Axis, field: str) -> None:
    check_text(axis.label, f"{field} label", empty=True)
    if axis.bins < 1:
        raise DecodeError("bad-axis", f"{field} bins", axis.bins, "at least one bin is needed")
    if not (math.isfinite(axis.lower) and math.isfinite(axis.upper) and axis.lower < axis.upper):
        raise DecodeError("bad-axis", f"{field} range", (axis.lower, axis.upper), "lower must be below upper")
    if axis.edges is not None:
        _check_edges(axis, field)
    if axis.categories is not None:
        _check_categories(axis, field)


def _check_edges(axis: Axis, field: str) -> None:
    edges = np.asarray(axis.edges, np.float64)
    if len(edges) != axis.bins + 1 or not np.isfinite(edges).all() or not (np.diff(edges) > 0).all():
        raise DecodeError("bad-axis", f"{field} edges", axis.edges, "bins + 1 rising numbers are needed")


def _check_categories(axis: Axis, field: str) -> None:
    categories = axis.categories or ()
    if len(categories) != axis.bins or len(set(categories)) != len(categories):
        raise DecodeError(
            "bad-axis", f"{field} categories", categories, "one name for each bin is needed, no name twice"
        )
    for category in categories:
        check_text(category, f"{field} category", empty=True)


def counts_dtype(matrices: Iterable[npt.NDArray[Any]]) -> type[np.float32] | type[np.int64]:
    """How checked counts are kept: int64 where all are whole and float32 cannot hold one of them, else float32."""
    matrices = list(matrices)
    if all(matrix.size == 0 or matrix.max() <= EXACT_IN_FLOAT32 for matrix in matrices):
        return np.float32
    return np.int64 if all((matrix == np.floor(matrix)).all() for matrix in matrices) else np.float32


def are_amounts(values: npt.NDArray[Any]) -> bool:
    """Whether all values are finite, not negative and at most :data:`MAX_COUNT`.

    NaN goes through ``min`` and ``max``, so that two passes see everything; of integers without a sign, of which what
    was negative is the largest, one does.
    """
    if values.dtype == np.int64:
        return values.size == 0 or bool(values.view(np.uint64).max() <= _MOST_UNSIGNED)
    return values.size == 0 or bool(values.min() >= 0 and values.max() <= MAX_COUNT)


def check_amounts(values: npt.NDArray[Any], field: Callable[[int], str]) -> None:
    """Raise DecodeError unless all values are finite, not negative and at most :data:`MAX_COUNT`.

    ``field`` names the place of a flat index; it is called for the first bad value only.
    """
    if are_amounts(values):
        return
    flat = values.ravel()
    index = int(np.flatnonzero(~((flat >= 0) & (flat <= MAX_COUNT)))[0])
    value = flat[index].item()
    if not math.isfinite(value):
        raise DecodeError("not-finite", field(index), value)
    if value < 0:
        raise DecodeError("negative-count", field(index), value)
    raise DecodeError("count-too-large", field(index), value, "at most 2**53 is allowed")
