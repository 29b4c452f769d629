"""``nightshift cache``: replay traces of file accesses, compare policies, plan a cache's size."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conf.errors import NightshiftError, SettingsError
from opint.cli.terminal import bar

if TYPE_CHECKING:
    from rl_cache.laboratory.what_if import Point, SimulationSettings
    from rl_cache.traces.trace import Trace

app = typer.Typer(help="Replay file accesses: what would another cache have done?", no_args_is_help=True)

TraceFile = Annotated[
    Path,
    typer.Argument(
        metavar="TRACE", help="x.csv, x.parquet, x.oracleGeneral, x.vscsi, XCache's x.jsonl; also .gz, .zst, .xz."
    ),
]
FirstSize = Annotated[
    bool, typer.Option("--first-size", help="If the size of a file changes, keep the first instead of refusing.")
]
Names = Annotated[
    list[str] | None, typer.Option("--policy", "-p", help="Policy; repeat for several.", show_default="all")
]
WarmUp = Annotated[
    float, typer.Option("--warm-up", min=0, max=99, help="Percent of the requests that fill the cache uncounted.")
]
Marks = Annotated[
    tuple[float, float] | None,
    typer.Option(
        "--watermarks", metavar="LOW HIGH", help="Shares of the size: purge from high to low.", show_default="off"
    ),
]
Bandwidth = Annotated[
    str | None,
    typer.Option(
        help="Bandwidth of the link behind the cache, such as 10Gbit/s; misses beyond 95% of a day's are redirected."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output instead of a table.")]

_EXTRA = {"gymnasium", "lightgbm", "matplotlib", "numba", "stable_baselines3", "torch"}


@contextmanager
def laboratory() -> Iterator[None]:
    """Name what to install where the laboratory's packages are missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        raise NightshiftError(
            f"the cache laboratory needs {error.name}, which is not installed: pip install 'nightshift[rl]'"
        ) from None


def read_trace(path: Path, first_size: bool) -> "Trace":
    """The trace in this file; remarks on how it was read go to standard error."""
    with laboratory():
        from rl_cache.traces.assemble import Sizes
        from rl_cache.traces.read import read

    trace = read(path, Sizes.FIRST if first_size else Sizes.CONSTANT)
    for remark in trace.remarks:
        typer.echo(f"nightshift: {path}: {remark}", err=True)
    return trace


@app.callback()
def group() -> None:
    """Replay file accesses: what would another cache have done?"""


@app.command("trace-info")
def trace_info(trace: TraceFile, first_size: FirstSize = False, as_json: Json = False) -> None:
    """Show what is in a trace: requests, files, sizes, how often files are read again."""
    with laboratory():
        from opint.caches.report import print_summary, summary_json
        from rl_cache.traces.summary import summarize

    summary = summarize(read_trace(trace, first_size))
    if as_json:
        typer.echo(json.dumps(summary_json(summary)))
    else:
        print_summary(summary, str(trace))


@app.command()
def simulate(
    trace: TraceFile,
    size: Annotated[str, typer.Option("--size", "-s", help="Size of the cache: 100TiB, or 10% of the trace's files.")],
    policy: Names = None,
    warm_up: WarmUp = 0.0,
    watermarks: Marks = None,
    bandwidth: Bandwidth = None,
    first_size: FirstSize = False,
    as_json: Json = False,
) -> None:
    """Replay a trace through one cache under several policies; show misses, writes and the published metrics."""
    with laboratory():
        from opint.caches.report import points_json, print_metrics, print_points

    read = read_trace(trace, first_size)
    settings = _settings(read, warm_up, watermarks, bandwidth)
    points = _compare(read, policy, [size], settings)
    if as_json:
        typer.echo(json.dumps(points_json(points, read, settings)))
    else:
        print_points(points)
        print_metrics(points, read, settings)


@app.command("what-if")
def what_if(
    trace: TraceFile,
    size: Annotated[
        list[str] | None, typer.Option("--size", "-s", help="100TiB, or 10% of the trace's files; repeat for several.")
    ] = None,
    policy: Names = None,
    warm_up: WarmUp = 0.0,
    watermarks: Marks = None,
    bandwidth: Bandwidth = None,
    first_size: FirstSize = False,
    picture: Annotated[Path | None, typer.Option(help="Draw the curves to this file: x.png, x.svg or x.pdf.")] = None,
    as_json: Json = False,
) -> None:
    """Plan capacity: misses and writes of several policies over several cache sizes, and how far Belady is.

    LRU and Belady are always among them.
    """
    with laboratory():
        from opint.caches.report import points_json, print_points

        draw = None if picture is None else _plotter(picture)
    read = read_trace(trace, first_size)
    settings = _settings(read, warm_up, watermarks, bandwidth)
    names = None if policy is None else list(dict.fromkeys([*policy, "lru", "belady"]))
    points = _compare(read, names, size or ["1%", "3%", "10%", "30%"], settings)
    if draw is not None:
        draw(points, trace.name)
    if as_json:
        typer.echo(json.dumps(points_json(points, read, settings)))
    else:
        print_points(points)


@app.command()
def curve(
    trace: TraceFile,
    sample: Annotated[float, typer.Option(min=0.1, max=100, help="Percent of the files that are looked at.")] = 100.0,
    first_size: FirstSize = False,
    as_json: Json = False,
) -> None:
    """Show LRU's miss ratios at twenty sizes in one pass, of a sample of the files where the trace is long."""
    with laboratory():
        import numpy as np

        from rl_cache.laboratory.curve import lru_curve
        from rl_cache.laboratory.units import format_bytes

    result = lru_curve(read_trace(trace, first_size), np.geomspace(0.005, 1.0, 20), sample / 100)
    columns = (result.capacity_bytes, result.byte_miss_ratio, result.request_miss_ratio)
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    if as_json:
        names = ("capacity_bytes", "byte_miss_ratio", "request_miss_ratio")
        typer.echo(json.dumps([dict(zip(names, row, strict=True)) for row in rows]))
        return
    typer.echo(f"{'size':>10}  byte miss  req. miss")
    for size, byte_miss, request_miss in rows:
        typer.echo(f"{format_bytes(size):>10}  {byte_miss:9.4f}  {request_miss:9.4f}")


@app.command()
def directories(
    snapshot: Annotated[Path, typer.Argument(metavar="FILE", help="JSON that XCache writes for pfc.dirstats.")],
    as_json: Json = False,
) -> None:
    """Show what lies in each directory of an XCache, and which share of the bytes read from it the cache had."""
    from rl_cache.laboratory.units import format_bytes
    from rl_cache.traces.directories import read_directory_sums

    sums = read_directory_sums(snapshot)
    if as_json:
        typer.echo(json.dumps([asdict(directory) for directory in sums]))
        return
    typer.echo(f"{'on disk':>10} {'files':>9} {'hit':>6}  directory")
    for directory in sums:
        hit = "–" if math.isnan(directory.hit_share) else f"{directory.hit_share:.1%}"
        typer.echo(f"{format_bytes(directory.disk_bytes):>10} {directory.files:>9,} {hit:>6}  {directory.path}")


def _plotter(picture: Path) -> "Callable[[Sequence[Point], str], None]":
    """A function that plots into this file; a name that matplotlib cannot write is refused before any simulation."""
    from rl_cache.laboratory.plot import FORMATS, draw

    if picture.suffix not in FORMATS:
        raise SettingsError(f"--picture is {picture}; end its name in one of {', '.join(FORMATS)}")
    return lambda points, title: draw(points, picture, title)


def _settings(
    trace: "Trace", warm_up: float, watermarks: tuple[float, float] | None, bandwidth: str | None
) -> "SimulationSettings":
    from rl_cache.laboratory.simulator import Watermarks
    from rl_cache.laboratory.units import parse_daily_bandwidth
    from rl_cache.laboratory.what_if import SimulationSettings

    return SimulationSettings(
        warm_up=int(len(trace) * warm_up / 100),
        watermarks=None if watermarks is None else Watermarks(*watermarks),
        daily_bandwidth=None if bandwidth is None else parse_daily_bandwidth(bandwidth),
    )


def _compare(
    trace: "Trace", names: list[str] | None, sizes: list[str], settings: "SimulationSettings"
) -> "list[Point]":
    from rl_cache.laboratory.units import parse_size
    from rl_cache.laboratory.what_if import compare
    from rl_cache.policies.registry import POLICIES, make_policy

    policies = [make_policy(name) for name in names or POLICIES]
    capacities = sorted({parse_size(size, trace.footprint_bytes) for size in sizes})
    with bar("Simulating") as advance:
        return compare(trace, policies, capacities, settings, advance)
