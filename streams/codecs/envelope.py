"""Which lumisection a message belongs to: one flat dict of texts, numbers and booleans.

All codecs carry it under the name :data:`ENVELOPE`: Arrow as JSON in the schema's metadata, UHI JSON as
the metadata of an empty histogram of that name. Keys: ``run``, ``ls``, ``dataset``, for histograms ``subsystem``, then,
where known, ``fill``, ``era``, ``pileup``, ``delivered_lumi``, ``recorded_lumi``, ``prescale_index``,
``prescale_name``, ``beams_stable`` and one ``dcs/PART`` for each detector part. Other keys are ignored.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from streams.codecs.json_text import parse_json
from streams.codecs.values import check_amount, check_flag, check_text, check_whole
from streams.errors import DecodeError
from streams.records import Conditions, HistogramBatch, LumisectionKey

ENVELOPE = "lumisection"

MAX_RUN = 100_000_000
MAX_LS = 100_000
"""A run of 23 s lumisections would last 27 days: anything above is not an LS, most likely a time."""

_DCS = "dcs/"
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Envelope:
    """Where a message's histograms belong."""

    key: LumisectionKey
    dataset: str
    subsystem: str
    conditions: Conditions


def lumisection_key(run: object, ls: object) -> LumisectionKey:
    """Key of plausible numbers; raise DecodeError for what is missing, no integer, or rather a time."""
    for field, value in (("run", run), ("ls", ls)):
        if value is None:
            raise DecodeError(f"missing-{field}", field, value)
    time = "looks-like-a-time"
    return LumisectionKey(check_whole(run, "run", 1, MAX_RUN, time), check_whole(ls, "ls", 0, MAX_LS, time))


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
    conditions = {
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
    fields |= {name: value for name, value in conditions.items() if value is not None}
    return fields | {_DCS + part: ready for part, ready in c.dcs.items()}


def _conditions(fields: Mapping[str, Any]) -> Conditions:
    # -1 is what databases of runs write while no column is chosen; its name is empty then.
    index = None if fields.get("prescale_index") == -1 else _optional(fields, "prescale_index", _check_index)
    return Conditions(
        fill=_optional(fields, "fill", _check_index),
        era=_optional(fields, "era", _check_label),
        pileup=_optional(fields, "pileup", check_amount),
        delivered_lumi=_optional(fields, "delivered_lumi", check_amount),
        recorded_lumi=_optional(fields, "recorded_lumi", check_amount),
        prescale_index=index,
        beams_stable=_optional(fields, "beams_stable", check_flag),
        prescale_name=_optional(fields, "prescale_name", _check_label) or None,
        dcs=MappingProxyType(_dcs(fields)),
    )


def _optional(fields: Mapping[str, Any], field: str, check: Callable[[object, str], _Value]) -> _Value | None:
    """The checked value of a field, None where it is not told."""
    value = fields.get(field)
    return None if value is None else check(value, field)


def _check_index(value: object, field: str) -> int:
    return check_whole(value, field, 0, 2**53)


def _check_label(value: object, field: str) -> str:
    return check_text(value, field, empty=True)


def _dcs(fields: Mapping[str, Any]) -> dict[str, bool]:
    parts = {name: ready for name, ready in fields.items() if name.startswith(_DCS)}
    return {
        check_text(name, name)[len(_DCS) :]: ready is not None and check_flag(ready, name)
        for name, ready in parts.items()
    }


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
