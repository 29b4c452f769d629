"""Traces as CSV: a line of column names, then one request a line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from rl_cache.errors import TraceError
from rl_cache.traces.assemble import Sizes, assemble
from rl_cache.traces.columns import COLUMNS, chosen, remarks
from rl_cache.traces.opened import opened
from rl_cache.traces.trace import Trace

_BLOCK_BYTES = 1 << 24
_HEADER_BYTES = 1 << 20


def read_csv(path: Path, sizes: Sizes = Sizes.CONSTANT) -> Trace:
    """The trace in a CSV file, compressed or not; columns and errors as of :func:`assemble`."""
    names = _names(path)
    return assemble(_blocks(path, chosen(names, str(path))), str(path), sizes, remarks(names))


def _names(path: Path) -> list[str]:
    with opened(path) as stream, _csv_errors(path):
        beginning = stream.read(_HEADER_BYTES).splitlines(keepends=True)
        return list(csv.read_csv(pa.BufferReader(b"".join(beginning[:1]))).column_names)


def _blocks(path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """All columns as text: what a value means must not depend on the block that it stands in."""
    text = csv.ConvertOptions(
        column_types=dict.fromkeys(columns, pa.string()), include_columns=columns, strings_can_be_null=False
    )
    with opened(path) as stream, _csv_errors(path):
        options = csv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False)
        yield from csv.open_csv(stream, options, None, text)


@contextmanager
def _csv_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except pa.ArrowInvalid as error:
        if "CSV" not in str(error):
            raise
        hint = f"expected a line of names such as {', '.join(COLUMNS[:3])} and as many values in each line after it"
        raise TraceError(str(path), "content", error, hint) from None
