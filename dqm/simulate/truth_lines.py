"""Faults as a file: one JSON object a line, one line a fault, whatever kind of fault it is."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from dqm.simulate.faults import SimulationError
from streams.records import LumisectionKey

MAX_BYTES = 64 * 1024 * 1024


class Lasting(Protocol):
    """A fault that lasts from one lumisection to another; a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def start(self) -> LumisectionKey:
        """Its first lumisection."""

    @property
    def end(self) -> LumisectionKey:
        """Its last one."""


Kept = TypeVar("Kept")


def write(path: Path, faults: Iterable[Lasting]) -> None:
    """Write the faults; the file is replaced as a whole. Raises SimulationError if it cannot be written."""
    unfinished = path.with_name(path.name + ".tmp")
    try:
        unfinished.write_text("".join(json.dumps(_row(fault)) + "\n" for fault in faults), encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise SimulationError(f"truth file {path} cannot be written: {error.strerror or error}") from error


def read(path: Path, fault_of: Callable[[Mapping[str, Any]], Kept]) -> tuple[Kept, ...]:
    """Inverse of :func:`write`, if ``fault_of`` makes a fault of its fields.

    Raises:
        SimulationError: the file cannot be read, is larger than 64 MiB, or a line is no fault.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SimulationError(f"truth file {path} is larger than {MAX_BYTES} bytes")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SimulationError(f"truth file {path} cannot be read: {error}") from error
    return tuple(_fault(line, fault_of, f"{path}, line {number}") for number, line in enumerate(lines, start=1) if line)


def period(row: Mapping[str, Any]) -> tuple[LumisectionKey, LumisectionKey]:
    """First and last lumisection of a fault; raises KeyError, TypeError or ValueError for what is none."""
    start, end = (LumisectionKey(*(int(number) for number in row[name])) for name in ("start", "end"))
    return start, end


def _row(fault: Lasting) -> dict[str, Any]:
    return asdict(fault) | {"start": [fault.start.run, fault.start.ls], "end": [fault.end.run, fault.end.ls]}


def _fault(line: str, fault_of: Callable[[Mapping[str, Any]], Kept], origin: str) -> Kept:
    try:
        return fault_of(json.loads(line))
    except (KeyError, TypeError, ValueError) as error:
        raise SimulationError(f"{origin}: not a fault: {error!r}") from error
    except SimulationError as error:
        raise SimulationError(f"{origin}: {error}") from error
