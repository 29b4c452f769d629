"""The handler of trigger rates: that of histograms with another decoder, model and topic."""

import time
from collections.abc import Callable

from conf.settings import Settings
from dqm.core.bundle_files import BundleError
from dqm.rates.bundle import RateBundle, load
from dqm.rates.levels.model import LevelModel
from dqm.rates.levels.pipeline import LevelPipeline
from dqm.rates.pipeline import RatePipeline
from opint.consumer.stalls import JudgingModel, StallDetector
from opint.lumisections.handler import LumisectionHandler
from opint.lumisections.ingest import LumisectionIngest
from opint.lumisections.judge import RecordJudge
from opint.lumisections.references import RunReferences
from opint.store import models
from opint.store.engine import Store
from opint.triggers.kind import NAME
from opint.triggers.levels import StretchLevels
from streams.metrics import Metrics
from streams.records import TriggerRates
from streams.source import Message, Source


def rate_bundle(settings: Settings) -> RateBundle:
    """The bundle that judges rates, verified; raises BundleError, which says what to run."""
    folder = settings.dqm.models / settings.rates.model
    try:
        return load(folder)
    except BundleError as error:
        raise BundleError(f"trigger rates cannot be watched: {error}; or set rates.watch to false") from error


def rate_pipeline(bundle: RateBundle, settings: Settings) -> RatePipeline | LevelPipeline:
    """Rates with their seeds, or each by itself, as the bundle was trained."""
    judge = LevelPipeline if isinstance(bundle.model, LevelModel) else RatePipeline
    return judge(bundle, settings.rates, settings.dqm, settings.alerts)


def load_rates(settings: Settings, store: Store) -> RecordJudge[TriggerRates]:
    """The model that judges rates, warmed up and on record."""
    bundle = rate_bundle(settings)
    pipeline = rate_pipeline(bundle, settings)
    pipeline.warm_up()
    folder = settings.dqm.models / settings.rates.model
    with store.begin() as tx:
        models.record(tx, bundle.version, settings.rates.model, str(folder), bundle.manifest, time.time())
    return pipeline


def rate_handler(
    settings: Settings,
    store: Store,
    pipeline: RecordJudge[TriggerRates],
    decode: Callable[[Message], TriggerRates],
    source: Source,
    metrics: Metrics,
    name: str,
) -> LumisectionHandler[TriggerRates]:
    """A daemon under a ``name`` that no other has. One message is a whole lumisection, which is closed with it."""
    group = settings.rates.group
    ingest = LumisectionIngest(store, pipeline, settings, name, time.time, group=group, whole=True)
    model = JudgingModel(pipeline.name, pipeline.version, pipeline.trained_s, NAME)
    return LumisectionHandler(
        NAME,
        source,
        decode,
        pipeline,
        ingest,
        store,
        metrics,
        name,
        time.time,
        settings.database.retain_days,
        StallDetector.of(settings, group, model),
        references=StretchLevels(store, pipeline, time.time)
        if isinstance(pipeline, LevelPipeline)
        else RunReferences(store, NAME, pipeline, time.time),
    )
