"""The daemon put together: models, sources, handlers, metrics, loops; and the same pipelines on files."""

import gc
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from prometheus_client import CollectorRegistry

from conf.settings import Settings, StreamSettings
from dqm.histograms.pipeline import Pipeline
from dqm.histograms.resolution import resolutions
from opint.consumer.stalls import DAY_S, JudgingModel, StallDetector
from opint.daemon import threads
from opint.daemon.threads import Stream
from opint.hotline import handler
from opint.hotline.handler import EventHandler, open_hotline
from opint.lumisections.handler import LumisectionHandler
from opint.lumisections.ingest import LumisectionIngest
from opint.lumisections.references import RunReferences
from opint.lumisections.shadow import Shadow
from opint.recordings import event_limits, histogram_files, limits, rate_messages
from opint.registry.promotion import NamedBundle, current_bundle, load_named
from opint.store import models
from opint.store.engine import Store
from opint.triggers.handler import rate_handler
from streams import loop
from streams.codecs import decode
from streams.codecs.events import decode_events
from streams.files.arrow_file import messages
from streams.files.kinds import Kind, kind_of
from streams.files.source import FileSource, FolderSource
from streams.kafka import KafkaSource
from streams.metrics import EVENTS, HISTOGRAMS, RATES, Metrics, served
from streams.records import HistogramBatch, TriggerRates
from streams.source import Source
from streams.subprocess_source import SubprocessSource

log = structlog.get_logger()


def run_daemon(settings: Settings, store: Store, stop: threading.Event) -> None:
    """Judge what the settings' source delivers until ``stop`` is set, and trigger rates and events if they are watched.

    Models are loaded and warmed up before sources are opened, so that no time of the consumer
    session is spent on that. Raises NightshiftError for whatever the user can mend.
    """
    pipeline, shadow = load_pipeline(settings, store), load_shadow(settings, store)
    rates = _rate_handler_factory(settings, store) if settings.rates.watch else None
    events = _event_handler_factory(settings, store) if settings.hotline.watch else None
    metrics = Metrics(CollectorRegistry())
    with ExitStack() as opened:
        source = opened.enter_context(closing(open_source(settings.stream)))
        daemon = histogram_handler(settings, store, pipeline, source, metrics, shadow)
        streams = [Stream(HISTOGRAMS, source, daemon)]
        if rates is not None:
            source = opened.enter_context(closing(KafkaSource(settings.kafka_of(settings.rates))))
            streams.append(Stream(RATES, source, rates(source, metrics)))
        if events is not None:
            source = opened.enter_context(closing(KafkaSource(settings.kafka_of(settings.hotline))))
            streams.append(Stream(EVENTS, source, events(source, metrics)))
        where = settings.metrics.host, settings.metrics.port
        address = opened.enter_context(served(metrics.registry, *where, partial(threads.waiting_reason, streams)))
        log.info("watching", daemon=daemon.name, model=pipeline.version[:12], metrics=address)
        threads.run(streams, stop, np.random.default_rng())
    log.info("stopped", daemon=daemon.name)


def _rate_handler_factory(
    settings: Settings, store: Store
) -> Callable[[Source, Metrics], LumisectionHandler[TriggerRates]]:
    """What makes the daemon of trigger rates, whose model is ready."""
    from opint.triggers.handler import load_rates, rate_decoder  # noqa: PLC0415 - only where rates are watched

    pipeline, decode_ = load_rates(settings, store), rate_decoder(settings)
    name = f"{own_name()}:{RATES}"
    return lambda source, metrics: rate_handler(settings, store, pipeline, decode_, source, metrics, name)


def _event_handler_factory(settings: Settings, store: Store) -> Callable[[Source, Metrics], EventHandler]:
    """What makes the hotline, whose model is ready."""
    model, decode_ = open_hotline(settings, store), partial(decode_events, limits=event_limits(settings))
    name = f"{own_name()}:{EVENTS}"
    return lambda source, metrics: handler.event_handler(settings, store, model, decode_, source, metrics, name)


def load_pipeline(settings: Settings, store: Store) -> Pipeline:
    """The model that judges, warmed up and on record; what the process holds by then is taken to stay."""
    return _load_on_record(settings, store, current_bundle(settings.dqm, store))


def load_shadow(settings: Settings, store: Store) -> Pipeline | None:
    """The model that judges beside it, warmed up and on record; None if there is none or it is the same."""
    if not settings.dqm.shadow:
        return None
    shadow = load_named(settings.dqm, settings.dqm.shadow)
    if shadow.bundle.version == current_bundle(settings.dqm, store).bundle.version:
        log.warning("the model in shadow is the one that judges: nothing to compare", name=shadow.name)
        return None
    return _load_on_record(settings, store, shadow)


def _load_on_record(settings: Settings, store: Store, named: NamedBundle) -> Pipeline:
    bundle, folder = named.bundle, settings.dqm.models / named.name
    pipeline = Pipeline(bundle, settings.dqm, settings.alerts)
    pipeline.warm_up()
    reached = resolutions(bundle, pipeline.thresholds)
    manifest = {**bundle.manifest, "resolution": [resolution.sentence() for resolution in reached]}
    for resolution in reached:
        if not resolution.suffices:
            log.warning(
                "model cannot tell what the budget asks for", model=named.name, resolution=resolution.sentence()
            )
    with store.begin() as tx:
        models.record(tx, bundle.version, named.name, str(folder), manifest, time.time())
    # TensorFlow brings a million objects; a full collection that looks at all of them stops the daemon for 0.2 s.
    gc.collect()
    gc.freeze()
    return pipeline


def own_name() -> str:
    """A name that no other consumer has."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def histogram_handler(
    settings: Settings,
    store: Store,
    pipeline: Pipeline,
    source: Source,
    metrics: Metrics,
    shadow: Pipeline | None = None,
) -> LumisectionHandler[HistogramBatch]:
    """A daemon under a name that no other has."""
    name = own_name()
    shadow_judge = None if shadow is None else Shadow(shadow, settings.dqm.frozen_after - 1)
    ingest = LumisectionIngest(store, pipeline, settings, name, time.time, shadow_judge)
    centred = pipeline.followed or (shadow is not None and shadow.followed)
    followed = RunReferences(store, pipeline, time.time, shadow) if pipeline.follows or centred else None
    return LumisectionHandler(
        HISTOGRAMS,
        source,
        partial(decode, limits=limits(settings.stream)),
        pipeline,
        ingest,
        store,
        metrics,
        name,
        time.time,
        settings.database.retain_days,
        stall_detector(settings, pipeline),
        shadow,
        followed,
    )


def stall_detector(settings: Settings, pipeline: Pipeline) -> StallDetector:
    """What watches over partitions and the age of the model, as the settings say."""
    return StallDetector(
        JudgingModel(pipeline.name, pipeline.version, pipeline.trained_s),
        settings.stream.kafka.group,
        settings.stream.stalled_after_s,
        settings.dqm.oldest_model_days * DAY_S,
    )


def open_source(settings: StreamSettings) -> Source:
    """The broker or the folder that the settings name."""
    if settings.source == "folder":
        return FolderSource(
            settings.folder.path,
            settings.folder.pattern,
            settings.folder.settle_s,
            limits(settings),
            time.time,
            read=histogram_files(settings),
        )
    # Half of the time that the broker waits: so another consumer has the partitions within it, whichever half stops.
    return SubprocessSource(partial(KafkaSource, settings.kafka), settings.kafka.session_timeout_s / 2)


def score_files(settings: Settings, store: Store, files: Sequence[Path], stop: threading.Event) -> None:
    """Judge files to their end, as the daemon would; then close what is still open.

    Histograms come first, then trigger rates, then events, each with its own model, which is loaded only where it is
    needed.
    """
    metrics = Metrics(CollectorRegistry())
    kinds = {path.resolve(): kind_of(path, limits(settings.stream)) for path in files}
    if histograms := [path for path, kind in kinds.items() if kind is Kind.HISTOGRAMS]:
        pipeline, shadow = load_pipeline(settings, store), load_shadow(settings, store)
        source = FileSource(histograms, limits(settings.stream), time.time, read=histogram_files(settings.stream))
        _judge_all(histogram_handler(settings, store, pipeline, source, metrics, shadow), source, stop)
    if recorded := [path for path, kind in kinds.items() if kind is Kind.RATES]:
        source = FileSource(recorded, limits(settings.stream), time.time, read=rate_messages(settings))
        _judge_all(_rate_handler_factory(settings, store)(source, metrics), source, stop)
    if recorded := [path for path, kind in kinds.items() if kind is Kind.EVENTS]:
        source = FileSource(recorded, limits(settings.stream), time.time, read=messages)
        _judge_all(_event_handler_factory(settings, store)(source, metrics), source, stop)


def _judge_all(watcher: LumisectionHandler[Any] | EventHandler, source: Source, stop: threading.Event) -> None:
    loop.run(source, watcher, stop, np.random.default_rng())
    if not stop.is_set():
        watcher.finish()
    watcher.stopped()
