"""UHI JSON: a named map of histograms after the schema of scikit-hep's ``uhi``, version 1.

The name of a histogram is that of the ME. The map holds one more entry, ``lumisection``: an empty
histogram without axes whose metadata are the envelope (:mod:`streams.codecs.envelope`), so that the whole
message is valid UHI and its lumisection stands in it once, where a person can read it::

    {"lumisection": {"uhi_schema": 1, "axes": [], "storage": {"type": "double"},
                     "metadata": {"run": 355374, "ls": 59, "dataset": "/…", "subsystem": "DT"}},
     "DT/occupancy": {"uhi_schema": 1, "axes": […], "storage": {"type": "int", "values": […]},
                      "metadata": {"entries": 1234}}}

Storages int, double (boost-histogram's unlimited writes it, too) and weighted (its values) are read, as
inline dense lists, of one or two axes. ``entries`` may be left out: then it is the sum of all cells. If
every storage of a message is int, counts are int64, otherwise float32; but whole numbers that float32 cannot hold make
them int64, too. A histogram that cannot be read is named in ``unread`` and the others of its message are read.

Validation is uhi's own, and everything is validated. uhi's validator takes about 100 µs for a histogram of
100 bins, nearly all of it for looking at single numbers. So a message is taken apart: the numbers are
checked here, by type and length; the rest, in which the storages are left empty, is validated by uhi, and
what passed is remembered (:mod:`streams.codecs.histograms.uhi_plan`). Packing numbers checks their type as well, but
for booleans, which pass as 0 and 1: their words are counted in the message and in the rest.
"""

import math
import struct
from dataclasses import replace
from itertools import chain
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import orjson

from streams.codecs.checks import check_amounts, counts_dtype
from streams.codecs.envelope import ENVELOPE, Envelope, read_envelope, write_envelope
from streams.codecs.histograms.axes import write_axis
from streams.codecs.histograms.uhi_plan import Group, Plan, plan_of, validate
from streams.codecs.json_text import first_of_each_name, parse_json
from streams.codecs.limits import Limits
from streams.errors import DecodeError
from streams.records import Counts, HistogramBatch, MonitoringElement

CONTENT_TYPE = "application/vnd.uhi+json"

_STORAGES = {"int": {"values"}, "double": {"values"}, "weighted": {"values", "variances"}}
_NUMBERS = {int, float}
_BOOLEANS = b"true", b"false"


def decode(raw: bytes, limits: Limits) -> HistogramBatch:
    """Batch of one message; raise DecodeError for anything that is not as this module says."""
    limits.check_bytes(len(raw))
    histograms, twice = _parse(raw)
    head = orjson.dumps(histograms.get(ENVELOPE))
    envelope = _envelope(histograms)
    limits.check_histograms(len(histograms))
    try:
        batch = _read(envelope, histograms, limits, len(raw), (raw, head))
    except DecodeError as error:
        unread = _unreadable(envelope, raw, limits)
        histograms = {name: histogram for name, histogram in _parse(raw)[0].items() if name not in unread}
        if len(histograms) < 2 or not unread:
            raise error from None
        del histograms[ENVELOPE]
        batch = _read(envelope, histograms, limits, len(raw))
        twice.extend(unread.values())
    return replace(batch, unread=tuple(twice)) if twice else batch


def _read(
    envelope: Envelope,
    histograms: dict[str, Any],
    limits: Limits,
    message_bytes: int,
    written: tuple[bytes, bytes] | None = None,
) -> HistogramBatch:
    """The batch; ``written`` are the message and its envelope, where that is all there is beside the histograms."""
    storages, entries = _take_apart(histograms)
    bare = orjson.dumps(histograms)
    plan = plan_of(histograms, bare, limits, message_bytes)
    packable = written is not None and _without_booleans(*written, bare)
    return _batch(envelope, plan, storages, entries, packable)


def _without_booleans(raw: bytes, head: bytes, bare: bytes) -> bool:
    """Whether no number of the message can be a boolean: these all stand in its envelope and in its bare histograms."""
    # Without escapes texts are the same in all of them.
    return b"\\" not in raw and all(raw.count(word) == head.count(word) + bare.count(word) for word in _BOOLEANS)


def _unreadable(envelope: Envelope, raw: bytes, limits: Limits) -> dict[str, DecodeError]:
    """Why each histogram that cannot be read alone cannot be, by name: the others need not be lost with it."""
    errors = {}
    for name, histogram in _parse(raw)[0].items():
        if name != ENVELOPE:
            try:
                _read(envelope, {name: histogram}, limits, len(raw))
            except DecodeError as error:
                errors[name] = error
    return errors


def _parse(raw: bytes) -> tuple[dict[str, Any], list[DecodeError]]:
    """The map from name to histogram, the first of each name, and an error for each name that comes again."""
    message = parse_json(raw)
    if not isinstance(message, dict) or "uhi_schema" in message:
        raise DecodeError("not-uhi", "message", message, "a map from name to histogram is needed")
    # Each histogram has this key: if it is there more often than histograms are, a name may have come twice.
    if raw.count(b'"uhi_schema"') <= len(message):
        return message, []
    message, names = first_of_each_name(raw)
    hint = "it stands twice in this message; the first is read"
    return message, [DecodeError("duplicate-name", f"{name}: name", name, hint) for name in names]


def _envelope(histograms: dict[str, Any]) -> Envelope:
    head = histograms.pop(ENVELOPE, None)
    if head is None:
        raise DecodeError("missing-envelope", ENVELOPE, None, "an empty histogram whose metadata hold run and ls")
    # What is null, or was NaN, is not known.
    if isinstance(head, dict) and isinstance(metadata := head.get("metadata"), dict):
        head["metadata"] = {name: value for name, value in metadata.items() if value is not None}
    validate(head, ENVELOPE)
    return read_envelope(head.get("metadata", {}))


def _take_apart(histograms: dict[str, Any]) -> tuple[dict[str, dict[str, Any]], dict[str, float]]:
    """Move the lists of numbers and the entries out of the histograms: what stays hardly ever changes."""
    storages: dict[str, dict[str, Any]] = {}
    entries: dict[str, float] = {}
    for name, histogram in histograms.items():
        try:
            storage = histogram["storage"]
            kind = storage["type"]
            if storage.keys() - {"type"} != _STORAGES[kind]:
                raise DecodeError(
                    "unsupported-storage", f"{name}: storage", sorted(storage), "write dense values inline"
                )
            storages[name] = storage
            histogram["storage"] = {"type": kind}
            metadata = histogram.get("metadata")
            if metadata and "entries" in metadata:
                number = metadata.pop("entries")
                if type(number) not in _NUMBERS:
                    raise DecodeError("wrong-type", f"{name}: entries", number, "a number is needed")
                entries[name] = float(number)
        except (KeyError, TypeError, AttributeError):
            raise _not_uhi(name, histogram) from None
    return storages, entries


def _not_uhi(name: str, histogram: object) -> DecodeError:
    storage = histogram.get("storage") if isinstance(histogram, dict) else None
    kind = storage.get("type") if isinstance(storage, dict) else None
    if kind in ("mean", "weighted_mean"):
        return DecodeError("unsupported-storage", f"{name}: storage", kind, f"one of {sorted(_STORAGES)} is needed")
    return DecodeError("not-uhi", name, histogram, "uhi_schema, axes and storage are needed")


def _batch(
    envelope: Envelope,
    plan: Plan,
    storages: dict[str, dict[str, Any]],
    given_entries: dict[str, float],
    packable: bool,
) -> HistogramBatch:
    catalogue = plan.catalogue
    matrices = [_cells(group, storages, plan.whole, packable) for group in plan.groups]
    dtype = np.dtype(np.int64 if plan.whole else counts_dtype(matrices))
    counts = tuple(np.empty((block.stop - block.start, block.bins), dtype) for block in catalogue.blocks)
    flow = np.empty((len(catalogue), 2))
    entries = np.empty(len(catalogue))
    for group, cells in zip(plan.groups, matrices, strict=True):
        counts[group.block][group.block_rows] = cells[:, group.layout.inner]
        flow[group.rows, 0] = cells[:, group.layout.below].sum(axis=1)
        flow[group.rows, 1] = cells[:, group.layout.above].sum(axis=1)
        entries[group.rows] = cells.sum(axis=1)
    for name, number in given_entries.items():
        entries[catalogue.index[name]] = number
    check_amounts(entries, lambda row: f"{catalogue.names[row]}: entries")
    for array in (*counts, flow, entries):
        array.setflags(write=False)
    typed = cast(tuple[Counts, ...], counts)
    return HistogramBatch(
        envelope.key, envelope.dataset, envelope.subsystem, envelope.conditions, catalogue, typed, flow, entries
    )


def _cells(group: Group, storages: dict[str, dict[str, Any]], whole: bool, packable: bool) -> npt.NDArray[Any]:
    """Matrix (MEs of the group, cells with flow), checked."""
    cells = _packed(group, storages, whole) if packable else None
    if cells is None:
        rows = [_numbers(storages[name], group.layout.extents, name) for name in group.names]
        try:
            cells = np.array(rows, np.int64 if whole else np.float64)
        except OverflowError:
            raise DecodeError("count-too-large", f"{group.names[0]}: values", "beyond 64 bits") from None
    width = cells.shape[1]
    check_amounts(cells, lambda index: f"{group.names[index // width]}: cell {index % width}")
    return cells


def _packed(group: Group, storages: dict[str, dict[str, Any]], whole: bool) -> npt.NDArray[Any] | None:
    """The matrix of values none of which is a boolean; None where one is no number, and for storages of other kinds."""
    own = [storages[name] for name in group.names]
    if any((storage["type"] == "int") != whole or "variances" in storage for storage in own):
        return None
    extents = group.layout.extents
    values = [_flat(storage["values"], extents, name) for storage, name in zip(own, group.names, strict=True)]
    try:
        packed = struct.pack(f"{group.layout.cells * len(own)}{'q' if whole else 'd'}", *chain.from_iterable(values))
    except struct.error:
        return None
    return np.frombuffer(packed, np.int64 if whole else np.float64).reshape(len(own), -1)


def _numbers(storage: dict[str, Any], extents: tuple[int, ...], name: str) -> list[Any]:
    """Values of one storage in C order, checked; int storage gives only ints."""
    values = _checked(storage["values"], extents, name)
    if "variances" in storage:
        _checked(storage["variances"], extents, name)
    if storage["type"] == "int" and float in set(map(type, values)):
        return _integers(values, name)
    return values


def _checked(numbers: Any, extents: tuple[int, ...], name: str) -> list[Any]:
    """As :func:`_flat`; raise DecodeError for what is no number as well."""
    flat = _flat(numbers, extents, name)
    if not _NUMBERS.issuperset(map(type, flat)):
        odd = next(value for value in flat if type(value) not in _NUMBERS)
        raise DecodeError("not-uhi", f"{name}: values", odd, "a finite number is needed in each cell")
    return flat


def _flat(numbers: Any, extents: tuple[int, ...], name: str) -> list[Any]:
    """What stands for numbers of one histogram in C order; raise DecodeError unless it is as much as the axes say."""
    if not isinstance(numbers, list) or len(numbers) != extents[0]:
        raise _wrong_count(numbers, extents, name)
    if len(extents) == 1:
        return numbers
    for row in numbers:
        if not isinstance(row, list) or len(row) != extents[1]:
            raise _wrong_count(row, extents, name)
    return list(chain.from_iterable(numbers))


def _wrong_count(values: Any, extents: tuple[int, ...], name: str) -> DecodeError:
    if isinstance(values, str):
        return DecodeError("unsupported-storage", f"{name}: values", values, "write the numbers inline")
    if not isinstance(values, list):
        return DecodeError("not-uhi", f"{name}: values", values, "a list of numbers is needed")
    hint = f"the axes, with their flow cells, have {' x '.join(map(str, extents))}"
    return DecodeError("wrong-bin-count", f"{name}: values", len(values), hint)


def _integers(flat: list[Any], name: str) -> list[int]:
    """JSON knows one kind of number: 2.0 is an integer, too."""
    for value in flat:
        if value != math.floor(value):
            raise DecodeError("not-uhi", f"{name}: values", value, "int storage needs integers")
    return [int(value) for value in flat]


def encode(batch: HistogramBatch) -> bytes:
    """One message; raises ValueError for flow that UHI has no cell for: below an axis of categories."""
    message: dict[str, Any] = {ENVELOPE: _empty(write_envelope(batch))}
    for block, counts in zip(batch.catalogue.blocks, batch.counts, strict=True):
        for row in range(block.start, block.stop):
            me = batch.catalogue.elements[row]
            if me.name == ENVELOPE:
                raise ValueError(f"no monitoring element may be called {ENVELOPE!r}")
            message[me.name] = _histogram(me, counts[row - block.start], batch.flow[row], float(batch.entries[row]))
    return orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY)


def _empty(metadata: dict[str, Any]) -> dict[str, Any]:
    return {"uhi_schema": 1, "axes": [], "storage": {"type": "double"}, "metadata": metadata}


def _histogram(me: MonitoringElement, counts: Counts, flow: npt.NDArray[np.float64], entries: float) -> dict[str, Any]:
    """UHI of one ME; flow below lies in the first cell of all, flow above in the last."""
    axes = [write_axis(axis) for axis in me.axes]
    if flow[0] and all(axis.categories is not None for axis in me.axes):
        raise ValueError(f"{me.name}: an axis of categories has no cell below it, and {flow[0]} counts lie there")
    whole = counts.dtype == np.int64 and bool((flow == np.floor(flow)).all())
    margins = [(int(axis.categories is None), 1) for axis in me.axes]
    cells = np.pad(counts.reshape(me.shape).astype(np.int64 if whole else np.float64), margins)
    cells.flat[0] += flow[0]
    cells.flat[-1] += flow[1]
    storage = {"type": "int" if whole else "double", "values": cells}
    return {"uhi_schema": 1, "axes": axes, "storage": storage, "metadata": {"entries": entries}}
