"""The handler of histograms: the model that judges, the one in shadow, references that follow the runs."""

import gc
import time
from collections.abc import Mapping
from functools import partial

import structlog

from conf.settings import Settings
from dqm.core.control import AlarmLevel
from dqm.histograms.pipeline import Pipeline
from dqm.histograms.resolution import resolutions
from opint.consumer.stalls import JudgingModel, StallDetector
from opint.histograms.kind import NAME
from opint.lumisections.handler import LumisectionHandler
from opint.lumisections.ingest import LumisectionIngest
from opint.lumisections.references import RunReferences
from opint.lumisections.shadow import Shadow
from opint.recordings import limits
from opint.registry.bundles import NamedBundle, current_bundle, load_named
from opint.store import alarm_levels, models
from opint.store.engine import Store
from opint.store.errors import StoreError, StoreUnavailable
from streams.codecs import decode
from streams.metrics import Metrics
from streams.records import HistogramBatch
from streams.source import Source

log = structlog.get_logger()

GARBAGE_OBJECTS = 20_000
"""So many objects that have come and not gone are looked through for circles of references."""


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


def describe_model(settings: Settings, store: Store) -> str:
    """Name, version, resolution and alarm levels of the model that judges; raises BundleError if it cannot be used."""
    levels: Mapping[str, AlarmLevel] = {}
    try:
        store.check_version()
        current = current_bundle(settings.dqm, store)
        with store.read() as tx:
            levels = alarm_levels.newest(tx, current.bundle.version)
    except (StoreError, StoreUnavailable):
        # What is wrong with the database is said elsewhere; without it nothing is promoted.
        current = load_named(settings.dqm, settings.dqm.model)
    pipeline = Pipeline(current.bundle, settings.dqm, settings.alerts)
    lines = [resolution.sentence() for resolution in resolutions(current.bundle, pipeline.thresholds)]
    lines += [f"{dataset}: {level.sentence()}" for dataset, level in sorted(levels.items())]
    return "\n".join([f"{current.name}, version {current.bundle.version[:12]}", *lines])


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
    # A model brings many objects; a full collection that looks at all of them stops the daemon for 0.2 s.
    gc.collect()
    gc.freeze()
    # Arrays are freed without it, and next to nothing refers to itself: to look for that took an eighth of the time.
    gc.set_threshold(GARBAGE_OBJECTS)
    return pipeline


def histogram_handler(
    settings: Settings,
    store: Store,
    pipeline: Pipeline,
    source: Source,
    metrics: Metrics,
    name: str,
    shadow: Pipeline | None = None,
) -> LumisectionHandler[HistogramBatch]:
    """A daemon under a ``name`` that no other has."""
    shadow_judge = None if shadow is None else Shadow(shadow, settings.dqm.frozen_after - 1)
    ingest = LumisectionIngest(store, pipeline, settings, name, time.time, shadow_judge)
    model = JudgingModel(pipeline.name, pipeline.version, pipeline.trained_s)
    return LumisectionHandler(
        NAME,
        source,
        partial(decode, limits=limits(settings.stream)),
        pipeline,
        ingest,
        store,
        metrics,
        name,
        time.time,
        settings.database.retain_days,
        StallDetector.of(settings, settings.stream.kafka.group, model),
        shadow,
        RunReferences(store, NAME, pipeline, time.time, shadow),
    )
