"""Trigger rates, watched by the daemon of histograms with another decoder, model and topic."""

import time
from collections.abc import Callable

from conf.settings import Settings
from opint.daemon import Daemon
from opint.ingest import Ingest
from opint.judging import Judging
from opint.references import References
from opint.silence import DAY_S, Model, Silence
from opint.store.engine import Store
from streams.metrics import RATES, Metrics
from streams.records import TriggerRates
from streams.source import Message, Source


def rate_daemon(
    settings: Settings,
    store: Store,
    pipeline: Judging[TriggerRates],
    decode: Callable[[Message], TriggerRates],
    source: Source,
    metrics: Metrics,
    name: str,
) -> Daemon[TriggerRates]:
    """A daemon under a ``name`` that no other has. One message is a whole lumisection, which is closed with it."""
    group = settings.rates.group
    ingest = Ingest(store, pipeline, settings, name, time.time, group=group, whole=True)
    silence = Silence(
        Model(pipeline.name, pipeline.version, pipeline.trained_s, RATES),
        group,
        settings.stream.stalled_after_s,
        settings.dqm.oldest_model_days * DAY_S,
    )
    return Daemon(
        RATES,
        source,
        decode,
        pipeline,
        ingest,
        store,
        metrics,
        name,
        time.time,
        settings.database.retain_days,
        silence,
        references=References(store, pipeline, time.time),
    )
