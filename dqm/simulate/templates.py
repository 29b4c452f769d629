"""What the simulator knows of one histogram, and how to read that from a file of principal components."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pyarrow
import pyarrow.parquet

from dqm.simulate.faults import SimulationError
from streams.arrays import Float64
from streams.records import Axis, MonitoringElement

COLUMNS = ("subsystem", "me", "n_bins", "mean", "components", "explained_variance")
MAX_ELEMENTS = 100_000
MAX_BINS = 1_000_000
MODES = 2


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """One ME: its mean shape, two directions in which good shapes vary, and how many entries it gets.

    ``base`` (bins,) sums to 1, cells flattened in C order; ``modes`` (2, bins) are scaled so that a
    latent value of standard deviation 1 moves the shape as far as it moves among good lumisections;
    ``entries_per_pb`` are entries per 1/pb of recorded luminosity; ``outside`` is the share of
    entries below and above the axis.
    """

    subsystem: str
    element: MonitoringElement
    base: Float64
    modes: Float64
    entries_per_pb: float
    outside: tuple[float, float] = (0.0, 0.0)


def read(path: Path) -> list[Template]:
    """Templates from a parquet file of principal components.

    Columns: subsystem, me, n_bins, mean (n_bins), components (at least 2 x n_bins) and
    explained_variance (one for each component). A good shape is mean + Σ √variance · z · component
    with z of variance 1. The file says nothing of axes and entries: axes count bins from 0, and an ME
    gets 100 to 300 entries per bin and 1/pb, at least 5,000, fixed by its name.

    Raises:
        SimulationError: the file cannot be read, lacks a column, or a row contradicts itself.
    """
    try:
        table = pyarrow.parquet.read_table(path, columns=list(COLUMNS))
    except (OSError, pyarrow.ArrowException) as error:
        raise SimulationError(f"templates file {path} cannot be read: {str(error).splitlines()[0]}") from error
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise SimulationError(f"templates file {path} has no column {missing[0]!r}; it needs {', '.join(COLUMNS)}")
    if not 0 < table.num_rows <= MAX_ELEMENTS:
        raise SimulationError(f"templates file {path} has {table.num_rows} rows; 1 to {MAX_ELEMENTS} are allowed")
    return [_template(row, f"{path}, row {number}") for number, row in enumerate(table.to_pylist())]


def _template(row: Mapping[str, Any], origin: str) -> Template:
    try:
        bins = int(row["n_bins"])
        base = np.asarray(row["mean"], dtype=float)
        components = np.asarray(row["components"], dtype=float)[:MODES]
        variances = np.asarray(row["explained_variance"], dtype=float)[:MODES]
    except (TypeError, ValueError) as error:
        raise SimulationError(f"{origin}: not a template: {error}") from error
    fits = base.shape == (bins,) and components.shape == (MODES, bins) and variances.shape == (MODES,)
    if not (0 < bins <= MAX_BINS and fits):
        raise SimulationError(f"{origin}: n_bins is {bins}; mean and {MODES} components must have as many numbers")
    if not (np.isfinite(base).all() and np.isfinite(components).all() and (variances >= 0).all() and base.sum() > 0):
        raise SimulationError(f"{origin}: numbers must be finite, variances not negative, and the mean not empty")
    name = str(row["me"])
    clipped = np.maximum(base, 0)
    generosity = 100 + 200 * crc32(name.encode()) / 2**32
    return Template(
        str(row["subsystem"]),
        MonitoringElement(name, (Axis(bins, 0.0, float(bins), "bin"),)),
        clipped / clipped.sum(),
        np.sqrt(variances)[:, None] * components,
        max(5000.0, generosity * bins),
    )
