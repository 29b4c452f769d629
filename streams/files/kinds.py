"""What a file holds: histograms, trigger rates or event features."""

from enum import StrEnum
from pathlib import Path

from streams.codecs.content_type import ByteLimit
from streams.files.arrow_file import first_schema

_RECORDINGS = (".arrow", ".arrows")


class Kind(StrEnum):
    """Kinds of records that travel by lumisection, each on a topic of its own."""

    HISTOGRAMS = "histograms"
    RATES = "trigger rates"
    EVENTS = "event features"


def kind_of(path: Path, limits: ByteLimit) -> Kind:
    """Kind of a recording by the schema of its first message, whatever its name; all other files hold histograms.

    So does what cannot be read: the reader of histograms says why.
    """
    if path.suffix.lower() not in _RECORDINGS:
        return Kind.HISTOGRAMS
    try:
        schema = first_schema(path, limits)
    except OSError:
        return Kind.HISTOGRAMS
    names = [] if schema is None else schema.names
    if "rate_hz" in names:
        return Kind.RATES
    return Kind.EVENTS if names[:1] == ["event"] else Kind.HISTOGRAMS
