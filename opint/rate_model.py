"""The model and the decoder of trigger rates, loaded where rates are watched."""

import time
from collections.abc import Callable
from functools import partial

from conf.settings import Settings
from dqm.core.bundle_files import BundleError
from dqm.rates.model import RateBundle, load
from dqm.rates.pipeline import RatePipeline
from opint.judging import Judging
from opint.reading import rate_limits
from opint.store import models
from opint.store.engine import Store
from streams.codecs.rates import decode_rates
from streams.records import TriggerRates
from streams.source import Message


def rate_bundle(settings: Settings) -> RateBundle:
    """The bundle that judges rates, verified; raises BundleError, which says what to run."""
    folder = settings.dqm.models / settings.rates.model
    try:
        return load(folder)
    except BundleError as error:
        raise BundleError(f"trigger rates cannot be watched: {error}; or set rates.watch to false") from error


def load_rates(settings: Settings, store: Store) -> Judging[TriggerRates]:
    """The model that judges rates, warmed up and on record."""
    bundle = rate_bundle(settings)
    pipeline: Judging[TriggerRates] = RatePipeline(bundle, settings.rates, settings.dqm, settings.alerts)
    pipeline.warm_up()
    folder = settings.dqm.models / settings.rates.model
    with store.begin() as tx:
        models.record(tx, bundle.version, settings.rates.model, str(folder), bundle.manifest, time.time())
    return pipeline


def rate_decoder(settings: Settings) -> Callable[[Message], TriggerRates]:
    """Makes rates of messages within the limits of the settings."""
    return partial(decode_rates, limits=rate_limits(settings))
