"""The registry of kinds of streams: the daemon, the commands and the metrics know no others.

A new kind is one object of :class:`opint.consumer.kind.StreamKind` in a room of its own, and one line here.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from conf.errors import NightshiftError
from conf.settings import Settings
from opint.actions.kind import WorkflowKind
from opint.caches.kind import AccessKind
from opint.consumer.kind import RecordedKind, StreamKind
from opint.histograms.kind import HistogramKind
from opint.hotline.kind import EventKind
from opint.triggers.kind import RateKind
from streams.errors import DecodeError

KINDS: dict[str, StreamKind[Any]] = {}
"""By name, in the order in which they are watched, checked and judged."""

_RECORDING_SUFFIXES = (".arrow", ".arrows")


def register(kind: StreamKind[Any]) -> None:
    """Make a kind known; one of the same name is replaced."""
    KINDS[kind.name] = kind


for _kind in (HistogramKind(), RateKind(), EventKind(), AccessKind(), WorkflowKind()):
    register(_kind)


def watched_kinds(settings: Settings) -> list[StreamKind[Any]]:
    """The kinds that a daemon with these settings watches."""
    return [kind for kind in KINDS.values() if kind.watched(settings)]


def recorded_kinds() -> list[RecordedKind[Any]]:
    """The kinds that come in files as well."""
    return [kind for kind in KINDS.values() if isinstance(kind, RecordedKind)]


def accepting_streams() -> dict[str, str]:
    """By family of incidents, the stream that learns its state anew once that is accepted as a reference."""
    return {family: kind.name for kind in KINDS.values() for family in kind.acceptable}


def kind_of_record(record: object) -> StreamKind[Any]:
    """The kind whose messages hold such records; raises NightshiftError if there is none."""
    for kind in KINDS.values():
        if type(record) is kind.record_type():
            return kind
    raise NightshiftError(f"{type(record).__name__}: no kind of stream holds such records")


def kind_of_file(path: Path, settings: Settings) -> RecordedKind[Any]:
    """Kind by content, whatever the name; what no other kind takes for its own are histograms.

    Raises DecodeError for a file that cannot be read.
    """
    from opint.recordings import limits  # noqa: PLC0415 - only where files are read
    from streams.codecs.checks import check_file  # noqa: PLC0415
    from streams.files.arrow_file import first_schema  # noqa: PLC0415

    try:
        check_file(path)
        schema = first_schema(path, limits(settings.stream)) if path.suffix.lower() in _RECORDING_SUFFIXES else None
        columns = [] if schema is None else schema.names
        # The first of the registry, histograms, hold all that is left.
        return next(kind for kind in reversed(recorded_kinds()) if kind.holds(path, columns))
    except OSError as error:
        raise DecodeError("unreadable-file", path.name, error.strerror or str(error)) from None


def reader_of_any(settings: Settings) -> Callable[[Path], Iterator[Any]]:
    """Reads files of any kind."""
    return lambda path: kind_of_file(path, settings).read(path, settings)


def reader_of(kind: RecordedKind[Any], settings: Settings) -> Callable[[Path], Iterator[Any]]:
    """Reads files of one kind; of a file of another kind one DecodeError that says so, not one for each message."""

    def read(path: Path) -> Iterator[Any]:
        actual = kind_of_file(path, settings)
        if actual is kind:
            return kind.read(path, settings)
        return iter((DecodeError("wrong-kind", path.name, actual.contents, f"{kind.contents} are needed"),))

    return read
