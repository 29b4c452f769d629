"""The daemon put together: kinds of streams, sources, handlers, metrics, loops; and the same handlers on files."""

import os
import secrets
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from prometheus_client import CollectorRegistry

from conf.settings import Settings
from opint.consumer.kind import StreamKind
from opint.daemon import threads
from opint.daemon.threads import Stream
from opint.store.engine import Store
from opint.stream_kinds import kind_of_file, recorded_kinds, watched_kinds
from streams import loop
from streams.metrics import Metrics, served

log = structlog.get_logger()


def run_daemon(settings: Settings, store: Store, stop: threading.Event) -> None:
    """Watch all kinds of streams that the settings name, and notify, until ``stop`` is set; raises as run_streams."""
    with ExitStack() as beside:
        if settings.notifications.receivers:
            # Where nobody is to be notified, nothing of it is loaded.
            from opint.notifications.starting import dispatching, make_dispatcher  # noqa: PLC0415

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
        waiting = partial(threads.waiting_reason, streams)
        address = opened.enter_context(served(metrics.registry, *where, waiting, or_free=any_port))
        log.info("watching", daemon=daemon, streams=[kind.name for kind in kinds], metrics=address)
        threads.run(streams, stop, np.random.default_rng())
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
