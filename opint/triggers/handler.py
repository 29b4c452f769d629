"""The handler of trigger rates: that of histograms with another decoder, model and topic, and levels for each stretch.

The levels that a stretch of a run is judged by are chosen when its first message comes and recorded for everybody. They
follow what is stored at that moment, as references of histograms do (:mod:`opint.lumisections.references`): so messages
before the first one of a new stretch must have been stored, and all daemons read the same.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from conf.settings import Settings
from dqm.core.bundle_files import BundleError
from dqm.rates.bundle import RateBundle, load
from dqm.rates.levels.judgement import Before
from dqm.rates.levels.model import LevelModel
from dqm.rates.levels.pipeline import LevelPipeline
from dqm.rates.levels.state import stretch_of
from dqm.rates.pipeline import RatePipeline
from opint.consumer.stalls import JudgingModel, StallDetector
from opint.lumisections.handler import LumisectionHandler
from opint.lumisections.ingest import LumisectionIngest
from opint.lumisections.judge import Record, RecordJudge
from opint.lumisections.references import RunReferences
from opint.store import acceptances, models, rate_levels
from opint.store.engine import Store
from opint.store.rate_levels import StoredLevels
from opint.triggers.kind import NAME
from streams.errors import DecodeError
from streams.metrics import Metrics
from streams.records import LumisectionKey, TriggerRates
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


MOST_STRETCHES = 256
"""Stretches whose levels are kept at hand."""

_Place = tuple[str, int, int]


class StretchLevels:
    """Gives the pipeline the levels of each stretch that comes."""

    def __init__(self, store: Store, pipeline: LevelPipeline, clock: Callable[[], float]) -> None:
        """Keep the collaborators; nothing is read yet."""
        self._store = store
        self._pipeline = pipeline
        self._clock = clock
        self._ready: OrderedDict[_Place, None] = OrderedDict()

    def parts(
        self, messages: Sequence[Message], batches: Sequence[Record | DecodeError]
    ) -> Iterator[tuple[Sequence[Message], Sequence[Record | DecodeError]]]:
        """The messages in parts; one ends where a new stretch begins, and must be stored before the next is taken."""
        begin = 0
        for at, batch in enumerate(batches):
            if isinstance(batch, DecodeError):
                continue
            place = batch.dataset, batch.key.run, stretch_of(batch.key)
            if place not in self._ready:
                if at > begin:
                    yield messages[begin:at], batches[begin:at]
                begin = at
                self._prepare(batch.dataset, batch.key)
                self._ready[place] = None
        yield messages[begin:], batches[begin:]

    def _prepare(self, dataset: str, key: LumisectionKey) -> None:
        with self._store.begin() as tx:
            own = self._levels(tx, dataset, key.run, stretch_of(key))
            in_front = rate_levels.before(tx, dataset, self._pipeline.version, key.run, stretch_of(key))
        # Lumisections of the stretch in front count as those since, so that sums go on across the border; but not where
        # a level was accepted as the new one in between, or that was revoked.
        goes_on = in_front is not None and in_front.run == key.run and not own.fresh
        chosen = in_front if in_front is not None and goes_on else own
        self._pipeline.judge_by(dataset, key, Before(chosen.levels, chosen.stretch))
        while len(self._ready) > MOST_STRETCHES:
            past, run, _ = self._ready.popitem(last=False)[0]
            if not any(place[:2] == (past, run) for place in self._ready):
                self._pipeline.drop(past, run)

    def _levels(self, tx: Connection, dataset: str, run: int, stretch: int) -> StoredLevels:
        version = self._pipeline.version
        stored = rate_levels.load(tx, dataset, version, run, stretch)
        if stored is not None:
            return stored
        levels, before = self._pipeline.initial(), rate_levels.before(tx, dataset, version, run, stretch)
        own = StoredLevels(run, stretch, levels, self._clock())
        if before is not None:
            since = rate_levels.rates_between(tx, dataset, version, before.begin, own.begin)
            levels = self._pipeline.levels_after(before.levels, since)
            for element, at_s in acceptances.revoked_after(tx, NAME, dataset, before.updated_s).items():
                stood = rate_levels.before(tx, dataset, version, run, stretch, at_s)
                earlier = self._pipeline.initial() if stood is None else stood.levels
                levels, own = self._pipeline.restoring(levels, earlier, [element]), replace(own, fresh=True)
            accepted = acceptances.accepted_after(tx, NAME, dataset, before.updated_s)
            if accepted:
                levels, own = self._pipeline.forgetting(levels, accepted), replace(own, fresh=True)
        rate_levels.record(tx, replace(own, levels=levels), dataset, version)
        stored = rate_levels.load(tx, dataset, version, run, stretch)
        assert stored is not None  # noqa: S101 - it has just been written
        return stored
