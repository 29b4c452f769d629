"""What the daemon does with rates that are judged one by one, without broker and database.

The levels before each stretch are those that :mod:`opint.triggers.handler` would store.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dqm.core.assembly import merge
from dqm.core.state import EarlierRates, LumisectionState
from dqm.rates.levels.judgement import Before
from dqm.rates.levels.pipeline import LevelPipeline
from dqm.rates.levels.state import Levels, stretch_of
from dqm.rates.result import SUBSYSTEM
from opint.store.neighbours import StoredContent
from streams.records import TriggerRates

FROZEN = 2


@dataclass(frozen=True, slots=True, eq=False)
class _Stretch:
    run: int
    number: int
    levels: Levels


def watch(pipeline: LevelPipeline, records: Iterable[TriggerRates]) -> Iterator[LumisectionState]:
    """Closed lumisections of one dataset, which come in order."""
    history: list[StoredContent] = []
    since: list[EarlierRates] = []
    stretch: _Stretch | None = None
    for record in records:
        place = record.key.run, stretch_of(record.key)
        if stretch is None or place != (stretch.run, stretch.number):
            before = stretch
            levels = pipeline.initial() if before is None else pipeline.levels_after(before.levels, since)
            stretch = _Stretch(*place, levels)
            since = []
            chosen = stretch if before is None or before.run != place[0] else before
            pipeline.judge_by(record.dataset, record.key, Before(chosen.levels, chosen.number))
        state = judged(pipeline, record, history)
        history = [*history[-pipeline.reach(FROZEN) + 1 :], content(state)]
        rates = history[-1].rates
        if rates is not None:
            since.append(rates)
        yield state


def judged(pipeline: LevelPipeline, record: TriggerRates, history: Sequence[StoredContent]) -> LumisectionState:
    """One lumisection after those of ``history``."""
    (scored,) = pipeline.score([record])
    return pipeline.close(merge(None, scored, 0.0).state, {SUBSYSTEM: list(history)}, 0.0, "complete")


def content(state: LumisectionState) -> StoredContent:
    """What later lumisections are judged by."""
    part = state.parts[SUBSYSTEM]
    assert part.bands is not None
    rates = EarlierRates(state.key, state.conditions, part.catalogue.names, part.bands)
    return StoredContent(state.key, part.catalogue.digest, part.digests, rates)
