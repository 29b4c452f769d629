"""Binary traces: files of records of one fixed size, plain or compressed."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rl_cache.arrays import AnyArray
from rl_cache.errors import TraceError
from rl_cache.traces.decompression import open_decompressed

_BLOCK_ROWS = 1 << 20


def read_records(path: Path, record: np.dtype) -> Iterator[npt.NDArray[np.void]]:
    """The records of a file, a block at a time; raises TraceError, at the end, for a file that ends inside one."""
    rest, rows = b"", 0
    with open_decompressed(path) as stream:
        while data := stream.read(_BLOCK_ROWS * record.itemsize):
            data = rest + data
            whole = len(data) // record.itemsize
            rest = data[whole * record.itemsize :]
            rows += whole
            yield np.frombuffer(data, record, whole)
    if rest:
        hint = f"the file ends inside request {rows}: records have {record.itemsize}"
        raise TraceError(str(path), "length of the last record", f"{len(rest)} bytes", hint)


def arrow_column(values: AnyArray) -> pa.Array:
    """``pa.array`` would load pandas, which takes longer than a small trace does."""
    buffer = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, buffer])
