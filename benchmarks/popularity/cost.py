"""What features and fits cost at 10⁵, 10⁶ and 10⁷ dataset weeks: time, memory, and how they grow.

Catalogues are simulated. Each engine runs in a process of its own, one after the other on the same table: the batch job
on Spark (``local[*]``), pandas with scikit-learn in one process, and the kernels without Spark. That all of them make
the same features is checked before anything is timed.
"""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.checkpoint import Figures, checkpointed
from benchmarks.popularity import pandas_peer
from benchmarks.popularity.cost_run import LABEL
from benchmarks.popularity.memory import Watched
from benchmarks.report import ROOT, Progress, Result
from opint.popularity.examples import gather
from opint.popularity.features import features, totals
from opint.popularity.readers.access_table import read_frame
from opint.popularity.simulate import CatalogueSize, simulate_catalogue
from opint.popularity.tables import write_history

ENGINES = ("spark", "pandas", "kernels")
PEER = {"features_s": "pandas", "fit_s": "scikit-learn"}
TOLERANCE = 1e-4
"""Between the features of pandas and ours, which are float32."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Rows by name, how many tables of each, weeks of a table, and trees of a forest."""

    rows: Mapping[str, int]
    tables: Mapping[str, int]
    weeks: int = 104
    trees: int = 5


FULL = Extent({"1e5": 10**5, "1e6": 10**6, "1e7": 10**7}, {"1e5": 3, "1e6": 3, "1e7": 1})
QUICK = Extent({"1e5": 1_000, "1e6": 2_000}, {"1e5": 1, "1e6": 1}, weeks=26, trees=1)


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """Rows in a second, seconds and bytes of each engine and size."""
    del data
    extent = QUICK if quick else FULL
    figures_by_size: dict[str, list[Figures]] = defaultdict(list)
    for size, rows in extent.rows.items():
        for seed in seeds[: extent.tables[size]]:
            name = f"popularity-cost-{rows}"
            figures_by_size[size].append(checkpointed(name, seed, partial(figures, seed, rows, extent, progress)))
    return report(figures_by_size)


def figures(seed: int, rows: int, extent: Extent, progress: Progress) -> Figures:
    """Seconds and bytes of every engine on one table of about ``rows`` rows."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "weekly.parquet"
        seconds = {"rows": float(table(path, seed, rows, extent.weeks))}
        if rows == min(extent.rows.values()):
            check_same(path)
        for engine in ENGINES:
            seconds |= {f"{engine} {name}": value for name, value in run(engine, path, extent.trees).items()}
            measured = (f"{name} {value:.4g}" for name, value in seconds.items() if name.startswith(engine))
            progress(f"{seconds['rows']:.0f} rows: {', '.join(measured)}")
    return seconds


def table(path: Path, seed: int, rows: int, weeks: int) -> int:
    """Write a table of about ``rows`` rows; returns their exact number."""
    rng = np.random.default_rng(seed)
    mean = float(simulate_catalogue(rng, CatalogueSize(1000, weeks)).exists.sum()) / 1000
    return write_history(simulate_catalogue(rng, CatalogueSize(round(rows / mean), weeks)), path)


def run(engine: str, path: Path, trees: int) -> Figures:
    """What an engine takes, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.popularity.cost_run", engine, str(path), str(trees)]
    with (
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process,  # noqa: S603
        Watched(process.pid) as watched,
    ):
        printed, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{engine} failed on {path}; the reason is above")
    seconds: Figures = json.loads(printed.splitlines()[-1])
    return seconds | {"peak_gb": watched.peak / 1e9}


def _nothing_is_left_out(line: str) -> None:
    raise AssertionError(line)


def check_same(path: Path) -> None:
    """Raise AssertionError unless pandas and the kernels make the same features."""
    peer = pandas_peer.features(pandas_peer.read(path))
    history = read_frame(path, _nothing_is_left_out)
    own = gather(features(history, LABEL, totals(history, LABEL)), history, range(history.shape[1]))
    order = np.lexsort((own.week, own.dataset))
    assert set(peer.columns) == set(own.names)
    for name in own.names:
        np.testing.assert_allclose(peer[name], own.column(name)[order], TOLERANCE, TOLERANCE, err_msg=name)


def report(figures_by_size: Mapping[str, Sequence[Figures]]) -> dict[str, Result]:
    """Results of all sizes; their low and high are the slowest and the fastest table."""
    results: dict[str, Result] = {}
    for size, tables in figures_by_size.items():
        rows = [row["rows"] for row in tables]
        rate = {engine: [row["rows"] / row[f"{engine} features_s"] for row in tables] for engine in ENGINES}
        note = f"{np.mean(rows):.0f} rows, from the file to features of all weeks, Spark running"
        results[f"features_rows_per_s_{size}"] = compared(rate["spark"], rate["pandas"], "1/s", "pandas", note)
        alone = "the kernels on one machine, without Spark"
        results[f"kernels_rows_per_s_{size}"] = compared(rate["kernels"], rate["pandas"], "1/s", "pandas", alone)
        for name, peer in PEER.items():
            own, other = ([row[f"{engine} {name}"] for row in tables] for engine in ("spark", "pandas"))
            results[f"{name}_{size}"] = compared(own, other, "s", peer, f"{np.mean(rows):.0f} rows")
        peak, peaks = ([row[f"{engine} peak_gb"] for row in tables] for engine in ("spark", "pandas"))
        results[f"peak_memory_gb_{size}"] = compared(peak, peaks, "GB", "pandas", "all processes, fit included")
    for name, key in (("features_s", "growth_exponent"), ("fit_s", "fit_growth_exponent")):
        grown, peers = (exponent(figures_by_size, f"{engine} {name}") for engine in ("spark", "pandas"))
        note = "slope of ln(seconds) over ln(rows), least squares; 1 is linear"
        results[key] = Result(
            grown, "1", n=sum(map(len, figures_by_size.values())), peer=PEER[name], peer_value=peers, note=note
        )
    return results


def compared(own: Sequence[float], peer: Sequence[float], unit: str, name: str, note: str) -> Result:
    """Medians of both on the same tables."""
    value, other = float(np.median(own)), float(np.median(peer))
    return Result(value, unit, min(own), max(own), len(own), name, other, value / other, note)


def exponent(figures_by_size: Mapping[str, Sequence[Figures]], name: str) -> float:
    """Slope of the logarithm of seconds over that of rows, over all tables."""
    rows, seconds = (
        np.log([row[key] for tables in figures_by_size.values() for row in tables]) for key in ("rows", name)
    )
    return float(np.polyfit(rows, seconds, 1)[0])
