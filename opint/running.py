"""The daemon put together: model, source, metrics, loop."""

import gc
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import structlog
from prometheus_client import CollectorRegistry

from conf.settings import Settings, StreamSettings
from dqm.bundle import load
from dqm.pipeline import Pipeline
from opint.daemon import Daemon
from opint.ingest import Ingest
from opint.reading import limits
from opint.store import models
from opint.store.engine import Store
from streams import loop
from streams.files.source import FileSource, FolderSource
from streams.kafka import KafkaSource
from streams.metrics import Metrics, served
from streams.source import Source

SWITCH_SECONDS = 0.0005
"""kafka-python reads its sockets in a thread of its own; with Python's 5 ms it waits too long beside scoring."""

log = structlog.get_logger()


def run_daemon(settings: Settings, store: Store, stop: threading.Event) -> None:
    """Judge what the settings' source delivers until ``stop`` is set.

    The model is loaded and warmed up before the source is opened, so that no time of the consumer
    session is spent on that. Raises NightshiftError for whatever the user can mend.
    """
    pipeline = load_pipeline(settings, store)
    metrics = Metrics(CollectorRegistry())
    daemon = assemble(settings, store, pipeline, open_source(settings.stream), metrics)
    with served(metrics.registry, settings.metrics.host, settings.metrics.port, daemon.trouble) as address:
        log.info("watching", daemon=daemon.name, model=pipeline.version[:12], metrics=address)
        loop.run(daemon.source, daemon, stop, np.random.default_rng())
    daemon.stopped()
    log.info("stopped", daemon=daemon.name)


def load_pipeline(settings: Settings, store: Store) -> Pipeline:
    """The settings' model, warmed up and on record; what the process holds by then is taken to stay."""
    folder = settings.dqm.models / settings.dqm.model
    bundle = load(folder)
    pipeline = Pipeline(bundle, settings.dqm, settings.alerts)
    pipeline.warm_up()
    with store.begin() as tx:
        models.record(tx, bundle.version, settings.dqm.model, str(folder), bundle.manifest, time.time())
    # TensorFlow brings a million objects; a full collection that looks at all of them stops the daemon for 0.2 s.
    gc.collect()
    gc.freeze()
    return pipeline


def assemble(settings: Settings, store: Store, pipeline: Pipeline, source: Source, metrics: Metrics) -> Daemon:
    """A daemon under a name that no other has."""
    name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    ingest = Ingest(store, pipeline, settings, name, time.time)
    return Daemon(
        source,
        pipeline,
        ingest,
        store,
        limits(settings.stream),
        metrics,
        name,
        time.time,
        settings.database.retain_days,
    )


def open_source(settings: StreamSettings) -> Source:
    """The broker or the folder that the settings name."""
    if settings.source == "folder":
        return FolderSource(
            settings.folder.path, settings.folder.pattern, settings.folder.settle_s, limits(settings), time.time
        )
    sys.setswitchinterval(SWITCH_SECONDS)
    return KafkaSource(settings.kafka)


def score_files(settings: Settings, store: Store, files: Sequence[Path], stop: threading.Event) -> None:
    """Judge files to their end, as the daemon would; then close what is still open."""
    pipeline = load_pipeline(settings, store)
    source = FileSource([path.resolve() for path in files], limits(settings.stream), time.time)
    daemon = assemble(settings, store, pipeline, source, Metrics(CollectorRegistry()))
    loop.run(source, daemon, stop, np.random.default_rng())
    if not stop.is_set():
        daemon.finish()
    daemon.stopped()
