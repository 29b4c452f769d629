"""The daemon put together: kinds of streams, sources, handlers, metrics, loops; and the same handlers on files.

Streams run side by side in one process: a thread and a loop for each, one fate for all. A thread suffices where scoring
is short; what takes a core, fetching histograms, has a process of its own.
"""

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import structlog
from prometheus_client import CollectorRegistry

from conf.settings import Settings
from opint.consumer.kind import StreamKind
from opint.store.engine import Store
from opint.stream_kinds import kind_of_file, recorded_kinds, watched_kinds
from streams import loop
from streams.loop import Handler, systemd_notify
from streams.metrics import Metrics, served
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


log = structlog.get_logger()


def run_daemon(settings: Settings, store: Store, stop: threading.Event) -> None:
    """Watch all kinds of streams that the settings name, and notify, until ``stop`` is set; raises as run_streams."""
    with ExitStack() as beside:
        if settings.notifications.receivers:
            # Where nobody is to be notified, nothing of it is loaded.
            from opint.notifications.dispatcher import dispatching, make_dispatcher  # noqa: PLC0415

            dispatcher = make_dispatcher(settings, store, os.environ, f"{own_name()}:notifications", time.time)
            beside.enter_context(dispatching(dispatcher, stop.set))
        run_streams(watched_kinds(settings), settings, store, stop)


def run_streams(
    kinds: Sequence[StreamKind[Any]],
    settings: Settings,
    store: Store,
    stop: threading.Event,
    *,
    any_port: bool = False,
) -> None:
    """Watch these kinds of streams until ``stop`` is set.

    ``any_port`` says that metrics may be served at a free port where another process has that of the settings. Models
    are loaded and warmed up before sources are opened, so that no time of the consumer session is spent on that. Raises
    NightshiftError for whatever the user can mend.
    """
    daemon, metrics = own_name(), Metrics(CollectorRegistry())
    prepared = [(kind, kind.prepare(settings, store)) for kind in kinds]
    with ExitStack() as opened:
        streams = []
        for kind, handler in prepared:
            source = opened.enter_context(closing(kind.open_source(settings)))
            streams.append(Stream(kind.name, source, handler(source, metrics, f"{daemon}:{kind.name}")))
        where = settings.metrics.host, settings.metrics.port
        waiting = partial(waiting_reason, streams)
        address = opened.enter_context(served(metrics.registry, *where, waiting, or_free=any_port))
        log.info("watching", daemon=daemon, streams=[kind.name for kind in kinds], metrics=address)
        run(streams, stop, np.random.default_rng())
    log.info("stopped", daemon=daemon)


def own_name() -> str:
    """A name that no other process has."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def score_files(settings: Settings, store: Store, files: Sequence[Path], stop: threading.Event) -> None:
    """Judge files to their end, as the daemon would; then close what is still open.

    Kinds come in the order of their registry, each with its own model, which is loaded only where it is needed.
    """
    daemon, metrics = own_name(), Metrics(CollectorRegistry())
    kind_by_path = {path.resolve(): kind_of_file(path, settings) for path in files}
    for kind in recorded_kinds():
        paths = [path for path, kind_of_path in kind_by_path.items() if kind_of_path is kind]
        if not paths:
            continue
        handler = kind.prepare(settings, store)
        source = kind.file_source(paths, settings)
        watcher = handler(source, metrics, f"{daemon}:{kind.name}")
        loop.run(source, watcher, stop, np.random.default_rng())
        if not stop.is_set():
            watcher.finish()
        watcher.stopped()
