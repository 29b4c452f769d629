"""Which monitoring elements are occupancies."""

from enum import Enum
from fnmatch import fnmatchcase

from streams.records import MonitoringElement


class Kind(Enum):
    """What the content of a histogram is."""

    MAP = "map"
    """Counts over two axes: the occupancy of a surface."""
    STRIP = "strip"
    """Counts over a row of channels, side by side."""
    OTHER = "other"
    """Anything else, such as a distribution."""


def kind(me: MonitoringElement, strips: str) -> Kind:
    """The kind of an ME; only its name tells a strip, by one of the shell patterns ``strips`` (commas between)."""
    if len(me.axes) == 2:
        return Kind.MAP
    patterns = (pattern.strip() for pattern in strips.split(","))
    named = len(me.axes) == 1 and any(fnmatchcase(me.name, pattern) for pattern in patterns)
    return Kind.STRIP if named else Kind.OTHER
