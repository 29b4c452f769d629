"""Traces in libCacheSim's oracleGeneral format: 24 bytes a request, little-endian, packed.

u32 time in seconds, u64 file, u32 size in bytes, i64 row of the next request. The last is not taken from the
file but computed where it is needed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rl_cache.errors import TraceError
from rl_cache.traces.assemble import Sizes, assemble
from rl_cache.traces.opened import opened
from rl_cache.traces.trace import Trace

RECORD = np.dtype([("time", "<u4"), ("file", "<u8"), ("size", "<u4"), ("next", "<i8")])
_ROWS = 1 << 20


def read_oracle_general(path: Path, sizes: Sizes = Sizes.CONSTANT) -> Trace:
    """The trace in such a file, compressed or not.

    Raises:
        TraceError: the file ends inside a record, and whatever :func:`assemble` refuses.
    """
    return assemble(_blocks(path), str(path), sizes)


def _blocks(path: Path) -> Iterator[pa.RecordBatch]:
    rest, rows = b"", 0
    with opened(path) as stream:
        while data := stream.read(_ROWS * RECORD.itemsize):
            data = rest + data
            whole = len(data) // RECORD.itemsize
            rest = data[whole * RECORD.itemsize :]
            found = np.frombuffer(data, RECORD, whole)
            rows += whole
            yield pa.record_batch({name: _column(found[name]) for name in ("time", "file", "size")})
    if rest:
        hint = f"the file ends inside request {rows}: records have {RECORD.itemsize}"
        raise TraceError(str(path), "length of the last record", f"{len(rest)} bytes", hint)


def _column(values: NDArray[Any]) -> pa.Array:
    """``pa.array`` would load pandas, which takes longer than a small trace does."""
    buffer = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, buffer])
