"""What a table is."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from benchmarks.report import Progress, Result


class DataMissing(Exception):  # noqa: N818 - not a fault: the table is skipped
    """A table needs files that are not there."""


class Measure(Protocol):
    """Measures one table."""

    def __call__(self, data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
        """Results by key from the files below ``data``; ``quick`` runs a small version of the same code.

        Whatever is random comes from ``seeds``: five of them, or one if it has to be quick. Raises DataMissing.
        """


def files(data: Path, *names: str) -> tuple[Path, ...]:
    """Paths below ``data``; raises DataMissing naming the first that is absent."""
    paths = tuple(data / name for name in names)
    for path in paths:
        if not path.exists():
            raise DataMissing(f"{path} is absent; set NIGHTSHIFT_DATA to the folder that has it")
    return paths
