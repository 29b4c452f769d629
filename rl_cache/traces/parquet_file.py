"""Traces as Parquet, columns named as in CSV."""

from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from rl_cache.errors import TraceError
from rl_cache.traces.assemble import Sizes, assemble
from rl_cache.traces.columns import chosen, remarks
from rl_cache.traces.trace import Trace

_ROWS = 1 << 20


def read_parquet(path: Path, sizes: Sizes = Sizes.CONSTANT) -> Trace:
    """The trace in a Parquet file; columns and errors as of :func:`assemble`."""
    try:
        with path.open("rb") as stream, parquet.ParquetFile(stream) as source:
            names = source.schema_arrow.names
            blocks = source.iter_batches(_ROWS, columns=chosen(names, str(path)))
            return assemble(blocks, str(path), sizes, remarks(names))
    except (OSError, pa.ArrowException) as error:
        raise TraceError(
            str(path), "content", f"unreadable: {error}", "check that it is a whole Parquet file"
        ) from None
