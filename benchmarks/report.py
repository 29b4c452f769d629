"""The frame that all benchmarks report in.

With ``--json`` a benchmark prints exactly one JSON object on stdout, without it a table; progress goes
to stderr. Fields of a result that a benchmark has nothing to say about are left out.
"""

import argparse
import importlib.metadata
import json
import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (
    "numpy",
    "scipy",
    "numba",
    "libcachesim",
    "tensorflow",
    "tensorflow-cpu",
    "kafka-python",
    "sqlalchemy",
    "pyarrow",
    "scikit-learn",
    "xgboost",
    "pyspark",
    "pandas",
)


@dataclass(frozen=True, slots=True)
class Result:
    """One figure; ``low`` and ``high`` bound a 95% interval, ``n`` says of how many observations.

    ``peer`` names what it is compared with, ``peer_value`` is that one's figure in the same run on the
    same input, ``ratio`` is value over peer_value.
    """

    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    n: int | None = None
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None
    note: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Known fields; numbers that JSON cannot write (infinity, NaN) are left out."""
        fields = asdict(self)
        return {
            name: value
            for name, value in fields.items()
            if value is not None and not (isinstance(value, float) and not math.isfinite(value))
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a benchmark hands back: results by key, and the data that it used, in words."""

    results: Mapping[str, Result]
    data: str


Run = Callable[[bool], Outcome]
"""A benchmark: takes whether to be quick."""

Progress = Callable[[str], None]
"""Tells a waiting person how far it is."""


def main(name: str, run: Run, argv: Sequence[str] | None = None, clock: Callable[[], float] = time.monotonic) -> int:
    """Parse the command line, run the benchmark, print its report; the exit status."""
    return show(name, run, arguments(name).parse_args(argv), clock)


def arguments(name: str) -> argparse.ArgumentParser:
    """The options of every benchmark."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    parser.add_argument("--quick", action="store_true", help="a short run that shows that it works; figures are rough")
    return parser


def show(name: str, run: Run, options: argparse.Namespace, clock: Callable[[], float] = time.monotonic) -> int:
    """Run the benchmark as the ``options`` of :func:`arguments` ask and print its report; the exit status."""
    start = clock()
    # Standard output is for the figures alone; what is logged meanwhile goes where progress goes.
    with redirect_stdout(sys.stderr):
        outcome = run(options.quick)
    report = frame(name, outcome, clock() - start)
    if options.json:
        print(json.dumps(report, allow_nan=False))
    else:
        Console().print(table(report))
    return 0


def frame(name: str, outcome: Outcome, wall_s: float) -> dict[str, Any]:
    """The JSON object of a report."""
    return {
        "benchmark": name,
        "commit": commit(),
        "versions": _versions(),
        "machine": {
            "system": platform.system(),
            "architecture": platform.machine(),
            "cpus": os.cpu_count(),
        },
        "data": outcome.data,
        "wall_s": round(wall_s, 2),
        "results": {key: result.as_json() for key, result in outcome.results.items()},
    }


def table(report: Mapping[str, Any]) -> Table:
    """The same report for people."""
    shown = Table(title=f"{report['benchmark']}: {report['data']} ({report['wall_s']} s)")
    for column in ("result", "value", "95% interval", "n", "unit", "compared with", "note"):
        shown.add_column(column)
    for key, row in report["results"].items():
        interval = f"{_short(row.get('low'))} … {_short(row.get('high'))}" if "low" in row or "high" in row else ""
        peer = (
            f"{row['peer']}: {_short(row.get('peer_value'))} (ratio {_short(row.get('ratio'))})"
            if "peer" in row
            else ""
        )
        shown.add_row(
            key, _short(row.get("value")), interval, str(row.get("n", "")), row["unit"], peer, row.get("note", "")
        )
    return shown


def progress(text: str) -> None:
    """Tell a waiting person how far it is."""
    print(text, file=sys.stderr, flush=True)


def data_folder(environ: Mapping[str, str]) -> Path:
    """The folder of real data: NIGHTSHIFT_DATA, or its default beside the checkout."""
    return Path(environ.get("NIGHTSHIFT_DATA", str(ROOT / "../shared/data"))).resolve()


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}" if abs(value) < 1e5 else f"{value:,.0f}"


def commit() -> str:
    """The commit that is measured; it ends in "-dirty" if files differ from it."""
    requested_rows = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        answer = subprocess.run(requested_rows, capture_output=True, text=True, check=False, timeout=30)  # noqa: S603
    except OSError:
        return "unknown"
    return answer.stdout.strip() or "unknown"


def _versions() -> dict[str, str]:
    results = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            results[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return results
