"""What a table is."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from benchmarks.report import Progress, Result, progress


class DataMissing(Exception):  # noqa: N818 - not a fault: the table is skipped
    """A table needs files that are not there."""


class Measure(Protocol):
    """Measures one table."""

    def __call__(self, data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
        """Results by key from the files below ``data``; ``quick`` runs a small version of the same code.

        Whatever is random comes from ``seeds``: five of them, or one if it has to be quick. Raises DataMissing.
        """


def measured(
    tables: Mapping[str, Measure], data: Path, quick: bool, seeds: Sequence[int]
) -> tuple[dict[str, Result], list[str]]:
    """All results of the ``tables``, one after the other, and which were skipped and why; quickly with one seed."""
    results: dict[str, Result] = {}
    skipped: list[str] = []
    for name, table in tables.items():
        progress(f"== {name}")
        try:
            results |= table(data=data, quick=quick, seeds=seeds[:1] if quick else seeds, progress=progress)
        except DataMissing as missing:
            progress(f"skipped: {missing}")
            skipped.append(f"{name} skipped: {missing}")
    return results, skipped


def files(data: Path, *names: str) -> tuple[Path, ...]:
    """Paths below ``data``; raises DataMissing naming the first that is absent."""
    paths = tuple(data / name for name in names)
    for path in paths:
        if not path.exists():
            raise DataMissing(f"{path} is absent; set NIGHTSHIFT_DATA to the folder that has it")
    return paths
