"""The loop: messages of a source go to a handler, once each, whatever is away for a while.

What came and is not handled yet is retained as one batch. While the handler says that something it needs
cannot be reached, the source is paused, polling goes on so that our partitions stay ours, and the same
batch is tried again after growing pauses. systemd hears how the daemon is by the sd_notify protocol (sd_notify(3)).
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from streams.errors import FencedError, SourceUnavailable, Unavailable
from streams.source import Loss, Message, Partition, Source


def systemd_notify(state: str) -> None:
    """Send ``READY=1``, ``WATCHDOG=1``, ``STOPPING=1`` or ``STATUS=…`` to systemd.

    Does nothing where systemd does not listen (NOTIFY_SOCKET is not set) or no longer does.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        # A name in Linux's abstract name space begins with a zero byte.
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.sendto(state.encode(), address)
    except OSError:
        return


POLL_S = 0.5
"""Longest wait for messages, s."""

TICK_S = 1.0
"""Time between ticks while nothing else is done, s."""

FIRST_PAUSE_S = 0.25
"""Longest pause before the first retry, s; it doubles each time."""

LONGEST_PAUSE_S = 30.0
"""No pause between two tries of the handler is longer, s."""

LONGEST_POLL_PAUSE_S = 5.0
"""No pause between two tries of the source is longer, s; asking it is cheap."""

SHORTEST_WAIT_S = 0.01
"""The rest after a poll that returned nothing at once, s."""

RECLAIM_S = 30.0
"""After how long a partition that the source calls ours, and from which we were fenced, is claimed again, s."""


class Handler(Protocol):
    """What is done with messages; any method may raise Unavailable and is then called again later."""

    def claim(self, partitions: Sequence[Partition]) -> Mapping[Partition, int | None]:
        """Take partitions over; the next wanted offset of each, None if nothing is stored."""

    def handle(self, messages: Sequence[Message]) -> Mapping[Partition, int]:
        """Take messages in and store the offsets behind them, which are returned.

        All or nothing; raises FencedError if a partition belongs to another consumer now.
        """

    def lost(self, loss: Loss) -> None:
        """Take note of messages that are gone, and that the partition goes on at ``loss.resumed``."""

    def tick(self) -> None:
        """Do what is due by time; called about once a second. May raise FencedError, as :meth:`handle`."""

    def waiting(self, reason: str) -> None:
        """Something is away and is being tried again; an empty reason ends that. Must not raise."""


def run(
    source: Source,
    handler: Handler,
    stop: threading.Event,
    rng: np.random.Generator,
    *,
    clock: Callable[[], float] = time.monotonic,
    notify: Callable[[str], None] = systemd_notify,
) -> None:
    """Move messages until ``stop`` is set or the source is exhausted; then close the source.

    ``clock`` gives seconds, of which only differences count; ``rng`` spreads the retries of several
    daemons; ``notify`` hears READY=1, WATCHDOG=1 while the loop moves, and STOPPING=1. On ``stop`` the
    batch in hand is finished if one try does it; if not, nothing is lost, since its offsets are not
    stored. Any exception other than Unavailable and FencedError is a fault and comes out after closing.
    """
    loop = _Loop(source, handler, stop, clock, notify, _Retry(clock, rng, LONGEST_POLL_PAUSE_S), _Retry(clock, rng))
    try:
        notify("READY=1")
        while not stop.is_set() and not loop.finished():
            loop.round()
    finally:
        notify("STOPPING=1")
        source.close()


@dataclass
class _Retry:
    """Growing pauses between tries; spread at random by a half, so that daemons do not return together."""

    clock: Callable[[], float]
    rng: np.random.Generator
    longest_s: float = LONGEST_PAUSE_S
    failures: int = 0
    due_s: float = 0.0

    def postpone(self) -> None:
        """Count a failure and put the next try off."""
        pause = min(self.longest_s, FIRST_PAUSE_S * 2.0 ** min(self.failures, 30)) * self.rng.uniform(0.5, 1.0)
        self.failures += 1
        self.due_s = self.clock() + pause

    def remaining(self) -> float:
        """Seconds until the next try; 0 if it is due or nothing has failed."""
        return max(0.0, self.due_s - self.clock()) if self.failures else 0.0

    def clear(self) -> bool:
        """Forget the failures; whether there were any."""
        failed, self.failures = self.failures > 0, 0
        return failed


@dataclass
class _Loop:
    """What is in hand between two rounds."""

    source: Source
    handler: Handler
    stop: threading.Event
    clock: Callable[[], float]
    notify: Callable[[str], None]
    polling: _Retry
    handling: _Retry
    unclaimed: list[Partition] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    batch: list[Message] = field(default_factory=list)
    fenced: dict[Partition, float] = field(default_factory=dict)
    ticked_s: float = float("-inf")
    beat_s: float = float("-inf")

    def finished(self) -> bool:
        """Whether nothing is in hand and nothing can follow."""
        in_hand = self.batch or self.losses or self.unclaimed or self.handling.failures
        return self.source.exhausted() and not in_hand

    def round(self) -> None:
        """Poll once, and work off what is in hand unless its next try is not due yet."""
        self._beat()
        self._poll()
        if self.handling.remaining() > 0:
            return
        try:
            self._claim()
            self._report_losses()
            self._handle()
            self._tick()
        except Unavailable as error:
            self._hold(error)
        else:
            self._release()

    def _beat(self) -> None:
        if self.clock() - self.beat_s >= TICK_S:
            self.beat_s = self.clock()
            self.notify("WATCHDOG=1")

    def _poll(self) -> None:
        if pause := self.polling.remaining():
            self.stop.wait(min(pause, POLL_S))
            return
        began_s = self.clock()
        try:
            messages = self.source.poll(min(POLL_S, self.handling.remaining() or POLL_S))
        except SourceUnavailable as error:
            self.polling.postpone()
            self.handler.waiting(str(error))
            return
        if self.polling.clear() and not self.handling.failures:
            self.handler.waiting("")
        self._take(messages)
        if not messages and self.clock() - began_s < SHORTEST_WAIT_S:
            # A source may return at once; without a rest here the loop would spin.
            self.stop.wait(SHORTEST_WAIT_S)

    def _take(self, messages: Sequence[Message]) -> None:
        fresh = self.source.claimed()
        for partition in fresh:
            self.fenced.pop(partition, None)
        self.unclaimed.extend(fresh)
        # What was in hand of a partition that went and came back will be delivered again.
        claimed = self.source.owned() - set(self.unclaimed) - set(self.fenced)
        # A loss moves the stored offset, so what came before it has to be handled first.
        noticed = () if self.batch else self.source.losses()
        self.losses = [loss for loss in [*self.losses, *noticed] if loss.partition in claimed]
        self.batch = [message for message in [*self.batch, *messages] if message.partition in claimed]

    def _claim(self) -> None:
        owned = self.source.owned()
        for partition, since_s in list(self.fenced.items()):
            # Claims can cross, so that the name of a consumer stays that has lost the partition since.
            if partition in owned and self.clock() - since_s >= RECLAIM_S:
                del self.fenced[partition]
                self.unclaimed.append(partition)
        claimable = [partition for partition in dict.fromkeys(self.unclaimed) if partition in owned]
        if claimable:
            offsets = self.handler.claim(claimable)
            for partition in claimable:
                self.source.start_at(partition, offsets.get(partition))
        self.unclaimed.clear()

    def _report_losses(self) -> None:
        while self.losses:
            try:
                self.handler.lost(self.losses[0])
            except FencedError as error:
                self._fence(error, {self.losses[0].partition})
            else:
                del self.losses[0]

    def _handle(self) -> None:
        while self.batch:
            try:
                stored = self.handler.handle(tuple(self.batch))
            except FencedError as error:
                self._fence(error, {message.partition for message in self.batch})
            else:
                self.batch.clear()
                self.source.processed(stored)

    def _fence(self, error: FencedError, suspects: set[Partition]) -> None:
        gone = {partition for partition in suspects if partition == error.partition} or suspects
        self.fenced.update(dict.fromkeys(gone, self.clock()))
        self.batch = [message for message in self.batch if message.partition not in gone]
        self.losses = [loss for loss in self.losses if loss.partition not in gone]

    def _tick(self) -> None:
        if self.clock() - self.ticked_s >= TICK_S:
            try:
                self.handler.tick()
            except FencedError as error:
                self._fence(error, set(self.source.owned()))
            self.ticked_s = self.clock()

    def _hold(self, error: Unavailable) -> None:
        if not self.handling.failures:
            self.source.pause()
        self.handling.postpone()
        self.handler.waiting(str(error))

    def _release(self) -> None:
        if self.handling.clear():
            self.source.resume()
            self.handler.waiting("")
