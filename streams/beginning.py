"""What content begins with, looked at before anybody takes it for its format."""

from pathlib import Path

from streams.errors import DecodeError

BEGIN_BYTES = 8
"""How much :func:`check_begin` looks at."""

_COMPRESSIONS = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\xfd7zXZ\x00": "xz",
    b"BZh": "bzip2",
    b"\x04\x22\x4d\x18": "LZ4",
    b"PK\x03\x04": "zip",
}
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def check_begin(begin: bytes, field: str) -> None:
    """Raise DecodeError for content that begins with nothing, is compressed, or is text in UTF-16."""
    if not begin:
        raise DecodeError("empty-file", field, "0 bytes", "nothing was written to it")
    for magic, compression in _COMPRESSIONS.items():
        if begin.startswith(magic):
            raise DecodeError("compressed", field, compression, "unpack it first")
    if begin.startswith(_UTF_16):
        raise DecodeError("not-utf8", field, "UTF-16", "write the text in UTF-8")


def check_file(path: Path) -> None:
    """Raise DecodeError for a file that is empty, compressed or in UTF-16; OSError if it cannot be read."""
    with path.open("rb") as file:
        check_begin(file.read(BEGIN_BYTES), path.name)
