"""The reference of each run, and its centre, chosen when its first message comes and recorded for everybody.

What is chosen depends on what is stored at that moment. So messages that came before the first one of a new run
must have been stored, and the choice stands for the whole run: all daemons, and one that starts again, read it.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import structlog
from sqlalchemy import Connection

from dqm.core.accepted import Accepted
from dqm.core.drift import HELD_BACK, Earlier, Reference, Residuals, RunSums, initial_centre, updated_centre
from dqm.core.state import LumisectionState, ScoredBatch
from dqm.histograms import run_window
from dqm.histograms.bundle import SubsystemModel
from dqm.histograms.pipeline import Pipeline
from dqm.histograms.references.adaptive import WITHIN
from dqm.histograms.references.choice import choose
from dqm.rates.pipeline import RatePipeline
from opint.lumisections import control
from opint.lumisections.judge import Judge, Keyed, Record
from opint.store import acceptances, evidence, references
from opint.store.engine import Store
from opint.store.references import Part
from streams.errors import DecodeError
from streams.records import Catalogue
from streams.source import Message

MOST_RUNS = 16
"""Runs whose references are kept at hand."""
MOST_FOLLOWED = 32
"""Runs that a template follows at most when one is chosen."""

log = structlog.get_logger()

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class LearnedCounts:
    """What a batch leaves: counts for references, residuals for centres; None where it is nothing."""

    sums: RunSums | None
    residuals: Residuals | None


class RunReferences:
    """Gives the pipeline the reference of each run that comes, and the centre about which it is judged.

    A model in ``shadow`` has references and centres of its own.
    """

    def __init__(
        self, store: Store, stream: str, pipeline: Judge, clock: Callable[[], float], shadow: Judge | None = None
    ) -> None:
        """Keep the collaborators; ``stream`` is the kind of it. Nothing is read yet."""
        self._stream = stream
        self._store = store
        self._pipeline = pipeline
        self._pipelines = [pipeline] if shadow is None else [pipeline, shadow]
        self._clock = clock
        self._ready: OrderedDict[tuple[str, int], None] = OrderedDict()

    def parts(
        self, messages: Sequence[Message], batches: Sequence[Record | DecodeError]
    ) -> Iterator[tuple[Sequence[Message], Sequence[Record | DecodeError]]]:
        """The messages in parts; one ends where a new run begins, and must be stored before the next is taken."""
        initial_centre = 0
        for at, batch in enumerate(batches):
            if not isinstance(batch, DecodeError) and (batch.dataset, batch.key.run) not in self._ready:
                if at > initial_centre:
                    yield messages[initial_centre:at], batches[initial_centre:at]
                initial_centre = at
                self._prepare(batch)
        yield messages[initial_centre:], batches[initial_centre:]

    def _prepare(self, batch: Keyed) -> None:
        """Choose for the run of ``batch``, or read what was chosen."""
        dataset, run = batch.dataset, batch.key.run
        with self._store.begin() as tx:
            accepted = acceptances.in_force(tx, self._stream, dataset, run)
            for pipeline in self._pipelines:
                self._adopt(tx, batch, pipeline, accepted)
        self._ready[dataset, run] = None
        while len(self._ready) > MOST_RUNS:
            past = self._ready.popitem(last=False)[0]
            for pipeline in self._pipelines:
                pipeline.drop(*past)

    def _adopt(self, tx: Connection, batch: Keyed, pipeline: Judge, accepted: Mapping[str, Accepted]) -> None:
        """Have the pipeline judge the run of ``batch`` by what is stored before it."""
        dataset, run = batch.dataset, batch.key.run
        chosen = self._references(tx, batch, pipeline, accepted) if isinstance(pipeline, Pipeline) else {}
        if isinstance(pipeline, Pipeline) and pipeline.whole_runs:
            level = control.choose(tx, pipeline, dataset, run, self._clock())
            if level.p_value != level.declared:
                log.info("alarm level", run=run, p_value=level.p_value, declared=level.declared)
        pipeline.adopt(dataset, run, chosen, self._centres(tx, batch, pipeline))
        if accepted and isinstance(pipeline, Pipeline) and not pipeline.whole_runs:
            parts = {
                subsystem: Part(dataset, run, subsystem, pipeline.version)
                for subsystem in accepted
                if subsystem in pipeline.models
            }
            pipeline.accept(
                dataset,
                run,
                accepted,
                {name: self._since_accepted(tx, part, pipeline, accepted[name]) for name, part in parts.items()},
            )
        if accepted and isinstance(pipeline, RatePipeline):
            pipeline.accept(dataset, run, {name for states in accepted.values() for name in states})
        for subsystem, reference in sorted(chosen.items()) if pipeline is self._pipeline else ():
            log.info("reference", run=run, subsystem=subsystem, adaptive=reference.adaptive, reason=reference.reason)

    @staticmethod
    def _since_accepted(tx: Connection, part: Part, pipeline: Pipeline, states: Accepted) -> Earlier:
        """What runs have left since the first of the accepted ``states`` of a subsystem."""
        sums = references.since(tx, part, min(state.since.run for state in states.values()), MOST_FOLLOWED)
        return with_evidence(tx, part.dataset, part.subsystem, pipeline.models[part.subsystem].catalogue, states, sums)

    def _references(
        self, tx: Connection, batch: Keyed, pipeline: Pipeline, accepted: Mapping[str, Accepted]
    ) -> Mapping[str, Reference]:
        """Those of histograms, which alone have any; nothing if they are frozen."""
        if not pipeline.follows:
            return {}
        pileup = pipeline.pileup.standardised(batch.conditions)
        dataset, run, version = batch.dataset, batch.key.run, pipeline.version
        if pipeline.whole_runs:
            latest = {
                subsystem: references.before(tx, Part(dataset, run, subsystem, version), run, run_window.MOST_RUNS)
                for subsystem in pipeline.models
            }
            for subsystem, reference in pipeline.follow(dataset, run, latest, accepted).items():
                references.record(tx, Part(dataset, run, subsystem, version), reference, self._clock())
            return {}
        stored = references.chosen(tx, dataset, run, version)
        for subsystem, model in pipeline.models.items():
            if subsystem not in stored:
                part = Part(dataset, run, subsystem, version)
                references.record(tx, part, _chosen(tx, part, model, pileup), self._clock())
        return references.chosen(tx, dataset, run, version)

    def _centres(self, tx: Connection, batch: Keyed, pipeline: Judge) -> Mapping[str, Float32]:
        """The shifts of the centres about which the run is judged, by subsystem."""
        parts = [Part(batch.dataset, batch.key.run, name, pipeline.version) for name in pipeline.followed]
        sizes = {name: (len(pipeline.expected[name]), pipeline.numbers) for name in pipeline.followed}
        return {part.subsystem: self._centre(tx, part, *sizes[part.subsystem]) for part in parts}

    def _centre(self, tx: Connection, part: Part, elements: int, numbers: int) -> Float32:
        """That of the run before, which it has moved."""
        stored = references.centre_shift(tx, part)
        if stored is None:
            before = references.centre_before(tx, part)
            centre = initial_centre(elements, numbers) if before is None else updated_centre(*before)
            references.record_centre(tx, part, centre, self._clock())
            stored = references.centre_shift(tx, part)
            assert stored is not None  # noqa: S101 - it has just been written
        return stored


def _chosen(tx: Connection, part: Part, model: SubsystemModel, pileup: float) -> Reference:
    first, previous = references.previous(tx, part) or (0, None)
    since = references.since(tx, part, first, MOST_FOLLOWED)
    before = references.before(tx, part, since[0][0] if since else first, WITHIN - 1)
    return choose(model, previous, since, before, part.run, pileup)


def learned_counts(before: LumisectionState | None, batch: ScoredBatch, pipeline: Judge) -> LearnedCounts:
    """What a batch leaves for later runs that is new, given the state of its lumisection before."""
    if batch.sums is None and batch.residuals is None:
        return LearnedCounts(None, None)
    stored = None if before is None else before.parts.get(batch.subsystem)
    if stored is None:
        return LearnedCounts(batch.sums, batch.residuals)
    expected = pipeline.expected[batch.subsystem]
    present_names = {name for name, present in zip(stored.catalogue.names, stored.present, strict=True) if present}
    new = np.array([name not in present_names for name in expected.names])
    if not new.any():
        return LearnedCounts(None, None)
    return LearnedCounts(
        None if batch.sums is None else batch.sums.only(new, expected),
        None if batch.residuals is None else batch.residuals.only(new),
    )


MOST_LUMISECTIONS = 256
"""The newest ones that are read for each element."""


def with_evidence(
    tx: Connection, dataset: str, subsystem: str, catalogue: Catalogue, accepted: Accepted, earlier: Earlier
) -> Earlier:
    """The ``earlier`` sums, and for elements that a run has left none of those of its evidence, in order of run.

    With frozen references no run leaves sums. But of suspicious elements the counts themselves are kept as evidence, so
    that an accepted state is known from the lumisections that showed it.
    """
    sums = dict(earlier)
    for block in catalogue.blocks:
        for row in range(block.start, block.stop):
            name = catalogue.names[row]
            if name in accepted:
                counts_by_run = evidence.counts(tx, dataset, subsystem, name, accepted[name], MOST_LUMISECTIONS)
                for run, counts in counts_by_run.items():
                    sums[run] = _added(sums.get(run), catalogue, row, counts)
    return sorted(sums.items())


def _added(before: RunSums | None, catalogue: Catalogue, row: int, counts: npt.NDArray[np.float64]) -> RunSums:
    """The sums of a run with ``counts`` (L, bins) of the element in this ``row``, unless it has some."""
    sums = RunSums.nothing(catalogue) if before is None else before
    block = next(block for block in catalogue.blocks if block.start <= row < block.stop)
    if sums.histograms[:, row].any() or counts.shape[1] != block.bins:
        return sums
    first = sum((other.stop - other.start) * other.bins for other in catalogue.blocks if other.stop <= block.start)
    first += (row - block.start) * block.bins
    added = RunSums(sums.counts.copy(), sums.leaning.copy(), sums.histograms.copy())
    added.counts[HELD_BACK, first : first + block.bins] = np.rint(counts.sum(axis=0)).astype(np.int64)
    added.histograms[HELD_BACK, row] = len(counts)
    return added
