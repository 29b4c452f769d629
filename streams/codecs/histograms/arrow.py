"""Arrow IPC streams: one message is a schema and one record batch with one row for each ME.

Columns, in this order: ``me`` and ``axes`` (text; the axes as JSON, see :meth:`Catalogue.as_json`),
``entries``, ``below``, ``above`` (float64; fills, and counts outside the axis range), ``counts`` (list of
float32 or int64, flat in C order). Rows are in catalogue order: by shape, then by name. Because of that
the values of all MEs of one shape lie side by side and become a matrix without being copied. The
schema's metadata holds the envelope as JSON under ``lumisection`` (:mod:`streams.codecs.envelope`). An ME with an
impossible number is named in ``unread``; the others are read.
Bodies are not compressed: a compressed one could grow beyond any limit.

The first two columns hardly ever change: decoded catalogues are remembered by a digest of their bytes.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from streams.codecs.arrow_message import envelope_fields, message, record_batch
from streams.codecs.catalogue_cache import CACHE_BYTES, BoundedCache, digest, intern
from streams.codecs.checks import are_amounts, check_amounts, check_element
from streams.codecs.envelope import ENVELOPE, Envelope, read_envelope, write_envelope
from streams.codecs.limits import Limits
from streams.errors import DecodeError
from streams.records import Catalogue, Counts, HistogramBatch

_COUNT_TYPES: dict[Any, np.dtype[Any]] = {pa.float32(): np.dtype(np.float32), pa.int64(): np.dtype(np.int64)}
_COLUMNS: dict[str, Any] = {
    "me": pa.string(),
    "axes": pa.string(),
    "entries": pa.float64(),
    "below": pa.float64(),
    "above": pa.float64(),
}
_NAMES = (*_COLUMNS, "counts")
_SCHEMAS = {kind: pa.schema(_COLUMNS | {"counts": pa.list_(kind)}) for kind in _COUNT_TYPES}
_ME, _AXES, _ENTRIES, _BELOW, _ABOVE, _COUNTS = range(6)


@dataclass(frozen=True, slots=True)
class _CheckedCatalogue:
    """A catalogue and where the counts of each of its rows must begin."""

    catalogue: Catalogue
    offsets: npt.NDArray[np.int32]


_catalogues: BoundedCache[_CheckedCatalogue] = BoundedCache(CACHE_BYTES)


def decode(raw: bytes, limits: Limits) -> HistogramBatch:
    """Batch whose counts are views of ``raw``; raise DecodeError for anything but one sound message."""
    limits.check_bytes(len(raw))
    table, envelope = _open(raw)
    limits.check_histograms(table.num_rows)
    checked = _catalogue(table, limits)
    values = _values(table, checked)
    entries = _floats(table, _ENTRIES)
    flow = np.column_stack((_floats(table, _BELOW), _floats(table, _ABOVE)))
    flow.setflags(write=False)
    head = envelope.key, envelope.dataset, envelope.subsystem, envelope.conditions
    batch = HistogramBatch(*head, checked.catalogue, _matrices(checked, values), flow, entries)
    amounts = values, entries, flow
    return batch if all(are_amounts(numbers) for numbers in amounts) else _readable(batch)


def encode(batch: HistogramBatch) -> bytes:
    """One message; raises ValueError for a batch whose matrices differ in dtype."""
    dtypes = {counts.dtype for counts in batch.counts} or {np.dtype(np.float32)}
    if len(dtypes) != 1:
        raise ValueError("the counts of one batch must be all float32 or all int64")
    dtype = dtypes.pop()
    kind = next(kind for kind, numpy_type in _COUNT_TYPES.items() if numpy_type == dtype)
    flat = np.concatenate([counts.ravel() for counts in batch.counts]) if batch.counts else np.empty(0, dtype)
    columns = [
        pa.array(batch.catalogue.names, pa.string()),
        pa.array([orjson.dumps(row["axes"]).decode() for row in batch.catalogue.as_json()], pa.string()),
        pa.array(batch.entries, pa.float64()),
        pa.array(np.ascontiguousarray(batch.flow[:, 0]), pa.float64()),
        pa.array(np.ascontiguousarray(batch.flow[:, 1]), pa.float64()),
        pa.ListArray.from_arrays(pa.array(_offsets(batch.catalogue), pa.int32()), pa.array(flat, kind)),
    ]
    return message(_SCHEMAS[kind].with_metadata({ENVELOPE: orjson.dumps(write_envelope(batch))}), columns)


def _open(raw: bytes) -> tuple[Any, Envelope]:
    """The record batch, its buffers being views of ``raw``, and the envelope."""
    table = record_batch(raw, _check_schema)
    return table, read_envelope(envelope_fields(table.schema))


def _check_schema(schema: Any) -> None:
    if not any(schema.equals(supported) for supported in _SCHEMAS.values()):
        hint = "columns me, axes: string; entries, below, above: double; counts: list<float or int64> are needed"
        raise DecodeError("wrong-schema", "schema", schema.remove_metadata().to_string(), hint)


def _buffer(table: Any, column: int, index: int, dtype: Any, count: int) -> npt.NDArray[Any]:
    """First ``count`` items of one buffer of a column; raise DecodeError if it is too short."""
    buffers = table.column(column).buffers()
    # The header's null count may lie, so nothing is asked of it: a bitmap that is there at all is refused.
    if buffers[0] is not None or (column == _COUNTS and buffers[2] is not None):
        raise DecodeError("null", _NAMES[column], "a validity bitmap", "no value may be null")
    buffer = buffers[index]
    if count == 0:
        return np.empty(0, dtype)
    if buffer is None or buffer.size < count * np.dtype(dtype).itemsize:
        raise DecodeError("bad-arrow", _NAMES[column], "buffer too short")
    return np.frombuffer(buffer, dtype, count)


def _floats(table: Any, column: int) -> npt.NDArray[np.float64]:
    return _buffer(table, column, 1, np.float64, table.num_rows)


def _text_bytes(table: Any, column: int) -> tuple[memoryview, memoryview]:
    """Offsets and characters of a text column, as they lie in the message."""
    offsets = _buffer(table, column, 1, np.int32, table.num_rows + 1)
    last = int(offsets[-1])
    if last < 0:
        raise DecodeError("bad-arrow", _NAMES[column], last, "an offset below 0")
    return offsets.data, _buffer(table, column, 2, np.uint8, last).data


def _catalogue(table: Any, limits: Limits) -> _CheckedCatalogue:
    if table.num_rows < 1:
        raise DecodeError("no-histograms", "message", table.num_rows)
    parts = (*_text_bytes(table, _ME), *_text_bytes(table, _AXES))
    key = (digest(*parts), limits)
    checked = _catalogues.get(key)
    if checked is None:
        cost = sum(part.nbytes for part in parts)
        checked = _catalogues.put(key, _read_catalogue(table, limits, cost), cost)
    return checked


def _read_catalogue(table: Any, limits: Limits, cost: int) -> _CheckedCatalogue:
    try:
        for column in (_ME, _AXES):
            table.column(column).validate(full=True)
        names, axes = table.column(_ME).to_pylist(), table.column(_AXES).to_pylist()
        rows = [{"me": name, "axes": orjson.loads(text)} for name, text in zip(names, axes, strict=True)]
        catalogue = Catalogue.from_json(rows)
    except (pa.ArrowException, orjson.JSONDecodeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise DecodeError("bad-catalogue", "me, axes", repr(error), "see Catalogue.as_json") from None
    for me in catalogue.elements:
        check_element(me, limits)
    if list(catalogue.names) != names:
        row = next(i for i, name in enumerate(names) if name != catalogue.names[i])
        raise DecodeError("wrong-order", f"row {row}: me", names[row], "rows must be sorted by shape, then by name")
    return _CheckedCatalogue(intern(catalogue, cost), _offsets(catalogue))


def _offsets(catalogue: Catalogue) -> npt.NDArray[np.int32]:
    sizes = np.concatenate([np.zeros(1, np.int64), *(np.full(b.stop - b.start, b.bins) for b in catalogue.blocks)])
    ends = np.cumsum(sizes)
    if ends[-1] > np.iinfo(np.int32).max:
        raise DecodeError("too-many-bins", "axes", int(ends[-1]), "one message holds fewer than 2**31 bins")
    return ends.astype(np.int32)


def _values(table: Any, checked: _CheckedCatalogue) -> Counts:
    """Values of all rows, one after the other; raise DecodeError unless each row has as many as its axes say."""
    offsets = _buffer(table, _COUNTS, 1, np.int32, table.num_rows + 1)
    if not np.array_equal(offsets, checked.offsets):
        sizes, expected = np.diff(offsets.astype(np.int64)), np.diff(checked.offsets)
        wrong = np.flatnonzero(sizes != expected)
        if not len(wrong):
            raise DecodeError("bad-arrow", "counts", int(offsets[0]), "offsets must begin at 0")
        row = int(wrong[0])
        hint = f"the axes have {expected[row]} bins"
        raise DecodeError("wrong-bin-count", f"{checked.catalogue.names[row]}: counts", int(sizes[row]), hint)
    dtype = _COUNT_TYPES[table.column(_COUNTS).type.value_type]
    return _buffer(table, _COUNTS, 3, dtype, int(checked.offsets[-1]))


def _readable(batch: HistogramBatch) -> HistogramBatch:
    """The batch without MEs that hold an impossible number; raises DecodeError if all do."""
    refusals = {
        row: error
        for row, name in enumerate(batch.catalogue.names)
        if (error := _refusal(batch, row, name)) is not None
    }
    if len(refusals) == len(batch.catalogue):
        raise refusals[0]
    good = np.array([row not in refusals for row in range(len(batch.catalogue))])
    elements = [me for me, is_good in zip(batch.catalogue.elements, good, strict=True) if is_good]
    blocks = zip(batch.catalogue.blocks, batch.counts, strict=True)
    counts = (matrix[good[block.start : block.stop]] for block, matrix in blocks)
    flow = batch.flow[good]
    readable = tuple(matrix for matrix in counts if len(matrix))
    for numbers in (*readable, flow):
        numbers.setflags(write=False)
    return replace(
        batch,
        catalogue=Catalogue.of(elements),
        counts=readable,
        flow=flow,
        entries=batch.entries[good],
        unread=tuple(refusals.values()),
    )


def _refusal(batch: HistogramBatch, row: int, name: str) -> DecodeError | None:
    try:
        check_amounts(batch.histogram(name), lambda index: f"{name}: bin {index}")
        check_amounts(batch.entries[row : row + 1], lambda _: f"{name}: entries")
        check_amounts(batch.flow[row], lambda side: f"{name}: {('below', 'above')[side]}")
    except DecodeError as error:
        return error
    return None


def _matrices(checked: _CheckedCatalogue, values: Counts) -> tuple[Counts, ...]:
    ends = checked.offsets
    return tuple(
        values[ends[block.start] : ends[block.stop]].reshape(block.stop - block.start, block.bins)
        for block in checked.catalogue.blocks
    )
