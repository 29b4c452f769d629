"""Features of events, of which the most unusual ones are kept."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from conf.settings import Settings
from conf.stream import KafkaSettings
from opint.consumer.kind import HandlerFactory, Progress, RecordedKind

if TYPE_CHECKING:
    import numpy as np

    from opint.store.engine import Store
    from streams.codecs.events import EventLimits
    from streams.errors import DecodeError
    from streams.files.source import FileSource
    from streams.records import EventFeatures
    from streams.source import Message

NAME = "events"
TRAINED_AS = "hotline"


class EventKind(RecordedKind["EventFeatures"]):
    """Watched where ``hotline.watch`` is set."""

    name = NAME
    contents = "event features"
    trained_as = TRAINED_AS
    files_help = "Recordings of event features, in the order of time."
    training_help = """Learn what events usually look like, and how rare it is that one looks different.

    No truth is needed: what is unusual has to be too rare to be learned. The files are taken as they come and must be
    in the order of time: the earlier part trains, the later part calibrates. At least 5,000 events are needed. The
    bundle is written to dqm.models under the name hotline.model and takes effect when the daemon is started again.
    """
    default_bundle = "hotline.model"

    def watched(self, settings: Settings) -> bool:
        """As ``hotline.watch`` says."""
        return settings.hotline.watch

    def kafka(self, settings: Settings) -> KafkaSettings:
        """The topic of ``hotline`` on the broker of the histograms."""
        return settings.kafka_of(settings.hotline)

    def record_type(self) -> "type[EventFeatures]":
        """:class:`EventFeatures`."""
        from streams.records import EventFeatures

        return EventFeatures

    def limits(self, settings: Settings) -> "EventLimits":
        """How large a message may be, and how many events and features it may hold."""
        from streams.codecs.events import EventLimits

        hotline = settings.hotline
        return EventLimits(settings.stream.max_message_bytes, hotline.max_events, hotline.max_features)

    def decoder(self, settings: Settings) -> "Callable[[Message], EventFeatures]":
        """Decodes the events of one lumisection, or of a part of it."""
        from streams.codecs.events import decode_events

        return partial(decode_events, limits=self.limits(settings))

    def prepare(self, settings: Settings, store: "Store") -> HandlerFactory:
        """Load the model that judges."""
        from opint.hotline.handler import event_handler, open_hotline

        model, decode = open_hotline(settings, store), self.decoder(settings)
        return lambda source, metrics, name: event_handler(settings, store, model, decode, source, metrics, name)

    def check_model(self, settings: Settings) -> str:
        """Its name and version, and how many features it looks at."""
        from opint.hotline.handler import hotline_model

        model = hotline_model(settings)
        return f"{settings.hotline.model}, version {model.version[:12]}: {len(model.features)} features"

    def holds(self, path: Path, columns: Sequence[str]) -> bool:
        """Recordings that begin with event numbers."""
        del path
        return columns[:1] == ["event"]

    def read(self, path: Path, settings: Settings) -> "Iterator[EventFeatures | DecodeError]":
        """Recordings."""
        from streams.codecs.events import decode_arrow
        from streams.files.arrow_file import read_with

        return read_with(decode_arrow, path, self.limits(settings))

    def file_source(self, paths: Sequence[Path], settings: Settings) -> "FileSource":
        """Messages as they were recorded."""
        from opint.recordings import limits
        from streams.files.arrow_file import messages
        from streams.files.source import FileSource

        return FileSource(paths, limits(settings.stream), time.time, read=messages)

    def bundle(self, settings: Settings) -> str:
        """As ``hotline.model`` says."""
        return settings.hotline.model

    def train(
        self,
        records: "Iterable[EventFeatures]",
        name: str,
        settings: Settings,
        rng: "np.random.Generator",
        progress: Progress,
        now_s: float,
    ) -> Sequence[str]:
        """Learn from events in the order of time."""
        from dqm.events.train import train

        def count(done: int) -> None:
            progress(f"{done:,} lumisections read", 0.0)

        folder = settings.dqm.models / name
        model = train(records, folder, settings.hotline, rng, count, now_s)
        return [f"{folder}: version {model.version[:12]}, {model.events_per_s:.3g} events a second of live time"]
