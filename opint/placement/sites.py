"""Storage of the grid: Rucio storage elements (RSEs), on disk or on tape, and their tables."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from conf.errors import NightshiftError
from opint.popularity.errors import TableError
from opint.popularity.tables import read_columns, write_table

TB = 1e12
"""Bytes."""
MAX_TB = 1e7
"""Ten exabytes: more is a wrong unit."""
RSE_NAME = re.compile(r"T[0-3]_[A-Z]{2}(_[A-Za-z0-9]+)+")
NEEDED_COLUMNS = ("name", "kind", "capacity_tb", "free_tb")
OPTIONAL_COLUMNS = ("region",)


class PlacementError(NightshiftError):
    """A site, a budget or a decision that cannot be used: what is wrong, and what to do."""


class StorageKind(StrEnum):
    """The medium of a storage element."""

    DISK = "disk"
    TAPE = "tape"


@dataclass(frozen=True, slots=True)
class Rse:
    """One storage element; ``free_bytes`` of ``capacity_bytes`` are free.

    Readers of ``region`` read from it locally; the default is the country in the name.
    """

    name: str
    kind: StorageKind
    capacity_bytes: int
    free_bytes: int
    region: str = ""

    def __post_init__(self) -> None:
        """Check name, capacity and free space."""
        if not RSE_NAME.fullmatch(self.name):
            raise PlacementError(f"RSE name is {self.name!r}; names look like T2_DE_DESY or T1_US_FNAL_Disk")
        if not 0 <= self.capacity_bytes <= MAX_TB * TB:
            raise PlacementError(
                f"RSE {self.name}: capacity is {self.capacity_bytes / TB:g} TB; it must be 0 to {MAX_TB:g} TB"
            )
        if not 0 <= self.free_bytes <= self.capacity_bytes:
            raise PlacementError(
                f"RSE {self.name}: {self.free_bytes / TB:g} TB are free; "
                f"it must be 0 to its capacity of {self.capacity_bytes / TB:g} TB"
            )
        if not self.region:
            object.__setattr__(self, "region", self.name[3:5])


def regions(rses: Iterable[Rse]) -> tuple[str, ...]:
    """The distinct regions of disk RSEs, sorted."""
    return tuple(sorted({rse.region for rse in rses if rse.kind is StorageKind.DISK}))


def disk_names(rses: Iterable[Rse]) -> frozenset[str]:
    """Names of the disk RSEs."""
    return frozenset(rse.name for rse in rses if rse.kind is StorageKind.DISK)


def read_sites(path: Path) -> tuple[Rse, ...]:
    """RSEs of a YAML list or a CSV or Parquet table with ``name``, ``kind``, ``capacity_tb``, ``free_tb``, ``region``.

    ``region`` may be left out.

    Raises:
        TableError: the file cannot be read, or an entry is invalid or occurs twice.
    """
    origin = str(path)
    rows = (
        _yaml(path)
        if path.suffix in {".yaml", ".yml"}
        else read_columns(path, NEEDED_COLUMNS, OPTIONAL_COLUMNS).to_pylist()
    )
    if not rows:
        raise TableError(origin, "entries", 0, "a list of storage elements is needed")
    rses: dict[str, Rse] = {}
    for number, row in enumerate(rows, start=1):
        rse = _rse(row, f"{origin}, entry {number}")
        if rse.name in rses:
            raise TableError(f"{origin}, entry {number}", "name", repr(rse.name), "it is there twice; keep one")
        rses[rse.name] = rse
    return tuple(rses.values())


def _yaml(path: Path) -> list[Any]:
    try:
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TableError(str(path), "file", str(error).splitlines()[0], "a YAML list is needed") from None
    if not isinstance(rows, list):
        raise TableError(str(path), "file", type(rows).__name__, "a list of storage elements is needed")
    return rows


def _rse(row: object, origin: str) -> Rse:
    if not isinstance(row, Mapping):
        raise TableError(origin, "entry", repr(row), f"a mapping of {', '.join(NEEDED_COLUMNS)} is needed")
    for name in NEEDED_COLUMNS:
        if row.get(name) is None:
            raise TableError(origin, name, "missing", f"needed are {', '.join(NEEDED_COLUMNS)}")
    if row["kind"] not in tuple(StorageKind):
        raise TableError(origin, "kind", repr(row["kind"]), "it must be disk or tape")
    capacity, free = (_bytes(row[name], name, origin) for name in ("capacity_tb", "free_tb"))
    try:
        return Rse(str(row["name"]), StorageKind(row["kind"]), capacity, free, str(row.get("region") or ""))
    except PlacementError as error:
        raise TableError(origin, "entry", str(row["name"]), str(error)) from None


def _bytes(value: object, name: str, origin: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_TB:
        raise TableError(origin, name, repr(value), f"a number of TB from 0 to {MAX_TB:g} is needed")
    return round(value * TB)


def write_sites(rses: Sequence[Rse], path: Path) -> None:
    """Write CSV or Parquet; raises PopularityError if that fails."""
    columns = {
        "name": [rse.name for rse in rses],
        "kind": [str(rse.kind) for rse in rses],
        "capacity_tb": [rse.capacity_bytes / TB for rse in rses],
        "free_tb": [rse.free_bytes / TB for rse in rses],
        "region": [rse.region for rse in rses],
    }
    write_table(pa.table(columns), path)
