"""Files that may be compressed, told by the first bytes (gzip, Zstandard, xz), and binary traces in them."""

import gzip
import lzma
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rl_cache.arrays import AnyArray
from rl_cache.errors import TraceError

_GZIP, _ZSTD, _XZ = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\x00"


@contextmanager
def open_decompressed(path: Path) -> Iterator[BinaryIO]:
    """The file's content, decompressed while it is read; the first bytes tell gzip, Zstandard and xz.

    Raises:
        TraceError: the file cannot be read, or its compressed content is damaged or cut off.
    """
    try:
        with path.open("rb") as raw:
            magic = raw.peek(6)[:6]
        with _stream(path, magic) as stream:
            yield stream
    except (OSError, EOFError, lzma.LZMAError, pa.ArrowInvalid) as error:
        raise TraceError(
            str(path), "content", f"unreadable: {error}", "check that the file is there and whole"
        ) from None


def _stream(path: Path, magic: bytes) -> BinaryIO:
    if magic.startswith(_GZIP):
        return cast(BinaryIO, gzip.open(path, "rb"))
    if magic.startswith(_XZ):
        return cast(BinaryIO, lzma.open(path, "rb"))
    if magic.startswith(_ZSTD):
        return cast(BinaryIO, pa.CompressedInputStream(str(path), "zstd"))
    return path.open("rb")


_BLOCK_ROWS = 1 << 20


def read_records(path: Path, record: np.dtype) -> Iterator[npt.NDArray[np.void]]:
    """The records of a file, a block at a time; raises TraceError, at the end, for a file that ends inside one."""
    incomplete, rows = b"", 0
    with open_decompressed(path) as stream:
        while data := stream.read(_BLOCK_ROWS * record.itemsize):
            data = incomplete + data
            whole = len(data) // record.itemsize
            incomplete = data[whole * record.itemsize :]
            rows += whole
            yield np.frombuffer(data, record, whole)
    if incomplete:
        hint = f"the file ends inside request {rows}: records have {record.itemsize}"
        raise TraceError(str(path), "length of the last record", f"{len(incomplete)} bytes", hint)


def arrow_column(values: AnyArray) -> pa.Array:
    """``pa.array`` would load pandas, which takes longer than a small trace does."""
    buffer = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, buffer])
