"""The truth that goes with simulated rates: the faults that were put into them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dqm.simulate import truth_lines
from dqm.simulate.rate_faults import RateFault


def write(path: Path, faults: Iterable[RateFault]) -> None:
    """Write the faults; the file is replaced as a whole."""
    truth_lines.write(path, faults)


def read(path: Path) -> tuple[RateFault, ...]:
    """Inverse of :func:`write`; raises SimulationError as :func:`dqm.simulate.truth_lines.read`."""
    return truth_lines.read(path, _fault)


def _fault(row: Mapping[str, Any]) -> RateFault:
    return RateFault(
        row["kind"],
        *truth_lines.period(row),
        float(row["factor"]),
        tuple(str(name) for name in row["elements"]),
        str(row["seed_name"]),
        None if row["column"] is None else int(row["column"]),
    )
