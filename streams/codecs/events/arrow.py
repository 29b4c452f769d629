"""Event features as an Arrow IPC stream: a schema and one record batch with one row for each event.

The first column is ``event`` (int64), then comes one float32 column for each feature, called by its name. The schema's
metadata holds the envelope as JSON under ``lumisection``. Bodies are not compressed: a compressed one could grow beyond
any limit.
"""

from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from streams.codecs.arrow_message import column_of_numbers, envelope_fields, message, record_batch
from streams.codecs.envelope import ENVELOPE, read_place, write_place
from streams.codecs.events.schema import EventLimits, read_events
from streams.errors import DecodeError
from streams.records import EventFeatures

CONTENT_TYPE = "application/vnd.apache.arrow.stream"

_EVENT = "event"


def decode(raw: bytes, limits: EventLimits) -> EventFeatures:
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


def encode(record: EventFeatures) -> bytes:
    """One message."""
    schema = pa.schema([(_EVENT, pa.int64()), *((name, pa.float32()) for name in record.features)])
    columns = [pa.array(record.events), *(pa.array(np.ascontiguousarray(feature)) for feature in record.values.T)]
    return message(schema.with_metadata({ENVELOPE: orjson.dumps(write_place(record))}), columns)


def _check_schema(schema: Any) -> None:
    first = [(field.name, field.type) for field in schema][:1]
    if first != [(_EVENT, pa.int64())] or any(kind != pa.float32() for kind in schema.types[1:]):
        hint = "a column event: int64 and then one column: float for each feature are needed"
        raise DecodeError("wrong-schema", "schema", schema.remove_metadata().to_string(), hint)
