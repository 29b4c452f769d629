"""Event features as messages: one is a lumisection or a part of one, as JSON or Arrow IPC.

JSON, for example::

    {"lumisection": {"run": 386000, "ls": 120, "dataset": "/SingleMuon/Run2024I/FEATURES", "pileup": 52.1},
     "features": ["muon_pt_gev", "met_gev"],
     "events": [1812345, 1812399],
     "values": [[41.2, 33.0], [27.5, 12.1]]}

``values`` has a row for each of ``events`` and a number for each of ``features``, whose names end with their units.
``lumisection`` is the envelope of :mod:`streams.codecs.envelope`. A lumisection may come in several messages.

An Arrow message is an IPC stream: a schema and one record batch with one row for each event. The first column is
``event`` (int64), then comes one float32 column for each feature, called by its name. The schema's metadata holds the
envelope as JSON under ``lumisection``. Bodies are not compressed: a compressed one could grow beyond any limit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from streams.codecs.arrow_message import column_of_numbers, envelope_fields, message, record_batch
from streams.codecs.content_type import ARROW_CONTENT_TYPE, JSON_CONTENT_TYPE, Codec, decoded
from streams.codecs.envelope import ENVELOPE, Place, listed, parsed, read_place, write_place
from streams.codecs.limits import MessageLimits, check_most
from streams.codecs.values import check_number, check_text, check_whole
from streams.errors import DecodeError
from streams.records import EventFeatures
from streams.source import Message


@dataclass(frozen=True, slots=True)
class EventLimits(MessageLimits):
    """How large a message may be, how many events it may hold, and how many features of each."""

    max_events: int
    max_features: int

    def check_events(self, events: int, features: int) -> None:
        """Raise DecodeError if there are no features, OversizeError if there are too many of either.

        A lumisection without events says for how long none was recorded.
        """
        if features < 1:
            raise DecodeError("no-features", "features", features)
        check_most(events, self.max_events, "too-many-events", "events", "events")
        check_most(features, self.max_features, "too-many-features", "features", "features")


def read_events(
    place: Place, features: Sequence[object], events: npt.NDArray[np.int64], values: npt.NDArray[Any]
) -> EventFeatures:
    """Features ``values`` (n, f) of ``events`` (n,); raise DecodeError naming the event and feature that is wrong."""
    names = tuple(check_text(name, f"feature {number}") for number, name in enumerate(features))
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DecodeError("name-twice", "features", twice, "each feature has a name of its own")
    if len(events) and events.min() < 0:
        raise DecodeError("out-of-range", "event", int(events.min()), "event numbers are not negative")
    if len(np.unique(events)) != len(events):
        numbers, times = np.unique(events, return_counts=True)
        raise DecodeError("event-twice", "event", int(numbers[np.argmax(times)]), "numbers are unique within a run")
    with np.errstate(over="ignore"):
        contiguous = np.ascontiguousarray(values, dtype=np.float32)
    wrong = ~np.isfinite(contiguous)
    if wrong.any():
        row, column = (int(places[0]) for places in np.nonzero(wrong))
        hint = "features are finite float32 numbers"
        raise DecodeError("not-finite", f"event {events[row]}: {names[column]}", float(values[row, column]), hint)
    contiguous.setflags(write=False)
    return EventFeatures(place.key, place.dataset, place.conditions, names, events, contiguous)


def decode_json(raw: bytes, limits: EventLimits) -> EventFeatures:
    """Events of one message; raise DecodeError for anything that is not as this module says."""
    limits.check_bytes(len(raw))
    message = parsed(raw, "lumisection, features, events and values")
    features, events, values = (listed(message, field) for field in ("features", "events", "values"))
    limits.check_events(len(events), len(features))
    if len(values) != len(events):
        raise DecodeError("wrong-length", "values", len(values), f"a row for each of {len(events)} events is needed")
    place = read_place(message.get(ENVELOPE))
    return read_events(place, features, _events(events), _values(values, events, len(features)))


def encode_json(record: EventFeatures) -> bytes:
    """One message."""
    fields = {
        ENVELOPE: write_place(record),
        "features": record.features,
        "events": record.events,
        "values": record.values,
    }
    return orjson.dumps(fields, option=orjson.OPT_SERIALIZE_NUMPY)


def _events(events: list[Any]) -> npt.NDArray[np.int64]:
    checked = [check_whole(event, f"event {number}", 0, 2**63 - 1) for number, event in enumerate(events)]
    return np.array(checked, dtype=np.int64)


def _values(rows: list[Any], events: list[Any], features: int) -> npt.NDArray[np.float64]:
    for event, row in zip(events, rows, strict=True):
        if not isinstance(row, list) or len(row) != features:
            raise DecodeError("wrong-length", f"event {event}: values", row, f"a list of {features} numbers is needed")
        for value in row:
            check_number(value, f"event {event}: values")
    return np.array(rows, dtype=np.float64).reshape(len(rows), features)


_EVENT = "event"


def decode_arrow(raw: bytes, limits: EventLimits) -> EventFeatures:
    """Events of one message; raise DecodeError for anything that is not as this module says."""
    limits.check_bytes(len(raw))
    table = record_batch(raw, _check_schema)
    names = table.schema.names[1:]
    limits.check_events(table.num_rows, len(names))
    try:
        table.validate(full=True)
    except pa.ArrowException as error:
        raise DecodeError("bad-arrow", "record batch", str(error)) from None
    values = np.column_stack([column_of_numbers(table, place) for place in range(1, 1 + len(names))])
    return read_events(read_place(envelope_fields(table.schema)), names, column_of_numbers(table, 0), values)


def encode_arrow(record: EventFeatures) -> bytes:
    """One message."""
    schema = pa.schema([(_EVENT, pa.int64()), *((name, pa.float32()) for name in record.features)])
    columns = [pa.array(record.events), *(pa.array(np.ascontiguousarray(feature)) for feature in record.values.T)]
    return message(schema.with_metadata({ENVELOPE: orjson.dumps(write_place(record))}), columns)


def _check_schema(schema: Any) -> None:
    first = [(field.name, field.type) for field in schema][:1]
    if first != [(_EVENT, pa.int64())] or any(kind != pa.float32() for kind in schema.types[1:]):
        hint = "a column event: int64 and then one column: float for each feature are needed"
        raise DecodeError("wrong-schema", "schema", schema.remove_metadata().to_string(), hint)


EVENT_CODECS: Mapping[str, Codec[EventFeatures, EventLimits]] = MappingProxyType(
    {
        ARROW_CONTENT_TYPE: Codec(decode_arrow, encode_arrow),
        JSON_CONTENT_TYPE: Codec(decode_json, encode_json),
    }
)
"""By content type, lower case, without parameters."""


def decode_events(message: Message, limits: EventLimits) -> EventFeatures:
    """Events of a message; raises as :func:`streams.codecs.content_type.decoded`."""
    return decoded(EVENT_CODECS, message, limits)


def encode_events(record: EventFeatures, content_type: str) -> bytes:
    """Bytes of a record; raises KeyError for a content type that is not in :data:`EVENT_CODECS`."""
    return EVENT_CODECS[content_type].encode(record)
