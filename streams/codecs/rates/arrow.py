"""Trigger rates as an Arrow IPC stream: a schema and one record batch with one row for each seed and path.

Columns, in this order: ``name`` and ``seed`` (text; the seed of an L1 seed itself is empty), ``rate_hz`` and
``prescale`` (float64, NaN where it is not told). They mean what :mod:`streams.codecs.rates.json` says. The schema's
metadata holds the envelope as JSON under ``lumisection``. Bodies are not compressed: a compressed one could grow beyond
any limit.
"""

from typing import Any

import orjson
import pyarrow as pa

from streams.codecs.arrow_message import column_of_numbers, envelope_fields, message, record_batch
from streams.codecs.envelope import ENVELOPE, read_place, write_place
from streams.codecs.rates.schema import RateLimits, columns, read_rates
from streams.errors import DecodeError
from streams.records import TriggerRates

CONTENT_TYPE = "application/vnd.apache.arrow.stream"

SCHEMA = pa.schema({"name": pa.string(), "seed": pa.string(), "rate_hz": pa.float64(), "prescale": pa.float64()})


def decode(raw: bytes, limits: RateLimits) -> TriggerRates:
    """Rates of one message; raise DecodeError for anything that is not as this module says."""
    limits.check_bytes(len(raw))
    table = record_batch(raw, _check_schema)
    limits.check_rates(table.num_rows)
    try:
        table.validate(full=True)
        names, seeds = table.column(0).to_pylist(), table.column(1).to_pylist()
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise DecodeError("bad-arrow", "record batch", str(error)) from None
    place = read_place(envelope_fields(table.schema))
    return read_rates(place, names, seeds, column_of_numbers(table, "rate_hz"), column_of_numbers(table, "prescale"))


def encode(record: TriggerRates) -> bytes:
    """One message, seeds first."""
    schema = SCHEMA.with_metadata({ENVELOPE: orjson.dumps(write_place(record))})
    return message(schema, [pa.array(column, kind) for column, kind in zip(columns(record), SCHEMA.types, strict=True)])


def _check_schema(schema: Any) -> None:
    if not schema.equals(SCHEMA):
        hint = "columns name, seed: string; rate_hz, prescale: double are needed"
        raise DecodeError("wrong-schema", "schema", schema.remove_metadata().to_string(), hint)
