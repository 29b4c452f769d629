"""A kind of stream: all that the commands and the daemon need to know of one topic and its records.

A kind is one object, registered in :mod:`opint.stream_kinds`. Its methods import what they need, so that commands which
only name a kind load nothing of it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from conf.errors import NightshiftError
from conf.settings import Settings
from conf.stream import KafkaSettings

if TYPE_CHECKING:
    import numpy as np

    from opint.consumer.handler import StreamHandler
    from opint.store.engine import Store
    from streams.codecs.limits import MessageLimits
    from streams.errors import DecodeError
    from streams.files.source import FileSource
    from streams.metrics import Metrics
    from streams.source import Message, Source

Record = TypeVar("Record")

HandlerFactory = Callable[["Source", "Metrics", str], "StreamHandler[Any]"]
"""Makes the handler of a source under a name that no other consumer has."""

Progress = Callable[[str, float], None]
"""Is told what is being done, and what share of all is done."""

Check = tuple[str, Callable[[], str]]
"""What is looked at, and the function that says how it is; it raises NightshiftError for what has to be mended."""


class StreamKind(ABC, Generic[Record]):
    """One kind of stream.

    Attributes:
        name: the label ``stream`` of its metrics, and the end of the names of its consumers.
        contents: what its messages hold, in a sentence.
        acceptable: families of incidents whose state an operator can accept as the new reference. The handler of such a
            kind judges each run by :func:`opint.store.acceptances.in_force`. No two kinds share a family.
    """

    name: ClassVar[str]
    contents: ClassVar[str]
    acceptable: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def watched(self, settings: Settings) -> bool:
        """Whether the daemon watches it."""

    @abstractmethod
    def kafka(self, settings: Settings) -> KafkaSettings:
        """Its topic and consumer group, and how the broker is reached."""

    @abstractmethod
    def record_type(self) -> type[Record]:
        """The type of its records, which :mod:`streams.codecs` knows how to write."""

    @abstractmethod
    def limits(self, settings: Settings) -> "MessageLimits":
        """The limits on what its messages may hold."""

    @abstractmethod
    def decoder(self, settings: Settings) -> "Callable[[Message], Record]":
        """Makes records of messages within the limits; raises DecodeError for one that is unusable."""

    @abstractmethod
    def prepare(self, settings: Settings, store: "Store") -> HandlerFactory:
        """Load what judges, before any source is opened; raises NightshiftError for what the user can mend."""

    def open_source(self, settings: Settings) -> "Source":
        """Where its messages come from."""
        from streams.kafka import KafkaSource

        return KafkaSource(self.kafka(settings))

    def checks(self, settings: Settings) -> Iterator[Check]:
        """What `nightshift doctor` looks at."""
        yield f"{self.name} source", partial(self.check_source, settings)

    def check_source(self, settings: Settings) -> str:
        """Reach the topic, and decode its newest message as the daemon does."""
        from streams.errors import DecodeError
        from streams.kafka import describe, newest_message

        described, message = describe(self.kafka(settings)), newest_message(self.kafka(settings))
        if message is None:
            return f"{described}, no message yet"
        try:
            self.decoder(settings)(message)
        except DecodeError as error:
            raise NightshiftError(f"{described}; its newest message, {message.origin}, is unusable: {error}") from error
        return f"{described}; its newest message is readable"


class RecordedKind(StreamKind[Record]):
    """A kind that comes in files as well: judged there by `nightshift score`, and learned from by `nightshift train`.

    Attributes:
        trained_as: what `nightshift train` calls it.
        files_help, training_help: the help of that command.
        default_bundle: the setting that names its bundle.
        selects_lumisections: whether labels and operators' verdicts on incidents can correct the choice of lumisections
            to learn from.
    """

    trained_as: ClassVar[str]
    files_help: ClassVar[str]
    training_help: ClassVar[str]
    default_bundle: ClassVar[str]
    selects_lumisections: ClassVar[bool] = False

    @abstractmethod
    def holds(self, path: Path, columns: Sequence[str]) -> bool:
        """Whether a file holds such records; ``columns`` are those of a recording's first message."""

    @abstractmethod
    def read(self, path: Path, settings: Settings) -> "Iterator[Record | DecodeError]":
        """The records of a file in order; a DecodeError in the place of each that is unusable."""

    @abstractmethod
    def bundle(self, settings: Settings) -> str:
        """The name of the bundle that judges, a folder below dqm.models."""

    @abstractmethod
    def train(
        self,
        records: Iterable[Record],
        name: str,
        settings: Settings,
        rng: "np.random.Generator",
        progress: Progress,
        now_s: float,
    ) -> Sequence[str]:
        """Learn from good records and write the bundle ``name``; what there is to say of it, a line each."""

    def supervise(self, good: Sequence[Record], bad: Sequence[Record], name: str, settings: Settings) -> Sequence[str]:
        """Have the bundle ``name``, trained on the ``good`` records, learn from what people call ``bad`` as well.

        Returns what there is to say of it, a line each; a kind that does not select by labels has nothing to learn.
        """
        del good, bad, name, settings
        return []

    @abstractmethod
    def check_model(self, settings: Settings) -> str:
        """Load the model that judges."""

    @abstractmethod
    def file_source(self, paths: Sequence[Path], settings: Settings) -> "FileSource":
        """The messages of files as a source."""

    def checks(self, settings: Settings) -> Iterator[Check]:
        """The model and the source."""
        yield f"{self.name} model", partial(self.check_model, settings)
        yield from super().checks(settings)
