"""The truth that goes with simulated data: faults and rare events that were put into them, one JSON object a line."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from dqm.simulate.events import NAMES, STANDARD, SimulatedEvents
from dqm.simulate.faults import Fault, SimulationError
from dqm.simulate.rate_faults import RateFault
from streams.records import LumisectionKey

MAX_BYTES = 64 * 1024 * 1024

AnyFault = TypeVar("AnyFault", Fault, RateFault)


def write_faults(path: Path, faults: Iterable[AnyFault]) -> None:
    """Write the faults; the file is replaced as a whole. Raises SimulationError if it cannot be written."""
    unfinished = path.with_name(path.name + ".tmp")
    try:
        unfinished.write_text("".join(json.dumps(_row(fault)) + "\n" for fault in faults), encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise SimulationError(f"truth file {path} cannot be written: {error.strerror or error}") from error


def read_faults(path: Path) -> tuple[Fault, ...]:
    """Faults of histograms, the inverse of :func:`write_faults`.

    Raises:
        SimulationError: the file cannot be read, is larger than 64 MiB, or a line is no fault.
    """
    return _read(
        path,
        lambda row: Fault(
            row["kind"],
            str(row["subsystem"]),
            float(row["severity"]),
            *_period(row),
            tuple(str(name) for name in row["elements"]),
            str(row["group"]),
            int(row["seed"]),
        ),
    )


def read_rate_faults(path: Path) -> tuple[RateFault, ...]:
    """Faults of trigger rates, the inverse of :func:`write_faults`; raises SimulationError as :func:`read_faults`."""
    return _read(
        path,
        lambda row: RateFault(
            row["kind"],
            *_period(row),
            float(row["factor"]),
            tuple(str(name) for name in row["elements"]),
            str(row["seed_name"]),
            None if row["column"] is None else int(row["column"]),
        ),
    )


def with_rare_events_noted(path: Path, lumisections: Iterable[SimulatedEvents]) -> Iterator[SimulatedEvents]:
    """The same lumisections; the rare events of each are written to ``path`` before it is passed on.

    A file that exists is replaced. Each line names ``run``, ``ls``, ``event`` and ``process``.
    Raises SimulationError if the file cannot be written.
    """
    try:
        opened = path.open("w", encoding="utf-8")
    except OSError as error:
        raise SimulationError(f"truth file {path} cannot be written: {error.strerror or error}") from error
    with opened as file:
        for lumisection in lumisections:
            key = lumisection.features.key
            for at in np.flatnonzero(lumisection.kinds >= len(STANDARD)):
                row = {"run": key.run, "ls": key.ls, "event": int(lumisection.features.events[at])}
                file.write(json.dumps(row | {"process": NAMES[lumisection.kinds[at]]}) + "\n")
            file.flush()
            yield lumisection


def _row(fault: Fault | RateFault) -> dict[str, Any]:
    return asdict(fault) | {"start": [fault.start.run, fault.start.ls], "end": [fault.end.run, fault.end.ls]}


def _period(row: Mapping[str, Any]) -> tuple[LumisectionKey, LumisectionKey]:
    start, end = (LumisectionKey(*(int(number) for number in row[name])) for name in ("start", "end"))
    return start, end


def _read(path: Path, fault_of: Callable[[Mapping[str, Any]], AnyFault]) -> tuple[AnyFault, ...]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SimulationError(f"truth file {path} is larger than {MAX_BYTES} bytes")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SimulationError(f"truth file {path} cannot be read: {error}") from error
    return tuple(_fault(line, fault_of, f"{path}, line {number}") for number, line in enumerate(lines, start=1) if line)


def _fault(line: str, fault_of: Callable[[Mapping[str, Any]], AnyFault], origin: str) -> AnyFault:
    try:
        return fault_of(json.loads(line))
    except (KeyError, TypeError, ValueError) as error:
        raise SimulationError(f"{origin}: not a fault: {error!r}") from error
    except SimulationError as error:
        raise SimulationError(f"{origin}: {error}") from error
