"""File accesses as caches report them, on which suggestions stay on trial."""

from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from conf.errors import NightshiftError
from conf.settings import Settings
from conf.stream import KafkaSettings
from opint.consumer.kind import Check, HandlerFactory, StreamKind

if TYPE_CHECKING:
    from opint.store.engine import Store
    from streams.codecs.accesses import AccessLimits
    from streams.records import AccessBatch
    from streams.source import Message

NAME = "accesses"


class AccessKind(StreamKind["AccessBatch"]):
    """Watched where ``cache.watch`` is set, or by `nightshift cache watch`."""

    name = NAME
    contents = "file accesses"

    def watched(self, settings: Settings) -> bool:
        """As ``cache.watch`` says."""
        return settings.cache.watch

    def kafka(self, settings: Settings) -> KafkaSettings:
        """The topic of ``cache`` on the broker of the histograms."""
        return settings.kafka_of(settings.cache)

    def record_type(self) -> "type[AccessBatch]":
        """:class:`AccessBatch`."""
        from streams.records import AccessBatch

        return AccessBatch

    def limits(self, settings: Settings) -> "AccessLimits":
        """How large a message may be, and how many accesses it may hold."""
        from streams.codecs.accesses import AccessLimits

        return AccessLimits(settings.stream.max_message_bytes, settings.cache.max_accesses)

    def decoder(self, settings: Settings) -> "Callable[[Message], AccessBatch]":
        """Decodes a batch of accesses to one cache."""
        from streams.codecs.accesses import decode_accesses

        return partial(decode_accesses, limits=self.limits(settings))

    def prepare(self, settings: Settings, store: "Store") -> HandlerFactory:
        """Compile what simulates caches."""
        self.check_laboratory()
        from opint.caches.handler import access_handler, warm_up

        warm_up()
        decode = self.decoder(settings)
        return lambda source, metrics, name: access_handler(settings, store, decode, source, metrics, name)

    def checks(self, settings: Settings) -> Iterator[Check]:
        """The packages of the cache laboratory, and the source."""
        yield f"{self.name} laboratory", self.check_laboratory
        yield from super().checks(settings)

    def check_laboratory(self) -> str:
        """Whether what simulates caches is installed."""
        if find_spec("numba") is None:
            raise NightshiftError(
                "file accesses cannot be watched: numba is not installed: pip install 'nightshift[rl]'; "
                "or set cache.watch to false"
            )
        return "caches can be simulated"
