"""Event features as JSON.

For example::

    {"lumisection": {"run": 386000, "ls": 120, "dataset": "/SingleMuon/Run2024I/FEATURES", "pileup": 52.1},
     "features": ["muon_pt_gev", "met_gev"],
     "events": [1812345, 1812399],
     "values": [[41.2, 33.0], [27.5, 12.1]]}

``values`` has a row for each of ``events`` and a number for each of ``features``, whose names end with their units.
``lumisection`` is the envelope of :mod:`streams.codecs.envelope`. A lumisection may come in several messages.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from streams.codecs.envelope import ENVELOPE, listed, parsed, read_place, write_place
from streams.codecs.events.schema import EventLimits, read_events
from streams.errors import DecodeError
from streams.records import EventFeatures

CONTENT_TYPE = "application/json"


def decode(raw: bytes, limits: EventLimits) -> EventFeatures:
    """Events of one message; raise DecodeError for anything that is not as this module says."""
    limits.check_bytes(len(raw))
    message = parsed(raw, "lumisection, features, events and values")
    features, events, values = (listed(message, field) for field in ("features", "events", "values"))
    limits.check_events(len(events), len(features))
    if len(values) != len(events):
        raise DecodeError("wrong-length", "values", len(values), f"a row for each of {len(events)} events is needed")
    place = read_place(message.get(ENVELOPE))
    return read_events(place, features, _events(events), _values(values, events, len(features)))


def encode(record: EventFeatures) -> bytes:
    """One message."""
    fields = {
        ENVELOPE: write_place(record),
        "features": record.features,
        "events": record.events,
        "values": record.values,
    }
    return orjson.dumps(fields, option=orjson.OPT_SERIALIZE_NUMPY)


def _events(events: list[Any]) -> npt.NDArray[np.int64]:
    for number, event in enumerate(events):
        if not isinstance(event, int) or isinstance(event, bool) or not 0 <= event < 2**63:
            raise DecodeError("wrong-type", f"event {number}", event, "a whole number, not below 0, is needed")
    return np.array(events, dtype=np.int64)


def _values(rows: list[Any], events: list[Any], features: int) -> npt.NDArray[np.float64]:
    for event, row in zip(events, rows, strict=True):
        if not isinstance(row, list) or len(row) != features:
            raise DecodeError("wrong-length", f"event {event}: values", row, f"a list of {features} numbers is needed")
        for value in row:
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise DecodeError("wrong-type", f"event {event}: values", value, "a number is needed")
    return np.array(rows, dtype=np.float64).reshape(len(rows), features)
