"""Which lumisection a message belongs to: one flat dict of texts, numbers and booleans.

All codecs carry it under the name :data:`ENVELOPE`: Arrow as JSON in the schema's metadata, UHI JSON as
the metadata of an empty histogram of that name. Keys: ``run``, ``ls``, ``dataset``, for histograms ``subsystem``, then,
where known, ``fill``, ``era``, ``pileup``, ``delivered_lumi``, ``recorded_lumi``, ``prescale_index``,
``prescale_name``, ``beams_stable`` and one ``dcs/PART`` for each detector part. Other keys are ignored.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from streams.codecs.checks import check_text
from streams.codecs.json_text import parse_json
from streams.errors import DecodeError
from streams.records import Conditions, HistogramBatch, LumisectionKey

ENVELOPE = "lumisection"

MAX_RUN = 100_000_000
MAX_LS = 100_000
"""A run of 23 s lumisections would last 27 days: anything above is not an LS, most likely a time."""

_DCS = "dcs/"


@dataclass(frozen=True, slots=True)
class Envelope:
    """Where a message's histograms belong."""

    key: LumisectionKey
    dataset: str
    subsystem: str
    conditions: Conditions


def lumisection_key(run: object, ls: object) -> LumisectionKey:
    """Key of plausible numbers; raise DecodeError for what is missing, no integer, or rather a time."""
    return LumisectionKey(_number(run, "run", 1, MAX_RUN), _number(ls, "ls", 0, MAX_LS))


@dataclass(frozen=True, slots=True)
class Place:
    """The lumisection that a message of rates or events belongs to."""

    key: LumisectionKey
    dataset: str
    conditions: Conditions


class Placed(Protocol):
    """Any record of one lumisection."""

    @property
    def key(self) -> LumisectionKey:
        """Run and lumisection."""

    @property
    def dataset(self) -> str:
        """What it is part of."""

    @property
    def conditions(self) -> Conditions:
        """What the machine did."""


def read_envelope(fields: Mapping[str, Any]) -> Envelope:
    """Envelope of the flat dict; raise DecodeError naming the field that is missing or wrong."""
    place = read_place(fields)
    return Envelope(place.key, place.dataset, check_text(fields.get("subsystem"), "subsystem"), place.conditions)


def read_place(fields: object) -> Place:
    """The envelope of a message that has no subsystem; raise DecodeError naming the field that is missing or wrong."""
    if not isinstance(fields, Mapping):
        reason = "missing-envelope" if fields is None else "wrong-type"
        raise DecodeError(reason, ENVELOPE, fields, "an object is needed")
    key = lumisection_key(fields.get("run"), fields.get("ls"))
    return Place(key, check_text(fields.get("dataset"), "dataset"), _conditions(fields))


def write_envelope(batch: HistogramBatch) -> dict[str, Any]:
    """Flat dict of which :func:`read_envelope` makes the same envelope; unknown conditions are left out."""
    return write_place(batch) | {"subsystem": batch.subsystem}


def write_place(record: Placed) -> dict[str, Any]:
    """Flat dict of which :func:`read_place` makes the same place; unknown conditions are left out."""
    c = record.conditions
    known = {
        "fill": c.fill,
        "era": c.era,
        "pileup": c.pileup,
        "delivered_lumi": c.delivered_lumi,
        "recorded_lumi": c.recorded_lumi,
        "prescale_index": c.prescale_index,
        "prescale_name": c.prescale_name,
        "beams_stable": c.beams_stable,
    }
    fields: dict[str, Any] = {"run": record.key.run, "ls": record.key.ls, "dataset": record.dataset}
    fields |= {name: value for name, value in known.items() if value is not None}
    return fields | {_DCS + part: ready for part, ready in c.dcs.items()}


def _conditions(fields: Mapping[str, Any]) -> Conditions:
    era, column = fields.get("era"), fields.get("prescale_name")
    return Conditions(
        fill=_whole(fields, "fill"),
        era=None if era is None else check_text(era, "era", empty=True),
        pileup=_amount(fields, "pileup"),
        delivered_lumi=_amount(fields, "delivered_lumi"),
        recorded_lumi=_amount(fields, "recorded_lumi"),
        prescale_index=_prescale_index(fields),
        beams_stable=_flag(fields, "beams_stable"),
        # Where no column is chosen, its name is empty.
        prescale_name=None if column is None else check_text(column, "prescale_name", empty=True) or None,
        dcs=MappingProxyType(_dcs(fields)),
    )


def _number(value: object, field: str, least: int, most: int) -> int:
    if value is None:
        raise DecodeError(f"missing-{field}", field, value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise DecodeError("wrong-type", field, value, "an integer is needed")
    if value > most:
        raise DecodeError("looks-like-a-time", field, value, f"at most {most} is allowed")
    if value < least:
        raise DecodeError("out-of-range", field, value, f"at least {least} is needed")
    return value


def _whole(fields: Mapping[str, Any], field: str) -> int | None:
    value = fields.get(field)
    if value is None:
        return None
    return _number(value, field, 0, 2**53)


def _prescale_index(fields: Mapping[str, Any]) -> int | None:
    """The index, None for -1, which databases of runs write while no column is chosen."""
    return None if fields.get("prescale_index") == -1 else _whole(fields, "prescale_index")


def _amount(fields: Mapping[str, Any], field: str) -> float | None:
    value = fields.get(field)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise DecodeError("wrong-type", field, value, "a number is needed")
    if not (math.isfinite(value) and value >= 0):
        raise DecodeError("out-of-range", field, value, "a finite number, not below 0, is needed")
    return float(value)


def _flag(fields: Mapping[str, Any], field: str) -> bool | None:
    value = fields.get(field)
    if value is None or isinstance(value, bool):
        return value
    raise DecodeError("wrong-type", field, value, "true or false is needed")


def _dcs(fields: Mapping[str, Any]) -> dict[str, bool]:
    parts = [name for name in fields if name.startswith(_DCS)]
    return {check_text(name, name)[len(_DCS) :]: bool(_flag(fields, name)) for name in parts}


def parsed(raw: bytes, holding: str) -> dict[str, Any]:
    """The object in the bytes; ``holding`` names its fields in the error. Raises DecodeError for anything else."""
    message = parse_json(raw)
    if not isinstance(message, dict):
        raise DecodeError("wrong-type", "message", message, f"an object with {holding} is needed")
    return message


def listed(message: dict[str, Any], field: str) -> list[Any]:
    """The list in a field; raises DecodeError if there is none."""
    entries = message.get(field)
    if not isinstance(entries, list):
        raise DecodeError("wrong-type", field, entries, "a list is needed")
    return entries
