"""Directories of files: the one that a path names, and XCache's sums (``pfc.dirstats``) over what lies in each.

CMS lays files out as ``/store/DATA-OR-MC/ERA/PRIMARY/TIER/PROCESSING/BLOCK/NAME.root``, which is the dataset
``/PRIMARY/ERA-PROCESSING/TIER``.

A snapshot is one JSON object, in a ``dirstate_snapshot`` or alone, as XrdPfcDirStateSnapshot.cc writes it:
``m_dir_states`` lists directories, each with the place of its parent. Bytes are those since the sums were last reset.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from rl_cache.errors import TraceError

MAX_BYTES = 64 << 20
MAX_DIRECTORIES = 1_000_000
DEPTH = 3
"""Names of a path that make its directory, such as ``/store/mc/RunIISummer20UL18MiniAODv2`` or
``/atlas/rucio/mc16_13TeV``. XCache must count directories as deep (``pfc.dirstats maxdepth``) to give them quotas."""
_CMS = re.compile(r"/store/(?:data|mc|hidata|himc)/([^/]+)/([^/]+)/([^/]+)/([^/]+)/[^/]+/[^/]+")
_BLOCK = 512
_ROOT = 0


def directory_of(path: str) -> str:
    """The first names of an absolute path, at most DEPTH of them and never the file's own; ``/`` where it has none."""
    return "/" + "/".join(path.split("/")[1:-1][:DEPTH])


def dataset_of(path: str) -> str:
    """The CMS dataset of a file, empty where its path is not of that layout."""
    match = _CMS.fullmatch(path)
    return f"/{match[2]}/{match[1]}-{match[4]}/{match[3]}" if match else ""


@dataclass(frozen=True, slots=True)
class DirectorySums:
    """A directory and all below it: bytes on disk, files, and bytes read from disk, through the cache and past it."""

    path: str
    disk_bytes: int
    files: int
    hit_bytes: int
    missed_bytes: int
    bypassed_bytes: int

    @property
    def hit_share(self) -> float:
        """Of the bytes that jobs read, NaN where they read none."""
        read = self.hit_bytes + self.missed_bytes + self.bypassed_bytes
        return self.hit_bytes / read if read else float("nan")


def read_directory_sums(path: Path) -> list[DirectorySums]:
    """The directories of a snapshot, those with most bytes on disk first.

    Raises:
        TraceError: the file cannot be read, is no snapshot, or an entry lacks a field or names a parent after it.
    """
    origin = str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise TraceError(origin, "size", f"over {MAX_BYTES} bytes", "lower pfc.dirstats maxdepth")
        snapshot = orjson.loads(path.read_bytes())
    except OSError as error:
        raise TraceError(origin, "content", f"unreadable: {error}", "check that the file is there") from None
    except orjson.JSONDecodeError as error:
        raise TraceError(origin, "content", f"no JSON: {error}", "a snapshot of pfc.dirstats is expected") from None
    entries = _entries(snapshot, origin)
    paths: list[str] = []
    for number, entry in enumerate(entries):
        paths.append(_path(entry, number, paths, origin))
    sums = [_sums(entry, path, f"{origin}: {path}") for entry, path in zip(entries, paths, strict=True)]
    return sorted(sums, key=lambda directory: -directory.disk_bytes)


def _entries(snapshot: Any, origin: str) -> Sequence[Mapping[str, Any]]:
    inner = snapshot.get("dirstate_snapshot", snapshot) if isinstance(snapshot, dict) else None
    entries = inner.get("m_dir_states") if isinstance(inner, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise TraceError(origin, "m_dir_states", "missing", "a snapshot of pfc.dirstats is expected")
    if len(entries) > MAX_DIRECTORIES:
        raise TraceError(origin, "number of directories", len(entries), f"at most {MAX_DIRECTORIES} are read")
    return entries


def _path(entry: Mapping[str, Any], number: int, paths: Sequence[str], origin: str) -> str:
    name, parent = entry.get("m_dir_name"), entry.get("m_parent")
    if not isinstance(name, str):
        raise TraceError(origin, f"m_dir_name of entry {number}", name, "a name is expected")
    if number == _ROOT:
        return "/"
    if not isinstance(parent, int) or isinstance(parent, bool) or not 0 <= parent < number:
        raise TraceError(origin, f"m_parent of entry {number}", parent, "the place of an earlier entry is expected")
    return f"{paths[parent].rstrip('/')}/{name}"


def _sums(entry: Mapping[str, Any], path: str, origin: str) -> DirectorySums:
    stats, usage = (entry.get(name) for name in ("m_stats", "m_usage"))
    if not isinstance(stats, dict) or not isinstance(usage, dict):
        raise TraceError(origin, "m_stats and m_usage", "missing", "a snapshot of pfc.dirstats is expected")
    read = [_number(stats, f"m_Bytes{kind}", origin) for kind in ("Hit", "Missed", "Bypassed")]
    return DirectorySums(path, _BLOCK * _number(usage, "m_StBlocks", origin), _number(usage, "m_NFiles", origin), *read)


def _number(record: Mapping[str, Any], name: str, origin: str) -> int:
    value = record.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TraceError(origin, name, "missing" if value is None else value, "a whole number from 0 on is expected")
    return value
