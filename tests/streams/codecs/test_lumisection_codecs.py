"""Rates and events as a producer may write them: with fewer fields, in another order, and wrongly."""

import json

import numpy as np
import pyarrow as pa
import pytest

from streams.codecs import events, rates
from streams.codecs.events import EventLimits
from streams.codecs.rates import RateLimits
from streams.errors import DecodeError

RATES = RateLimits(1 << 20, 100)
EVENTS = EventLimits(1 << 20, 100, 100)
PLACE = {"run": 1, "ls": 2, "dataset": "/Trigger/X/RATES"}
SEED = {"name": "L1_A", "rate_hz": 7, "prescale": 1}
PATH = {"name": "HLT_1", "seed": "L1_A", "rate_hz": 2.5, "prescale": 10}


def arrow(columns, schema=None):
    table = pa.record_batch(columns, schema=schema) if schema else pa.record_batch(columns)
    table = table.replace_schema_metadata({"lumisection": json.dumps(PLACE)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_batch(table)
    return sink.getvalue().to_pybytes()


def refused(decode, raw, limits):
    with pytest.raises(DecodeError) as caught:
        decode(raw, limits)
    return caught.value


def test_rates_may_come_in_any_order_with_further_fields():
    raw = json.dumps({"lumisection": PLACE, "rates": [PATH | {"stream": "Physics"}, SEED]}).encode()
    result = rates.decode_json(raw, RATES)
    assert (result.menu.l1, result.menu.hlt, result.menu.seed_of) == (("L1_A",), ("HLT_1",), (0,))
    assert (result.l1.tolist(), result.hlt.tolist(), result.hlt_prescales.tolist()) == ([7.0], [2.5], [10.0])


@pytest.mark.parametrize(
    ("rows", "reason", "field"),
    [
        ([7], "wrong-type", "rate 0"),
        ({}, "wrong-type", "rates"),
        ([SEED | {"rate_hz": None}], "wrong-type", "L1_A: rate_hz"),
        ([SEED | {"prescale": "1"}], "wrong-type", "L1_A: prescale"),
        ([SEED | {"seed": 5}], "wrong-type", "L1_A: seed"),
        ([], "no-rates", "rates"),
    ],
)
def test_rates_in_json_are_refused_by_name(rows, reason, field):
    error = refused(rates.decode_json, json.dumps({"lumisection": PLACE, "rates": rows}).encode(), RATES)
    assert (error.reason, error.field) == (reason, field)


def test_rates_without_a_lumisection_are_refused():
    error = refused(rates.decode_json, json.dumps({"rates": [SEED]}).encode(), RATES)
    assert (error.reason, error.field) == ("missing-envelope", "lumisection")


def test_nulls_in_arrow_are_refused():
    raw = arrow([["L1_A"], [""], pa.array([None], pa.float64()), [1.0]], rates.SCHEMA)
    assert (refused(rates.decode_arrow, raw, RATES).reason, refused(rates.decode_arrow, raw, RATES).field) == (
        "null",
        "rate_hz",
    )


def test_columns_of_other_types_are_refused():
    assert refused(rates.decode_arrow, arrow({"name": ["L1_A"], "rate_hz": [1.0]}), RATES).reason == "wrong-schema"
    assert refused(events.decode_arrow, arrow({"event": ["1"], "met_gev": [1.0]}), EVENTS).reason == "wrong-schema"


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"events": [1.5]}, "wrong-type", "event 0"),
        ({"events": [2**63]}, "out-of-range", "event 0"),
        ({"events": [-1]}, "out-of-range", "event 0"),
        ({"values": [[1.0, 2.0]]}, "wrong-length", "event 5: values"),
        ({"values": [["a"]]}, "wrong-type", "event 5: values"),
        ({"values": []}, "wrong-length", "values"),
        ({"values": [[1e39]]}, "not-finite", "event 5: met_gev"),
        ({"features": []}, "no-features", "features"),
        ({"events": []}, "wrong-length", "values"),
    ],
)
def test_events_in_json_are_refused_by_name(fields, reason, field):
    whole = {"lumisection": PLACE, "features": ["met_gev"], "events": [5], "values": [[1.0]]} | fields
    error = refused(events.decode_json, json.dumps(whole).encode(), EVENTS)
    assert (error.reason, error.field) == (reason, field)


def test_events_are_read_only():
    raw = json.dumps({"lumisection": PLACE, "features": ["met_gev"], "events": [5], "values": [[1.0]]}).encode()
    result = events.decode_json(raw, EVENTS)
    assert result.values.dtype == np.float32
    assert not result.values.flags.writeable


@pytest.mark.parametrize(
    ("seed", "chosen"),
    [("L1_A OR L1_C", "L1_A"), ("(L1_X or L1_C)", "L1_C"), ("L1_C,L1_A", "L1_C"), ("L1_X || L1_A", "L1_A")],
)
def test_a_path_of_several_seeds_stands_under_the_first_that_is_there(seed, chosen):
    rows = [SEED, SEED | {"name": "L1_C"}, PATH | {"seed": seed}]
    record = rates.decode_json(json.dumps({"lumisection": PLACE, "rates": rows}).encode(), RATES)
    assert (record.menu.hlt, record.menu.l1[record.menu.seed_of[0]]) == (("HLT_1",), chosen)
    assert not record.unread


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (PATH | {"rate_hz": float("nan")}, "wrong-type"),
        (PATH | {"rate_hz": -1}, "negative-count"),
        (PATH | {"name": "HLT/1"}, "bad-name"),
        (PATH | {"name": "L1_A"}, "name-twice"),
    ],
)
def test_one_odd_rate_does_not_take_the_others_with_it(odd, reason):
    raw = json.dumps({"lumisection": PLACE, "rates": [SEED, odd, PATH | {"name": "HLT_2"}]}).encode()
    record = rates.decode_json(raw, RATES)
    assert (record.menu.l1, record.menu.hlt) == (("L1_A",), ("HLT_2",))
    assert [error.reason for error in record.unread] == [reason]


def test_a_path_whose_seed_is_not_there_stands_by_itself():
    rows = [SEED, PATH | {"seed": "L1_X OR L1_Y"}, PATH | {"name": "HLT_2"}]
    record = rates.decode_json(json.dumps({"lumisection": PLACE, "rates": rows}).encode(), RATES)
    assert (record.menu.l1, record.menu.hlt, record.unread) == (("L1_A", "HLT_1"), ("HLT_2",), ())
    assert record.l1.tolist() == [SEED["rate_hz"], PATH["rate_hz"]]


def test_two_versions_of_one_path_are_told():
    rows = [SEED, PATH | {"name": "HLT_1_v7"}, PATH | {"name": "HLT_1_v8"}]
    record = rates.decode_json(json.dumps({"lumisection": PLACE, "rates": rows}).encode(), RATES)
    assert (record.menu.hlt, record.menu.versions) == (("HLT_1",), (0, 7))
    assert [error.reason for error in record.unread] == ["name-twice"]
