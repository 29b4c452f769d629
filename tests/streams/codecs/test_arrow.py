"""Arrow messages: views instead of copies, and a refusal for each way to be wrong."""

import json

import numpy as np
import pyarrow as pa
import pytest

from streams.codecs import Limits
from streams.codecs import arrow_message as framing
from streams.codecs.histograms import arrow
from streams.errors import DecodeError
from streams.records import Axis, Catalogue, Conditions, HistogramBatch, LumisectionKey, MonitoringElement

LIMITS = Limits(1 << 20, 100, 1000)
AXES = json.dumps([{"bins": 2, "lower": 0, "upper": 2, "label": "", "edges": None, "categories": None}])
ENVELOPE = {"lumisection": json.dumps({"run": 1, "ls": 2, "dataset": "/A/B/C", "subsystem": "DT"})}
SCHEMA = {
    "me": pa.string(),
    "axes": pa.string(),
    "entries": pa.float64(),
    "below": pa.float64(),
    "above": pa.float64(),
    "counts": pa.list_(pa.int64()),
}


def stream(rows, schema=SCHEMA, metadata=ENVELOPE, **options):
    """An Arrow stream of one record batch, by columns."""
    fields = pa.schema(schema, metadata=metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, fields, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_batch(
            pa.record_batch(
                [pa.array(column, kind) for column, kind in zip(rows, schema.values(), strict=True)], schema=fields
            )
        )
    return sink.getvalue().to_pybytes()


def columns(names=("a", "b"), axes=(AXES, AXES), counts=([1, 2], [3, 4])):
    size = len(names)
    return [list(names), list(axes), [3.0] * size, [0.0] * size, [0.0] * size, list(counts)]


def refusal(raw):
    with pytest.raises(DecodeError) as caught:
        arrow.decode(raw, LIMITS)
    return caught.value


def test_a_stream_written_by_hand_is_read():
    batch = arrow.decode(stream(columns()), LIMITS)
    assert batch.catalogue.names == ("a", "b")
    assert batch.key == LumisectionKey(1, 2)
    np.testing.assert_array_equal(batch.counts[0], [[1, 2], [3, 4]])


def test_counts_are_views_of_the_message():
    elements = [MonitoringElement(f"m{bins}{i}", (Axis(bins, 0.0, 1.0),)) for bins in (3, 5) for i in range(4)]
    catalogue = Catalogue.of(elements)
    counts = tuple(np.arange(4 * b.bins, dtype=np.float32).reshape(4, b.bins) for b in catalogue.blocks)
    batch = HistogramBatch(
        LumisectionKey(1, 1), "/A/B/C", "DT", Conditions(), catalogue, counts, np.zeros((8, 2)), np.ones(8)
    )
    raw = arrow.encode(batch)
    whole = np.frombuffer(raw, np.uint8)
    for matrix in arrow.decode(raw, LIMITS).counts:
        assert np.shares_memory(matrix, whole)
        assert not matrix.flags.writeable


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_a_compressed_body_is_refused(codec):
    assert refusal(stream(columns(), compression=codec)).reason == "compressed-arrow"


def test_rows_out_of_order_are_refused():
    error = refusal(stream(columns(names=("b", "a"))))
    assert (error.reason, error.field) == ("wrong-order", "row 0: me")


def test_a_name_that_stands_twice_is_refused():
    error = refusal(stream(columns(names=("a", "a"))))
    assert error.reason == "bad-catalogue"
    assert "stands twice" in error.value


def test_an_empty_name_is_refused():
    assert refusal(stream(columns(names=("", "a")))).reason == "empty-text"


def test_a_wrong_number_of_bins_names_its_monitoring_element():
    error = refusal(stream(columns(counts=([1, 2], [3, 4, 5]))))
    assert (error.reason, error.field, error.value) == ("wrong-bin-count", "b: counts", "3")


@pytest.mark.parametrize(
    "rows", [columns(names=("a", None)), columns(counts=([1, 2], None)), columns(counts=([1, None], [3, 4]))]
)
def test_nulls_are_refused(rows):
    assert refusal(stream(rows)).reason == "null"


def test_other_columns_are_refused():
    error = refusal(stream([["a"]], {"me": pa.string()}))
    assert (error.reason, error.field) == ("wrong-schema", "schema")


def test_counts_of_another_type_are_refused():
    assert refusal(stream(columns(), SCHEMA | {"counts": pa.list_(pa.int32())})).reason == "wrong-schema"


def test_a_message_without_envelope_is_refused():
    assert refusal(stream(columns(), metadata=None)).reason == "missing-envelope"


@pytest.mark.parametrize(("missing", "reason"), [("run", "missing-run"), ("ls", "missing-ls")])
def test_an_envelope_without_run_or_lumisection_is_refused(missing, reason):
    fields = json.loads(ENVELOPE["lumisection"])
    del fields[missing]
    error = refusal(stream(columns(), metadata={"lumisection": json.dumps(fields)}))
    assert (error.reason, error.field) == (reason, missing)


@pytest.mark.parametrize("envelope", ["nonsense", "[]"])
def test_an_envelope_that_is_no_json_object_is_refused(envelope):
    assert refusal(stream(columns(), metadata={"lumisection": envelope})).reason in {"bad-json", "wrong-type"}


@pytest.mark.parametrize(
    "axis",
    [
        {"bins": 0},
        {"lower": 2.0},
        {"upper": float("nan")},
        {"edges": [0, 1]},
        {"edges": [0, 2, 1]},
        {"categories": ["x"]},
        {"categories": ["x", "x"]},
    ],
)
def test_an_axis_that_makes_no_sense_is_refused(axis):
    whole = json.dumps([{"bins": 2, "lower": 0, "upper": 2, "label": "", "edges": None, "categories": None} | axis])
    assert refusal(stream(columns(axes=(whole, whole)))).reason in {"bad-axis", "bad-catalogue"}


@pytest.mark.parametrize("axes", ["", "{", "{}", "[1]", "[]", '[{"bins": 1e400}]'])
def test_axes_that_are_none_are_refused(axes):
    assert refusal(stream(columns(axes=(axes, axes)))).reason in {"bad-catalogue", "too-many-dimensions"}


def test_a_stream_without_rows_is_refused():
    assert refusal(stream(columns((), (), ()))).reason == "no-histograms"


def test_a_stream_without_record_batch_is_refused():
    sink = pa.BufferOutputStream()
    pa.ipc.new_stream(sink, pa.schema(SCHEMA, metadata=ENVELOPE)).close()
    assert refusal(sink.getvalue().to_pybytes()).reason == "truncated-arrow"


def test_matrices_of_unlike_types_are_not_encoded():
    catalogue = Catalogue.of([MonitoringElement(f"m{bins}", (Axis(bins, 0.0, 1.0),)) for bins in (1, 2)])
    counts = (np.zeros((1, 1), np.int64), np.zeros((1, 2), np.float32))
    batch = HistogramBatch(
        LumisectionKey(1, 1), "d", "s", Conditions(), catalogue, counts, np.zeros((2, 2)), np.ones(2)
    )
    with pytest.raises(ValueError, match="all float32 or all int64"):
        arrow.encode(batch)


def test_a_catalogue_known_under_wide_limits_is_checked_under_narrow_ones():
    raw = stream(columns())
    arrow.decode(raw, LIMITS)
    with pytest.raises(DecodeError, match="too-many-bins"):
        arrow.decode(raw, Limits(1 << 20, 100, 1))


def test_a_record_batch_without_schema_is_refused():
    raw = stream(columns())
    schema_bytes = framing.PREFIX_BYTES + framing.metadata_length(raw[: framing.PREFIX_BYTES])
    assert refusal(raw[schema_bytes:]).reason == "bad-arrow"
