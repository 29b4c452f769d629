"""Accesses as a producer may write them: with fewer fields, with more, and wrongly."""

import json

import pyarrow as pa
import pytest

from streams.codecs import accesses
from streams.codecs.accesses import AccessLimits
from streams.errors import DecodeError
from streams.records import FileAccess

LIMITS = AccessLimits(1 << 20, 100)
ROW = {"time": 12, "file": "/a", "size": 7}


def arrow(columns, metadata=None, **options):
    table = pa.record_batch(columns).replace_schema_metadata({"cache": "rome"} if metadata is None else metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_batch(table)
    return sink.getvalue().to_pybytes()


def refused(decode, raw):
    with pytest.raises(DecodeError) as caught:
        decode(raw, LIMITS)
    return caught.value


def test_json_needs_time_file_and_size_only():
    result = accesses.decode_json(
        json.dumps({"cache": "rome", "accesses": [ROW | {"protocol": "xroot"}]}).encode(), LIMITS
    )
    assert (result.cache, result.accesses) == ("rome", (FileAccess(12.0, "/a", "", 7),))


def test_arrow_columns_may_come_in_any_order_and_hold_nulls():
    sites, sizes = pa.array([None, "T2"]), pa.array([7, 8], pa.int64())
    result = accesses.decode_arrow(
        arrow({"site": sites, "size": sizes, "file": ["/a", "/b"], "time": [1.0, 2.5]}), LIMITS
    )
    assert result.accesses == (FileAccess(1.0, "/a", "", 7), FileAccess(2.5, "/b", "", 8, "T2"))


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ([], "wrong-type"),
        ({"cache": "rome"}, "wrong-type"),
        ({"cache": "rome", "accesses": {}}, "wrong-type"),
        ({"cache": "rome", "accesses": [7]}, "wrong-type"),
        ({"cache": "rome", "accesses": [ROW | {"size": 7.5}]}, "wrong-type"),
        ({"cache": "rome", "accesses": [ROW | {"size": True}]}, "wrong-type"),
        ({"cache": "rome", "accesses": [ROW | {"time": "noon"}]}, "wrong-type"),
        ({"cache": 7, "accesses": [ROW]}, "wrong-type"),
        ({"accesses": [ROW]}, "wrong-type"),
    ],
)
def test_json_of_another_form_is_refused(message, reason):
    assert refused(accesses.decode_json, json.dumps(message).encode()).reason == reason


def test_arrow_of_another_form_is_refused():
    good = {"time": [1.0], "file": ["/a"], "size": [7]}
    assert (
        refused(accesses.decode_arrow, arrow({name: good[name] for name in ("time", "file")})).reason == "wrong-schema"
    )
    assert refused(accesses.decode_arrow, arrow(good | {"size": [7.0]})).reason == "wrong-schema"
    assert refused(accesses.decode_arrow, arrow(good | {"colour": ["red"]})).reason == "wrong-schema"
    assert refused(accesses.decode_arrow, arrow(good, {})).field == "cache"
    assert refused(accesses.decode_arrow, arrow(good, {b"cache": b"\xff"})).reason == "bad-arrow"
    assert refused(accesses.decode_arrow, arrow(good, compression="zstd")).reason == "compressed-arrow"


def test_a_null_where_a_value_is_needed_is_named():
    nothing = pa.array([1.0, None])
    error = refused(accesses.decode_arrow, arrow({"time": nothing, "file": ["/a", "/b"], "size": [7, 7]}))
    assert (error.reason, error.field) == ("missing-time", "access 1: time")
