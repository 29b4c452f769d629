"""Streams side by side in one process: a thread and a loop for each, one fate for all.

A thread suffices where scoring is short; what takes a core, fetching histograms, has a process of its own.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from streams import loop
from streams.loop import Handler, systemd_notify
from streams.source import Source


class ReportingHandler(Handler, Protocol):
    """A handler that reports its state."""

    def waiting_reason(self) -> str:
        """The reason why it waits; empty if it does not."""

    def stopped(self) -> None:
        """Record that it was stopped on purpose, where that can be recorded."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A source and the handler of its messages; ``name`` is that of the thread."""

    name: str
    source: Source
    watcher: ReportingHandler


def run(
    streams: Sequence[Stream],
    stop: threading.Event,
    rng: np.random.Generator,
    notify: Callable[[str], None] = systemd_notify,
) -> None:
    """Move the messages of all streams until ``stop`` is set; the first of them in this thread.

    If one ends by an exception, all are stopped, and it is raised here.
    """
    watchdog = WatchdogBarrier([stream.name for stream in streams], notify)
    failures: list[BaseException] = []

    def move(stream: Stream, own: np.random.Generator) -> None:
        try:
            loop.run(stream.source, stream.watcher, stop, own, notify=watchdog.notifier(stream.name))
        except BaseException as error:
            failures.append(error)
            stop.set()

    parts = list(zip(streams, rng.spawn(len(streams)), strict=True))
    threads = [threading.Thread(target=move, args=part, name=part[0].name) for part in parts[1:]]
    for thread in threads:
        thread.start()
    move(*parts[0])
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    for stream in streams:
        stream.watcher.stopped()


def waiting_reason(streams: Sequence[Stream]) -> str:
    """Why streams wait, in one line; empty if none does."""
    reasons = [(stream.name, stream.watcher.waiting_reason()) for stream in streams]
    return "; ".join(why if len(streams) == 1 else f"{name}: {why}" for name, why in reasons if why)


class WatchdogBarrier:
    """Passes a notification on when all loops have sent it, so that a loop that hangs is not hidden by the others."""

    def __init__(self, names: Sequence[str], notify: Callable[[str], None]) -> None:
        """``names`` are those of the loops that must have sent it."""
        self._names = frozenset(names)
        self._notify = notify
        self._lock = threading.Lock()
        self._said: dict[str, set[str]] = {}

    def notifier(self, name: str) -> Callable[[str], None]:
        """The function by which the loop of this name notifies."""

        def say(state: str) -> None:
            with self._lock:
                notified = self._said.setdefault(state, set())
                notified.add(name)
                if notified == self._names:
                    notified.clear()
                    self._notify(state)

        return say
