"""Everything that can go wrong on the way from a producer to a decoded record.

NightshiftError
├── SettingsError               a settings key or value (conf.errors)
├── Unavailable                 something outside cannot be reached now: wait and try again
│   ├── SourceUnavailable       the broker or folder
│   └── StoreUnavailable        the database (opint.store.engine)
└── StreamError
    ├── DecodeError             one message or file is unusable, for ever: it becomes a dead letter
    │   ├── OversizeError       it is larger than a declared limit
    │   ├── ContentTypeError    nobody here reads this content type
    │   └── ConflictError       a second, different content for a histogram that was already taken
    └── FencedError             another consumer owns the partition now: forget it, write nothing
"""

import copyreg
import reprlib
from typing import Any

from conf.errors import NightshiftError
from streams.keys import Partition

_brief = reprlib.Repr()
_brief.maxstring = _brief.maxother = 120


class StreamError(NightshiftError):
    """Base of the transport errors."""


class DecodeError(StreamError):
    """A message or file that no retry will make usable.

    ``reason`` is a short stable code (``bad-json``, ``wrong-bin-count`` …) to count and to search by;
    ``field`` names the place inside the message, ``value`` is a short rendering of what stood there.
    """

    def __init__(self, reason: str, field: str, value: object, hint: str = "") -> None:
        """Describe the fault; a long ``value`` is cut to 120 characters."""
        # A hostile value may be huge: only its beginning is ever rendered.
        shown = _brief.repr(value)
        self.reason = reason
        self.field = field
        self.value = shown if len(shown) <= 120 else shown[:117] + "..."
        super().__init__(f"{reason}: {field} is {self.value}" + (f"; {hint}" if hint else ""))

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes as it is: describing the fault anew would shorten it twice."""
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # type: ignore[attr-defined]


class OversizeError(DecodeError):
    """A message, array or file above a declared limit."""


class ContentTypeError(DecodeError):
    """No codec for this content type."""


class ConflictError(DecodeError):
    """A histogram came again with other content; the first one stands."""


class Unavailable(NightshiftError):  # noqa: N818 - a state of the world more than an error
    """Something outside this process cannot be reached at present; trying again may help."""


class SourceUnavailable(Unavailable):
    """The broker, folder or file cannot be reached at present."""


class FencedError(StreamError):
    """The partition belongs to another consumer now; whoever gets this must write nothing.

    ``partition`` is the one that was lost, None where that is not known: then all of the batch count as lost.
    """

    def __init__(self, message: str, partition: Partition | None = None) -> None:
        """Say what happened, and to which partition."""
        self.partition = partition
        super().__init__(message)
