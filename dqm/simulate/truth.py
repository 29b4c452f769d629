"""The truth that goes with simulated histograms: the faults that were put into them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dqm.simulate import truth_lines
from dqm.simulate.faults import Fault, active
from streams.records import LumisectionKey


@dataclass(frozen=True, slots=True)
class Truth:
    """All faults that were put into some data."""

    faults: tuple[Fault, ...]

    def faults_at(self, key: LumisectionKey) -> Sequence[Fault]:
        """Faults that are there in one lumisection; empty means that it is good."""
        return active(self.faults, key)


def write(path: Path, faults: Iterable[Fault]) -> None:
    """Write the faults; the file is replaced as a whole."""
    truth_lines.write(path, faults)


def read(path: Path) -> Truth:
    """Inverse of :func:`write`; raises SimulationError as :func:`dqm.simulate.truth_lines.read`."""
    return Truth(truth_lines.read(path, _fault))


def _fault(row: Mapping[str, Any]) -> Fault:
    return Fault(
        row["kind"],
        str(row["subsystem"]),
        float(row["severity"]),
        *truth_lines.period(row),
        tuple(str(name) for name in row["elements"]),
        str(row["group"]),
        int(row["seed"]),
    )
