"""What a file begins with, before anybody takes it for its format."""

from pathlib import Path

from streams.codecs.json_text import BEGIN_BYTES, check_begin


def check_file(path: Path) -> None:
    """Raise DecodeError for a file that is empty, compressed or in UTF-16; OSError if it cannot be read."""
    with path.open("rb") as file:
        check_begin(file.read(BEGIN_BYTES), path.name)
