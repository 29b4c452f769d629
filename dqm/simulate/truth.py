"""The truth that goes with simulated data: one JSON object a line, one line a fault."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dqm.simulate.errors import SimulationError
from dqm.simulate.faults import Fault, active
from streams.records import LumisectionKey

MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Truth:
    """All faults that were put into some data."""

    faults: tuple[Fault, ...]

    def faults_at(self, key: LumisectionKey) -> Sequence[Fault]:
        """Faults that are there in one lumisection; empty means that it is good."""
        return active(self.faults, key)


def write(path: Path, faults: Iterable[Fault]) -> None:
    """Write the faults; the file is replaced as a whole."""
    unfinished = path.with_name(path.name + ".tmp")
    unfinished.write_text("".join(json.dumps(_row(fault)) + "\n" for fault in faults), encoding="utf-8")
    unfinished.replace(path)


def read(path: Path) -> Truth:
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
    return Truth(tuple(_fault(line, f"{path}, line {number}") for number, line in enumerate(lines, start=1) if line))


def _row(fault: Fault) -> dict[str, Any]:
    row = asdict(fault)
    return row | {"start": [fault.start.run, fault.start.ls], "end": [fault.end.run, fault.end.ls]}


def _fault(line: str, origin: str) -> Fault:
    try:
        row: Mapping[str, Any] = json.loads(line)
        return Fault(
            row["kind"],
            str(row["subsystem"]),
            float(row["severity"]),
            LumisectionKey(*(int(number) for number in row["start"])),
            LumisectionKey(*(int(number) for number in row["end"])),
            tuple(str(name) for name in row["elements"]),
            str(row["group"]),
            int(row["seed"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SimulationError(f"{origin}: not a fault: {error!r}") from error
    except SimulationError as error:
        raise SimulationError(f"{origin}: {error}") from error
