"""Replicas: which datasets lie at which storage elements, and their tables: CSV or Parquet, one row per replica.

``dataset`` (``/primary/processed/TIER``), ``rse`` and ``size`` (bytes) are needed. ``locked`` (true or false),
``last_read`` (a day) and ``rule_id`` (the Rucio rule that holds the replica) are optional. A replica that several rules
hold is locked: no single rule can release it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from opint.placement.sites import Rse, StorageKind, regions
from opint.popularity.errors import TableError
from opint.popularity.history import codes, parse_day, parse_name
from opint.popularity.tables import numbers, read_columns, texts, write_table
from streams.arrays import Days, Float64, Indices, Mask


@dataclass(frozen=True, eq=False)
class Replicas:
    """m replicas of n datasets at s RSEs.

    ``size_bytes`` (n,) is NaN where not known; ``last_read`` (n,) is the day in datetime64[D], NaT where nobody is
    known to have read a dataset. ``dataset`` and ``rse`` (m,) are rows of ``names`` and ``rses``. ``locked`` (m,)
    replicas must stay. ``rule`` has m identifiers of the Rucio rules that hold them, empty where not known.
    """

    rses: tuple[Rse, ...]
    names: tuple[str, ...]
    size_bytes: Float64
    last_read: Days
    dataset: Indices
    rse: Indices
    locked: Mask
    rule: tuple[str, ...]

    @cached_property
    def is_disk(self) -> Mask:
        """(s,): which RSEs are disk."""
        return np.array([rse.kind is StorageKind.DISK for rse in self.rses], dtype=np.bool_)

    @cached_property
    def regions(self) -> tuple[str, ...]:
        """Of the disk RSEs, sorted."""
        return regions(self.rses)

    @cached_property
    def region(self) -> Indices:
        """(s,): row of ``regions`` of each disk RSE, -1 of tape."""
        place = {name: row for row, name in enumerate(self.regions)}
        return np.array([place[rse.region] if rse.kind is StorageKind.DISK else -1 for rse in self.rses], dtype=np.intp)

    @cached_property
    def on_disk(self) -> Mask:
        """(m,): which replicas lie on disk."""
        on_disk: Mask = self.is_disk[self.rse]
        return on_disk

    @cached_property
    def archived(self) -> Mask:
        """(n,): which datasets have a replica on tape."""
        archived = np.zeros(len(self.names), dtype=np.bool_)
        archived[self.dataset[~self.on_disk]] = True
        return archived

    @cached_property
    def disk_copies(self) -> Indices:
        """(n,): how many replicas on disk each dataset has."""
        return np.bincount(self.dataset[self.on_disk], minlength=len(self.names)).astype(np.intp)

    @cached_property
    def bytes(self) -> Float64:
        """(m,): size of each replica; 0 where not known."""
        return np.nan_to_num(self.size_bytes)[self.dataset]

    @cached_property
    def used_bytes(self) -> Float64:
        """(s,): what these replicas take of each RSE."""
        return np.bincount(self.rse, self.bytes, len(self.rses)).astype(np.float64)

    @cached_property
    def last_copy(self) -> Mask:
        """(m,): which replicas on disk stay because nothing else of their dataset is safe to stay.

        Of a dataset that is neither on tape nor locked anywhere it is the first replica.
        """
        is_safe = self.archived.copy()
        is_safe[self.dataset[self.locked]] = True
        rows = np.flatnonzero(self.on_disk & ~is_safe[self.dataset])
        last_copy = np.zeros(len(self.dataset), dtype=np.bool_)
        last_copy[rows[np.unique(self.dataset[rows], return_index=True)[1]]] = True
        return last_copy


NEEDED_COLUMNS = ("dataset", "rse", "size")
OPTIONAL_COLUMNS = ("locked", "last_read", "rule_id")
MAX_DATASET_BYTES = 1e17
"""A hundred petabytes: no dataset is larger."""
_LOCKED_TEXTS = {"true": True, "1": True, "false": False, "0": False, "": False}


def read_replicas(path: Path, rses: Sequence[Rse]) -> Replicas:
    """The replicas in a table at these storage elements.

    Raises:
        TableError: the file cannot be read, a column is missing, a cell is invalid, or a replica occurs twice.
    """
    origin = str(path)
    content = read_columns(path, NEEDED_COLUMNS, OPTIONAL_COLUMNS)
    if not len(content):
        raise TableError(origin, "rows", 0, "a table of replicas is needed")
    cells = {
        name: texts(content, name, origin)
        for name in ("dataset", "rse", *OPTIONAL_COLUMNS)
        if name in content.column_names
    }
    empty = [""] * len(content)
    place, names = codes(cells["dataset"])
    first = np.unique(place, return_index=True)[1]
    for name, row in zip(names, first, strict=True):
        parse_name(name, f"{origin}, row {row + 1}")
    rows = {site.name: row for row, site in enumerate(rses)}
    for number, name in enumerate(cells["rse"], start=1):
        if name not in rows:
            hint = f"{len(rows)} storage elements are known: add it to them, or leave the row out"
            raise TableError(f"{origin}, row {number}", "rse", repr(name), hint)
    rse = np.array([rows[name] for name in cells["rse"]], dtype=np.intp)
    _check_once(place * len(rses) + rse, cells, origin)
    return Replicas(
        tuple(rses),
        names,
        _sizes(numbers(content, "size", origin), place, len(names), origin),
        _last_read(cells.get("last_read", empty), place, len(names), origin),
        place,
        rse,
        _locked(cells.get("locked", empty), origin),
        tuple(cells.get("rule_id", empty)),
    )


def _check_once(pair: Indices, cells: dict[str, list[str]], origin: str) -> None:
    _, first = np.unique(pair, return_index=True)
    if len(first) < len(pair):
        row = int(np.setdiff1d(np.arange(len(pair)), first)[0])
        value = f"{cells['dataset'][row]} at {cells['rse'][row]}"
        raise TableError(f"{origin}, row {row + 1}", "replica", value, "it is there twice; keep one row of it")


def _sizes(size: Float64, place: Indices, n: int, origin: str) -> Float64:
    """The largest size given for each dataset, NaN without any."""
    wrong = ~(np.isnan(size) | ((size >= 0) & (size <= MAX_DATASET_BYTES)))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise TableError(
            f"{origin}, row {row + 1}", "size", size[row], f"bytes from 0 to {MAX_DATASET_BYTES:g} are needed"
        )
    largest = np.full(n, -np.inf)
    np.maximum.at(largest, place, np.where(np.isnan(size), -np.inf, size))
    return np.where(np.isfinite(largest), largest, np.nan)


def _last_read(cells: Sequence[str], place: Indices, n: int, origin: str) -> Days:
    """The newest day given for each dataset, NaT without any."""
    days = np.full(n, np.datetime64("NaT"), dtype="datetime64[D]")
    for row, text in enumerate(cells):
        if text:
            day = np.datetime64(parse_day(text[:10], f"{origin}, row {row + 1}", "last_read"))
            days[place[row]] = np.fmax(days[place[row]], day)
    return days


def _locked(cells: Sequence[str], origin: str) -> Mask:
    for row, text in enumerate(cells):
        if text.lower() not in _LOCKED_TEXTS:
            raise TableError(f"{origin}, row {row + 1}", "locked", repr(text), "true or false is needed")
    return np.array([_LOCKED_TEXTS[text.lower()] for text in cells], dtype=np.bool_)


def write_replicas(replicas: Replicas, path: Path) -> None:
    """Write CSV or Parquet; raises PopularityError if that fails."""
    days = replicas.last_read[replicas.dataset]
    columns = {
        "dataset": [replicas.names[row] for row in replicas.dataset],
        "rse": [replicas.rses[row].name for row in replicas.rse],
        "size": replicas.size_bytes[replicas.dataset],
        "locked": ["true" if row else "false" for row in replicas.locked],
        "last_read": ["" if np.isnat(row) else str(row) for row in days],
        "rule_id": list(replicas.rule),
    }
    write_table(pa.table(columns), path)
