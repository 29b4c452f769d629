"""The faults that were put into simulated rates, as a file: one JSON object a line, one line a fault."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dqm.simulate.errors import SimulationError
from dqm.simulate.rate_faults import RateFault
from dqm.simulate.truth import MAX_BYTES
from streams.records import LumisectionKey


def write(path: Path, faults: Iterable[RateFault]) -> None:
    """Write the faults; the file is replaced as a whole."""
    unfinished = path.with_name(path.name + ".tmp")
    unfinished.write_text("".join(json.dumps(_row(fault)) + "\n" for fault in faults), encoding="utf-8")
    unfinished.replace(path)


def read(path: Path) -> tuple[RateFault, ...]:
    """Inverse of :func:`write`.

    Raises:
        SimulationError: the file cannot be read, is larger than 64 MiB, or a line is no fault.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SimulationError(f"truth file {path} is larger than {MAX_BYTES} bytes")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SimulationError(f"truth file {path} cannot be read: {error}") from error
    return tuple(_fault(line, f"{path}, line {number}") for number, line in enumerate(lines, start=1) if line)


def _row(fault: RateFault) -> dict[str, Any]:
    row = asdict(fault)
    return row | {"start": [fault.start.run, fault.start.ls], "end": [fault.end.run, fault.end.ls]}


def _fault(line: str, origin: str) -> RateFault:
    try:
        row: Mapping[str, Any] = json.loads(line)
        return RateFault(
            row["kind"],
            LumisectionKey(*(int(number) for number in row["start"])),
            LumisectionKey(*(int(number) for number in row["end"])),
            float(row["factor"]),
            tuple(str(name) for name in row["elements"]),
            str(row["seed_name"]),
            None if row["column"] is None else int(row["column"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SimulationError(f"{origin}: not a fault: {error!r}") from error
    except SimulationError as error:
        raise SimulationError(f"{origin}: {error}") from error
