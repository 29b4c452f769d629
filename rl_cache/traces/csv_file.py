"""Traces as CSV: a line of column names, then one request a line."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from rl_cache.errors import TraceError
from rl_cache.traces.assemble import COLUMNS, Sizes, assemble
from rl_cache.traces.opened import opened
from rl_cache.traces.trace import Trace

_BLOCK_BYTES = 1 << 24
_WORDS = ("file", "dataset", "tier", "site")


def read_csv(path: Path, sizes: Sizes = Sizes.CONSTANT) -> Trace:
    """The trace in a CSV file, compressed or not; columns and errors as of :func:`assemble`."""
    return assemble(_blocks(path), str(path), sizes)


def _blocks(path: Path) -> Iterator[pa.RecordBatch]:
    words = csv.ConvertOptions(column_types=dict.fromkeys(_WORDS, pa.string()), strings_can_be_null=False)
    with opened(path) as stream:
        try:
            reader = csv.open_csv(stream, csv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False), None, words)
        except pa.ArrowInvalid as error:
            raise TraceError(
                str(path), "first block", error, f"expected a line of names such as {COLUMNS[:3]}"
            ) from None
        yield from reader
