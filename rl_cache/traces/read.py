"""Read a trace in whatever format its name says."""

from collections.abc import Callable
from pathlib import Path

from rl_cache.errors import TraceError
from rl_cache.traces.assemble import Sizes
from rl_cache.traces.csv_file import read_csv
from rl_cache.traces.oracle_general import read_oracle_general
from rl_cache.traces.parquet_file import read_parquet
from rl_cache.traces.trace import Trace

READERS: dict[str, Callable[[Path, Sizes], Trace]] = {
    ".csv": read_csv,
    ".parquet": read_parquet,
    ".oraclegeneral": read_oracle_general,
}
"""By a part of the name, so that ``x.oracleGeneral.bin.zst`` is found as well."""


def read(path: Path, sizes: Sizes = Sizes.CONSTANT) -> Trace:
    """The trace in this file; TraceError if no reader knows its name or the content cannot be used."""
    for suffix in path.suffixes:
        if reader := READERS.get(suffix.lower()):
            return reader(path, sizes)
    known = "x.csv, x.parquet or x.oracleGeneral, also with .gz, .zst or .xz"
    raise TraceError(str(path), "name", path.name, f"say what it is: {known}")
