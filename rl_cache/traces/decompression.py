"""Files that may be compressed: gzip, Zstandard and xz are told by the first bytes."""

import gzip
import lzma
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

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
