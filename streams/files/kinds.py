"""What a file holds: histograms, trigger rates or event features."""

from enum import StrEnum
from pathlib import Path

from streams.beginning import check_file
from streams.codecs.content_type import ByteLimit
from streams.errors import DecodeError
from streams.files import rate_table
from streams.files.arrow_file import first_schema

_RECORDINGS = (".arrow", ".arrows")


class Kind(StrEnum):
    """Kinds of records that travel by lumisection, each on a topic of its own."""

    HISTOGRAMS = "histograms"
    RATES = "trigger rates"
    EVENTS = "event features"


def kind_of(path: Path, limits: ByteLimit) -> Kind:
    """Kind by content, whatever the name: the schema of a recording's first message, the columns of a table.

    All other files hold histograms. Raises DecodeError for a file that cannot be read.
    """
    try:
        check_file(path)
        if rate_table.is_table(path):
            return Kind.RATES
        schema = first_schema(path, limits) if path.suffix.lower() in _RECORDINGS else None
    except OSError as error:
        raise DecodeError("unreadable-file", path.name, error.strerror or str(error)) from None
    names = [] if schema is None else schema.names
    if "rate_hz" in names:
        return Kind.RATES
    return Kind.EVENTS if names[:1] == ["event"] else Kind.HISTOGRAMS
