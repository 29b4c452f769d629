"""Storage of the grid: Rucio storage elements (RSEs), on disk or on tape."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from opint.placement.errors import PlacementError
from opint.popularity.errors import TableError
from opint.popularity.readers.columns import table

TB = 1e12
"""Bytes."""
MOST_TB = 1e7
"""Ten exabytes: more is a wrong unit."""
NAME = re.compile(r"T[0-3]_[A-Z]{2}(_[A-Za-z0-9]+)+")
NEEDED = ("name", "kind", "capacity_tb", "free_tb")
WANTED = ("region",)


class Kind(StrEnum):
    """What data lie on."""

    DISK = "disk"
    TAPE = "tape"


@dataclass(frozen=True, slots=True)
class Rse:
    """One storage element; ``free_bytes`` of ``capacity_bytes`` hold nothing.

    ``region`` says who reads from it as if it were his own; without one it is the country in the name.
    """

    name: str
    kind: Kind
    capacity_bytes: int
    free_bytes: int
    region: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if not NAME.fullmatch(self.name):
            raise PlacementError(f"RSE name is {self.name!r}; names look like T2_DE_DESY or T1_US_FNAL_Disk")
        if not 0 <= self.capacity_bytes <= MOST_TB * TB:
            raise PlacementError(
                f"RSE {self.name}: capacity is {self.capacity_bytes / TB:g} TB; it must be 0 to {MOST_TB:g} TB"
            )
        if not 0 <= self.free_bytes <= self.capacity_bytes:
            raise PlacementError(
                f"RSE {self.name}: {self.free_bytes / TB:g} TB are free; "
                f"it must be 0 to its capacity of {self.capacity_bytes / TB:g} TB"
            )
        if not self.region:
            object.__setattr__(self, "region", self.name[3:5])


def regions(rses: Iterable[Rse]) -> tuple[str, ...]:
    """The different regions of disk, sorted."""
    return tuple(sorted({rse.region for rse in rses if rse.kind is Kind.DISK}))


def disks(rses: Iterable[Rse]) -> frozenset[str]:
    """Names of the RSEs that are disk."""
    return frozenset(rse.name for rse in rses if rse.kind is Kind.DISK)


def read(path: Path) -> tuple[Rse, ...]:
    """RSEs of a YAML list or a CSV or Parquet table with ``name``, ``kind``, ``capacity_tb``, ``free_tb``, ``region``.

    ``region`` may be left out.

    Raises:
        TableError: the file cannot be read, or an entry names no storage element or is there twice.
    """
    origin = str(path)
    rows = _yaml(path) if path.suffix in {".yaml", ".yml"} else table(path, NEEDED, WANTED).to_pylist()
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
        raise TableError(origin, "entry", repr(row), f"a mapping of {', '.join(NEEDED)} is needed")
    for name in NEEDED:
        if row.get(name) is None:
            raise TableError(origin, name, "missing", f"needed are {', '.join(NEEDED)}")
    if row["kind"] not in tuple(Kind):
        raise TableError(origin, "kind", repr(row["kind"]), "it must be disk or tape")
    capacity, free = (_bytes(row[name], name, origin) for name in ("capacity_tb", "free_tb"))
    try:
        return Rse(str(row["name"]), Kind(row["kind"]), capacity, free, str(row.get("region") or ""))
    except PlacementError as error:
        raise TableError(origin, "entry", str(row["name"]), str(error)) from None


def _bytes(value: object, name: str, origin: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_TB:
        raise TableError(origin, name, repr(value), f"a number of TB from 0 to {MOST_TB:g} is needed")
    return round(value * TB)
