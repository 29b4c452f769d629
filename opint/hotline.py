"""The event hotline of the daemon: events from a topic are scored, and the most surprising ones kept."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import structlog

from conf.settings import Settings
from dqm.hotline.bundle import load
from dqm.hotline.model import FeatureError, HotlineModel, Scored, score
from opint.hotline_keeping import EventArrival, HotlineKeeping
from opint.position import Position
from opint.store.engine import Store
from streams import loop
from streams.errors import DecodeError
from streams.records import EventFeatures
from streams.source import Loss, Message, Partition, Source

Decode = Callable[[Message], EventFeatures]
"""Raises DecodeError for a message that is unusable."""

log = structlog.get_logger()


class Hotline:
    """Handler of :func:`streams.loop.run` for messages of event features; scores before the transaction begins."""

    def __init__(self, keeping: HotlineKeeping, model: HotlineModel, decode: Decode) -> None:
        """Keep the collaborators."""
        self._keeping = keeping
        self._model = model
        self._decode = decode

    def claim(self, partitions: Sequence[Partition]) -> Mapping[Partition, int | None]:
        """Take partitions over; where each goes on."""
        claimed = self._keeping.claim(partitions)
        for partition, offset in claimed.items():
            log.info("partition claimed", topic=partition.topic, partition=partition.partition, offset=offset)
        return claimed

    def handle(self, messages: Sequence[Message]) -> Mapping[Partition, int]:
        """Judge the events of these messages and store what came of it; the offsets behind them."""
        stored = self._keeping.apply([EventArrival(one, self._scored(one)) for one in messages])
        for letter in stored.letters:
            log.warning("dead letter", origin=letter.origin, why=letter.detail)
        if stored.kept:
            log.info("events kept", kept=stored.kept, seen=stored.seen)
        return stored.next_offsets

    def lost(self, loss: Loss) -> None:
        """Raise the alarm."""
        log.error("messages lost", topic=loss.partition.topic, expected=loss.expected, resumed=loss.resumed)
        self._keeping.lost(loss)

    def tick(self) -> None:
        """Nothing waits."""

    def waiting(self, reason: str) -> None:
        """Something is away; an empty reason ends that."""
        if reason:
            log.warning("waiting", reason=reason)
        else:
            log.info("going on")

    def _scored(self, message: Message) -> Scored | DecodeError:
        try:
            return score(self._model, self._decode(message))
        except DecodeError as error:
            return error
        except FeatureError as error:
            return DecodeError("other-features", "features", "", str(error))


def run_hotline(
    settings: Settings, store: Store, source: Source, decode: Decode, stop: threading.Event, owner: str
) -> None:
    """Watch what ``source`` delivers, as consumer ``owner``, until ``stop`` is set.

    The model is the bundle ``hotline.model`` below ``dqm.models``. Raises NightshiftError for whatever the user can
    mend.
    """
    model = load(Path(settings.dqm.models) / settings.hotline.model)
    position = Position(store, settings.hotline.group, owner, time.time, settings.stream.dead_letter_bytes)
    keeping = HotlineKeeping(store, model, settings.hotline.events_per_hour, position, time.time)
    log.info("watching events", topic=settings.hotline.topic, model=model.version[:12], owner=owner)
    loop.run(source, Hotline(keeping, model, decode), stop, np.random.default_rng())
