"""Trigger rates as messages: one is one lumisection, as JSON or Arrow IPC.

JSON, for example::

    {"lumisection": {"run": 386000, "ls": 120, "dataset": "/Trigger/Run2024I/RATES", "fill": 10144, "pileup": 52.1,
                     "delivered_lumi": 0.42, "recorded_lumi": 0.40, "prescale_index": 6, "beams_stable": true},
     "rates": [{"name": "L1_SingleMu22", "rate_hz": 8211.3, "prescale": 1},
               {"name": "HLT_IsoMu24", "seed": "L1_SingleMu22", "rate_hz": 211.7, "prescale": 1}]}

Rates are in Hz as counted, after prescales and dead time; a prescale of 0 is switched off, and null, or none at all, is
not told. A version at the end of a name (``_v7``) is no part of it. A rate without ``seed`` is that of an L1 seed, or
of a path whose seed is not told; of several seeds of a path the one that gives most of its events is named, or all with
``OR`` between them: then the path stands under the first that is in the message. ``lumisection`` is the envelope of
:mod:`streams.codecs.envelope`. A rate that cannot be read is named in ``unread``; the others are read.

An Arrow message is an IPC stream: a schema and one record batch with one row for each seed and path. Columns, in this
order: ``name`` and ``seed`` (text; the seed of an L1 seed itself is empty), ``rate_hz`` and ``prescale`` (float64, NaN
where it is not told). They mean the same. The schema's metadata holds the envelope as JSON under ``lumisection``.
Bodies are not compressed: a compressed one could grow beyond any limit.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from streams.codecs.arrow_message import column_of_numbers, envelope_fields, message, record_batch
from streams.codecs.catalogue_cache import CACHE_BYTES, BoundedCache, digest
from streams.codecs.checks import MAX_COUNT, check_amounts
from streams.codecs.content_type import ARROW_CONTENT_TYPE, JSON_CONTENT_TYPE, Codec, decoded
from streams.codecs.envelope import ENVELOPE, Place, listed, parsed, read_place, write_place
from streams.codecs.limits import MessageLimits, check_most
from streams.codecs.values import check_number, check_text
from streams.errors import DecodeError
from streams.records import TriggerMenu, TriggerRates
from streams.source import Message


@dataclass(frozen=True, slots=True, eq=False)
class _CheckedMenu:
    """A menu, which rows of a message are its seeds (s,) and its paths (p,), and why the others are neither."""

    menu: TriggerMenu
    l1: npt.NDArray[np.intp]
    hlt: npt.NDArray[np.intp]
    unread: tuple[DecodeError, ...]


_ALTERNATIVES = re.compile(r"[\s()]*(?:\bOR\b|\|\||,|;|[()])[\s()]*", re.IGNORECASE)
"""What stands between the seeds of a path that has several: the first that the message holds stands for all."""

_VERSIONED = re.compile(r"(?P<name>.+)_v(?P<version>[1-9][0-9]{0,5})", re.ASCII)
"""A path with its version, which changes with every menu and is no part of what the path is."""

_menus: BoundedCache[_CheckedMenu] = BoundedCache(CACHE_BYTES)


@dataclass(frozen=True, slots=True)
class RateLimits(MessageLimits):
    """How large a message may be, and of how many seeds and paths it may hold rates."""

    max_rates: int

    def check_rates(self, count: int) -> None:
        """Raise DecodeError if there are none, OversizeError if there are too many."""
        if count < 1:
            raise DecodeError("no-rates", "rates", count)
        check_most(count, self.max_rates, "too-many-rates", "rates", "rates")


def read_rates(
    place: Place,
    names: Sequence[object],
    seeds: Sequence[object],
    rates: npt.NDArray[np.float64],
    prescales: npt.NDArray[np.float64],
    unread: Sequence[DecodeError] = (),
) -> TriggerRates:
    """Rates of one lumisection from columns of equal length; the ``seeds`` of L1 seeds themselves are empty.

    So are those of paths whose seed is unknown; a path whose seed is not among the names is treated as one without.
    ``prescales`` are NaN where unknown. Seeds and paths may come in any order. A row that cannot be read is named in
    the record's ``unread``, behind those passed in, and the others are read. Raises DecodeError, the first of them,
    where no row can be read.
    """
    unread = list(unread)
    sound = np.ones(len(names), np.bool_)
    for values, field, is_given in ((rates, "rate_hz", True), (prescales, "prescale", ~np.isnan(prescales))):
        for row in np.flatnonzero(~((values >= 0) & (values <= MAX_COUNT)) & is_given & sound).tolist():
            sound[row] = False
            unread.append(_refusal(values, row, f"{names[row]}: {field}"))
    if not sound.all():
        names, seeds = ([column[row] for row in np.flatnonzero(sound).tolist()] for column in (names, seeds))
        rates, prescales = rates[sound], prescales[sound]
    checked = _menu(names, seeds)
    unread.extend(checked.unread)
    if not checked.l1.size:
        raise unread[0] if unread else DecodeError("no-rates", "rates", 0)
    return TriggerRates(
        place.key,
        place.dataset,
        place.conditions,
        checked.menu,
        rates[checked.l1],
        rates[checked.hlt],
        prescales[checked.l1],
        prescales[checked.hlt],
        tuple(unread),
    )


def _refusal(values: npt.NDArray[np.float64], row: int, field: str) -> DecodeError:
    try:
        check_amounts(values[row : row + 1], lambda _: field)
    except DecodeError as error:
        return error
    raise AssertionError(field)


def columns(record: TriggerRates) -> tuple[list[str], list[str], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Names, seeds (empty for an L1 seed), rates in Hz and prescales: the seeds, then the paths."""
    menu = record.menu
    names = [*menu.l1, *menu.hlt]
    if menu.versions:
        names = [f"{name}_v{version}" if version else name for name, version in zip(names, menu.versions, strict=True)]
    seeds = [*("" for _ in menu.l1), *(menu.l1[seed] for seed in menu.seed_of)]
    return (
        names,
        seeds,
        np.concatenate([record.l1, record.hlt]),
        np.concatenate([record.l1_prescales, record.hlt_prescales]),
    )


def _menu(names: Sequence[object], seeds: Sequence[object]) -> _CheckedMenu:
    """The one object that stands for all equal menus, which are looked at once."""
    try:
        text = orjson.dumps((names, seeds))
    except orjson.JSONEncodeError as error:
        raise DecodeError("wrong-type", "names", str(error), "strings are needed") from None
    key = digest(text)
    return _menus.get(key) or _menus.put(key, _read_menu(names, seeds), len(text))


def _read_menu(names: Sequence[object], seeds: Sequence[object]) -> _CheckedMenu:
    unread: list[DecodeError] = []
    l1: dict[str, int] = {}
    behind: dict[str, tuple[int, str]] = {}
    versions: dict[str, int] = {}
    for row, texts in enumerate(zip(names, seeds, strict=True)):
        try:
            name, version, seed = _checked(row, *texts)
            if name in (behind if seed else l1):
                raise _twice(name)
        except DecodeError as error:
            unread.append(error)
            continue
        versions[name] = version
        if seed:
            behind[name] = row, seed
        else:
            l1[name] = row
    chosen = {name: _seed_among(l1, seed) for name, (_, seed) in behind.items()}
    alone = {name: behind[name][0] for name, seed in chosen.items() if seed is None and name not in l1}
    place = {name: number for number, name in enumerate([*l1, *alone])}
    hlt: dict[str, tuple[int, int]] = {}
    for name in [name for name in behind if name not in alone]:
        its_seed = chosen[name]
        try:
            if its_seed is None or its_seed == name:
                raise _twice(name)
            check_text(f"{its_seed}/{name}", "seed and path")
            hlt[name] = behind[name][0], place[its_seed]
        except DecodeError as error:
            unread.append(error)
    l1 |= alone
    menu_versions = tuple(versions[name] for name in (*l1, *hlt)) if any(versions.values()) else ()
    menu = TriggerMenu(tuple(l1), tuple(hlt), tuple(seed for _, seed in hlt.values()), menu_versions)
    rows = np.array(list(l1.values()), np.intp), np.array([row for row, _ in hlt.values()], np.intp)
    return _CheckedMenu(menu, *rows, tuple(unread))


def _checked(row: int, name: object, seed: object) -> tuple[str, int, str]:
    """Name without its version, the version, 0: none, and the seed, which may be empty."""
    text = check_text(name, f"rate {row}: name")
    its_seed = check_text(seed, f"{text}: seed", empty=True)
    if "/" in text:
        raise DecodeError("bad-name", "name", text, "a slash would make a folder of it")
    parts = _VERSIONED.fullmatch(text)
    return (text, 0, its_seed) if parts is None else (parts["name"], int(parts["version"]), its_seed)


def _seed_among(l1: Mapping[str, int], seed: str) -> str | None:
    """The seed, or the first of several, whose rate is in the message."""
    return next((part for part in (seed, *_ALTERNATIVES.split(seed)) if part in l1), None)


def _twice(name: str) -> DecodeError:
    return DecodeError("name-twice", "name", name, "seeds and paths have names of their own")


def decode_json(raw: bytes, limits: RateLimits) -> TriggerRates:
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
            prescale = float("nan") if row.get("prescale") is None else _number(row, "prescale")
            numbers.append((_number(row, "rate_hz"), prescale))
        except DecodeError as error:
            unread.append(error)
            continue
        names.append(row.get("name"))
        seeds.append(row.get("seed") or "")
    values = np.array(numbers, np.float64).reshape(-1, 2)
    return read_rates(place, names, seeds, values[:, 0], values[:, 1], unread)


def encode_json(record: TriggerRates) -> bytes:
    """One message, seeds first."""
    rows = [
        {"name": name, "rate_hz": rate, "prescale": prescale} | ({"seed": seed} if seed else {})
        for name, seed, rate, prescale in zip(*columns(record), strict=True)
    ]
    return orjson.dumps({ENVELOPE: write_place(record), "rates": rows}, option=orjson.OPT_SERIALIZE_NUMPY)


def _number(row: dict[str, Any], field: str) -> float:
    return check_number(row.get(field), f"{row.get('name')}: {field}")


SCHEMA = pa.schema({"name": pa.string(), "seed": pa.string(), "rate_hz": pa.float64(), "prescale": pa.float64()})


def decode_arrow(raw: bytes, limits: RateLimits) -> TriggerRates:
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


def encode_arrow(record: TriggerRates) -> bytes:
    """One message, seeds first."""
    schema = SCHEMA.with_metadata({ENVELOPE: orjson.dumps(write_place(record))})
    return message(schema, [pa.array(column, kind) for column, kind in zip(columns(record), SCHEMA.types, strict=True)])


def _check_schema(schema: Any) -> None:
    if not schema.equals(SCHEMA):
        hint = "columns name, seed: string; rate_hz, prescale: double are needed"
        raise DecodeError("wrong-schema", "schema", schema.remove_metadata().to_string(), hint)


RATE_CODECS: Mapping[str, Codec[TriggerRates, RateLimits]] = MappingProxyType(
    {
        ARROW_CONTENT_TYPE: Codec(decode_arrow, encode_arrow),
        JSON_CONTENT_TYPE: Codec(decode_json, encode_json),
    }
)
"""By content type, lower case, without parameters."""


def decode_rates(message: Message, limits: RateLimits) -> TriggerRates:
    """Rates of a message; raises as :func:`streams.codecs.content_type.decoded`."""
    return decoded(RATE_CODECS, message, limits)


def encode_rates(record: TriggerRates, content_type: str) -> bytes:
    """Bytes of a record; raises KeyError for a content type that is not in :data:`RATE_CODECS`."""
    return RATE_CODECS[content_type].encode(record)
