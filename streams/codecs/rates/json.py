"""Trigger rates as JSON, which any monitoring can write.

For example::

    {"lumisection": {"run": 386000, "ls": 120, "dataset": "/Trigger/Run2024I/RATES", "fill": 10144, "pileup": 52.1,
                     "delivered_lumi": 0.42, "recorded_lumi": 0.40, "prescale_index": 6, "beams_stable": true},
     "rates": [{"name": "L1_SingleMu22", "rate_hz": 8211.3, "prescale": 1},
               {"name": "HLT_IsoMu24", "seed": "L1_SingleMu22", "rate_hz": 211.7, "prescale": 1}]}

Rates are in Hz as counted, after prescales and dead time; a prescale of 0 is switched off, and null, or none at all, is
not told. A version at the end of a name (``_v7``) is no part of it. A rate without ``seed`` is that of an L1 seed, or
of a path whose seed is not told; of several seeds of a path the one that gives most of its events is named, or all with
``OR`` between them: then the path stands under the first that is in the message. ``lumisection`` is the envelope of
:mod:`streams.codecs.envelope`. A rate that cannot be read is named in ``unread``; the others are read.
"""

from typing import Any

import numpy as np
import orjson

from streams.codecs.envelope import ENVELOPE, listed, parsed, read_place, write_place
from streams.codecs.rates.schema import RateLimits, columns, read_rates
from streams.errors import DecodeError
from streams.records import TriggerRates

CONTENT_TYPE = "application/json"


def decode(raw: bytes, limits: RateLimits) -> TriggerRates:
    """Rates of one message; raise DecodeError for anything that is not as this module says."""
    limits.check_bytes(len(raw))
    message = parsed(raw, "lumisection and rates")
    rows = listed(message, "rates")
    limits.check_rates(len(rows))
    place = read_place(message.get(ENVELOPE))
    numbers, names, seeds, unread = [], [], [], []
    for number, row in enumerate(rows):
        try:
            if not isinstance(row, dict):
                raise DecodeError("wrong-type", f"rate {number}", row, "an object is needed")
            numbers.append((_number(row, "rate_hz"), _prescale(row)))
        except DecodeError as error:
            unread.append(error)
            continue
        names.append(row.get("name"))
        seeds.append(row.get("seed") or "")
    values = np.array(numbers, np.float64).reshape(-1, 2)
    return read_rates(place, names, seeds, values[:, 0], values[:, 1], unread)


def encode(record: TriggerRates) -> bytes:
    """One message, seeds first."""
    rows = [
        {"name": name, "rate_hz": rate, "prescale": prescale} | ({"seed": seed} if seed else {})
        for name, seed, rate, prescale in zip(*columns(record), strict=True)
    ]
    return orjson.dumps({ENVELOPE: write_place(record), "rates": rows}, option=orjson.OPT_SERIALIZE_NUMPY)


def _prescale(row: dict[str, Any]) -> float:
    return float("nan") if row.get("prescale") is None else _number(row, "prescale")


def _number(row: dict[str, Any], field: str) -> float:
    value = row.get(field)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise DecodeError("wrong-type", f"{row.get('name')}: {field}", value, "a number is needed")
    return float(value)
