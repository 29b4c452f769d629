"""Reading files where nobody keeps dead letters: what is unusable is logged and left out."""

from collections.abc import Callable, Container, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog

from conf.settings import Settings, StreamSettings
from streams.codecs import Limits
from streams.codecs.events import EventLimits
from streams.codecs.events import arrow as event_arrow
from streams.codecs.rates import RateLimits
from streams.codecs.rates import arrow as rate_arrow
from streams.errors import DecodeError
from streams.files import FileLayout, rate_table, read_file
from streams.files.arrow_file import messages, read_with
from streams.files.cursor import Read
from streams.files.kinds import Kind, kind_of
from streams.records import EventFeatures, HistogramBatch, TriggerRates

LumisectionRecord = HistogramBatch | TriggerRates | EventFeatures

Record = TypeVar("Record", bound=LumisectionRecord)
Reader = Callable[[Path], Iterator[Record | DecodeError]]

log = structlog.get_logger()


def limits(settings: StreamSettings) -> Limits:
    """The limits on histograms that come from outside."""
    return Limits(settings.max_message_bytes, settings.max_histograms, settings.max_bins)


def rate_limits(settings: Settings) -> RateLimits:
    """The same for trigger rates."""
    return RateLimits(settings.stream.max_message_bytes, settings.rates.max_rates)


def event_limits(settings: Settings) -> EventLimits:
    """The same for event features."""
    hotline = settings.hotline
    return EventLimits(settings.stream.max_message_bytes, hotline.max_events, hotline.max_features)


def histogram_files(settings: StreamSettings) -> Read:
    """Reads files of histograms of any format, laid out as the settings say."""
    return partial(read_file, layout=FileLayout.of(settings.files))


def histograms(settings: Settings) -> Reader[HistogramBatch]:
    """Reads files of histograms of any format."""
    layout = FileLayout.of(settings.stream.files)
    return _only(Kind.HISTOGRAMS, partial(read_file, limits=limits(settings.stream), layout=layout), settings)


def rates(settings: Settings) -> Reader[TriggerRates]:
    """Reads recordings and tables of trigger rates."""
    return _only(Kind.RATES, partial(_read_rates, limits=rate_limits(settings)), settings)


def rate_messages(settings: Settings) -> Read:
    """Reads recordings and tables of trigger rates as the messages that the daemon decodes."""

    def read(path: Path, limits: Limits) -> Iterator[bytes | DecodeError]:
        if path.suffix.lower() not in rate_table.SUFFIXES:
            yield from messages(path, limits)
            return
        for record in rate_table.read(path, rate_limits(settings)):
            yield record if isinstance(record, DecodeError) else rate_arrow.encode(record)

    return read


def events(settings: Settings) -> Reader[EventFeatures]:
    """Reads recordings of event features."""
    return _only(Kind.EVENTS, partial(read_with, event_arrow.decode, limits=event_limits(settings)), settings)


def any_kind(settings: Settings) -> Reader[LumisectionRecord]:
    """Reads files of any kind."""
    readers: dict[Kind, Reader[LumisectionRecord]] = {
        Kind.HISTOGRAMS: histograms(settings),
        Kind.RATES: rates(settings),
        Kind.EVENTS: events(settings),
    }
    return lambda path: readers[kind_of(path, limits(settings.stream))](path)


def good_records(
    paths: Iterable[Path], read: Reader[Record], runs: Container[int] = range(2**63 - 1)
) -> Iterator[Record]:
    """The usable records of the files, in the order in which they stand there; of these ``runs`` only.

    Raises DecodeError for a file in which nothing is usable.
    """
    for path in paths:
        usable, trouble = 0, None
        for record in _readable(path, read):
            if isinstance(record, DecodeError):
                trouble = record
                log.warning("record left out", file=str(path), reason=str(record))
                continue
            usable += 1
            if record.key.run in runs:
                yield record
        if trouble is not None and not usable:
            raise trouble


def _read_rates(path: Path, limits: RateLimits) -> Iterator[TriggerRates | DecodeError]:
    if path.suffix.lower() in rate_table.SUFFIXES:
        return rate_table.read(path, limits)
    return read_with(rate_arrow.decode, path, limits)


def _readable(path: Path, read: Reader[Record]) -> Iterator[Record | DecodeError]:
    try:
        yield from read(path)
    except DecodeError as error:
        yield error
    except OSError as error:
        yield DecodeError("unreadable-file", path.name, error.strerror or str(error))


def _only(kind: Kind, read: Reader[Record], settings: Settings) -> Reader[Record]:
    """``read``, but for a recording of another kind one DecodeError that says so, not one for each message."""

    def checked(path: Path) -> Iterator[Record | DecodeError]:
        actual = kind_of(path, limits(settings.stream))
        if actual is kind:
            return read(path)
        return iter((DecodeError("wrong-kind", path.name, actual.value, f"{kind} are needed"),))

    return checked
