"""Batches in, scores out: everything that is done to a histogram before its lumisection is assembled."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from conf.settings import AlertSettings, DqmSettings
from dqm.core import verdicts
from dqm.core.accepted import Accepted
from dqm.core.budget import thresholds
from dqm.core.drift import Earlier, Reference, is_sampled
from dqm.core.largest_errors import NUMBERS
from dqm.core.quality import Reason
from dqm.core.state import LumisectionState, ScoredBatch, SubsystemScores
from dqm.core.threads import one_thread
from dqm.histograms.bundle import Bundle, SubsystemModel
from dqm.histograms.certification.attribution import (
    ModelCertifier,
)
from dqm.histograms.references import rolling
from dqm.histograms.references.accepted import with_accepted
from dqm.histograms.references.choice import adapted
from dqm.histograms.stage import Stage, own_digests
from streams.arrays import Float32
from streams.records import Catalogue, Conditions, HistogramBatch, LumisectionKey

RunPart = tuple[str, int, str]
"""Dataset, run and subsystem."""

MICRO_BATCH = 32
"""Batches of one subsystem that are scored together."""


class Pipeline:
    """Scores batches with one bundle; pure: equal batches give equal bytes, however they are grouped."""

    numbers = NUMBERS
    """How many numbers of each ME the centres of certification follow."""
    sums_rates = False

    def __init__(self, bundle: Bundle, settings: DqmSettings, alerts: AlertSettings) -> None:
        """Derive the thresholds for ``settings`` and the raise rule of ``alerts``."""
        self.version = bundle.version
        self.name = bundle.name
        self.trained_s = bundle.trained_s
        self.whole_runs = bundle.whole_runs
        self.expected: Mapping[str, Catalogue] = bundle.catalogues
        self._settings = settings
        elements = sum(len(catalogue) for catalogue in self.expected.values())
        self.thresholds = thresholds(
            bundle.folder_p,
            bundle.whole_runs,
            elements,
            settings,
            alerts,
            bundle.certification_p,
            siblings=any(model.siblings is not None for model in bundle.subsystems.values()),
            head_p=bundle.head_p,
        )
        models, limits = bundle.subsystems.items(), self.thresholds
        certified = {
            name: ModelCertifier(model.certification, bundle.pileup)
            for name, model in models
            if model.certification is not None
        }
        heads = {name: model.head for name, model in models if model.head is not None}
        self._judge = verdicts.Judge(
            self.expected,
            {name: model.lumisections for name, model in models},
            limits.folder_p,
            (
                verdicts.WholeTest(certified, limits.certification_p, limits.record_certification_p),
                verdicts.WholeTest(heads, limits.head_p, limits.record_head_p),
            ),
            limits.record_p,
            {name: model.siblings.tables for name, model in models if model.siblings is not None},
            limits.siblings_p,
        )
        self.models: Mapping[str, SubsystemModel] = bundle.subsystems
        self.pileup = bundle.pileup
        self._stage: Callable[[SubsystemModel], Stage] = lambda model: Stage(
            model, bundle, settings, self.thresholds, elements
        )
        self._stages = {name: self._stage(model) for name, model in bundle.subsystems.items()}
        self._adapted: dict[RunPart, Stage] = {}
        self._learning: set[RunPart] = set()

    @property
    def follows(self) -> bool:
        """Whether references may be chosen anew for each run."""
        return self._settings.references == "adaptive" or self.whole_runs

    @property
    def followed(self) -> Sequence[str]:
        """Subsystems that are certified as a whole, about a centre that moves from run to run; in order."""
        return [name for name, model in sorted(self.models.items()) if model.certification is not None]

    def adopt(self, dataset: str, run: int, references: Mapping[str, Reference], shifts: Mapping[str, Float32]) -> None:
        """Judge the run by ``references`` and certify it about shifted centres, of each subsystem, from now on."""
        for subsystem, model in self.models.items():
            reference, shift = references.get(subsystem), shifts.get(subsystem)
            adopted = adapted(model, reference) if reference is not None and reference.adaptive else model
            if adopted.certification is not None and shift is not None:
                adopted = replace(adopted, certification=adopted.certification.moved(shift))
            if adopted is not model:
                self._adapted[dataset, run, subsystem] = self._stage(adopted)

    def accept(self, dataset: str, run: int, accepted: Mapping[str, Accepted], earlier: Mapping[str, Earlier]) -> None:
        """Judge the elements ``accepted`` by what the ``earlier`` runs left of them since; by subsystem.

        It builds on what was adopted for the run, and has the run leave what later ones are judged by.
        """
        for subsystem, states in accepted.items():
            if subsystem in self.models:
                model = self.judging(dataset, run, subsystem)
                self._adapted[dataset, run, subsystem] = self._stage(with_accepted(model, states, earlier[subsystem]))
                self._learning.add((dataset, run, subsystem))

    def judging(self, dataset: str, run: int, subsystem: str) -> SubsystemModel:
        """The model that judges a run: what was adopted for it, or that of the bundle."""
        adopted = self._adapted.get((dataset, run, subsystem))
        return self.models[subsystem] if adopted is None else adopted.model

    def follow(
        self, dataset: str, run: int, earlier: Mapping[str, Earlier], accepted: Mapping[str, Accepted]
    ) -> Mapping[str, Reference]:
        """Judge the run by what the latest runs teach, from now on; by subsystem, what that is.

        ``earlier`` are the runs stored before, of subsystems of whole runs; elements ``accepted`` by an operator are
        learned from where they were.
        """
        references = {}
        for subsystem, later in earlier.items():
            model = self.models[subsystem]
            if model.window is not None:
                window = model.window.before(run, later)
                with one_thread():
                    latest = rolling.refitted(model, window, self._settings, accepted.get(subsystem, {}))
                self._adapted[dataset, run, subsystem] = self._stage(latest)
                references[subsystem] = rolling.reference(model, latest)
        return references

    def drop(self, dataset: str, run: int) -> None:
        """Forget what was adopted for the run."""
        for subsystem in self.models:
            self._adapted.pop((dataset, run, subsystem), None)
            self._learning.discard((dataset, run, subsystem))

    def reach(self, frozen: int) -> int:
        """No more lumisections before one than say whether it is frozen."""
        return frozen

    def warm_up(self) -> None:
        """Run every model once, so that the first message does not wait for compilation."""
        self.score([_zeros(name, catalogue) for name, catalogue in self.expected.items()])

    def score(self, batches: Sequence[HistogramBatch]) -> list[ScoredBatch]:
        """Scores of each batch, in the same order."""
        with one_thread():
            return self._scored(batches)

    def _scored(self, batches: Sequence[HistogramBatch]) -> list[ScoredBatch]:
        scored: dict[int, ScoredBatch] = {}
        parts: dict[RunPart | str, list[int]] = {}
        for place, batch in enumerate(batches):
            own = (batch.dataset, batch.key.run, batch.subsystem)
            parts.setdefault(own if own in self._adapted else batch.subsystem, []).append(place)
        for part, places in parts.items():
            stage = self._stages.get(part) if isinstance(part, str) else self._adapted[part]
            for start in range(0, len(places), MICRO_BATCH):
                chunk = places[start : start + MICRO_BATCH]
                chunk_batches = [batches[place] for place in chunk]
                results = stage.score(chunk_batches) if stage else [_unknown(batch) for batch in chunk_batches]
                scored.update(
                    {
                        place: self._result(batches[place], scores, stage)
                        for place, scores in zip(chunk, results, strict=True)
                    }
                )
        return [scored[place] for place in range(len(batches))]

    def close(self, state: LumisectionState, history: verdicts.History, now_s: float, because: str) -> LumisectionState:
        """Verdicts of a lumisection: :func:`dqm.core.verdicts.close` with this bundle and these settings."""
        return verdicts.close(state, history, self._judge, self._settings, now_s, because)

    def _result(self, batch: HistogramBatch, scores: SubsystemScores, stage: Stage | None) -> ScoredBatch:
        sampled = stage is not None and (self.whole_runs or is_sampled(batch.key))
        learned = self.follows or (batch.dataset, batch.key.run, batch.subsystem) in self._learning
        sums = stage.sums(batch, scores) if stage and sampled and learned else None
        whole = self.models[batch.subsystem].certification if sampled else None
        residuals = stage.residuals(batch, scores, whole) if stage and whole is not None else None
        return ScoredBatch(
            batch.key, batch.dataset, batch.subsystem, batch.conditions, self.version, scores, sums, residuals
        )


def _unknown(batch: HistogramBatch) -> SubsystemScores:
    """A subsystem that the bundle does not know."""
    n = len(batch.catalogue)
    return SubsystemScores(
        batch.catalogue,
        (),
        np.ones(n, dtype=np.bool_),
        np.full(n, np.nan, dtype=np.float32),
        np.empty((0, n), dtype=np.float32),
        own_digests(batch),
        np.full(n, Reason.NO_MODEL, dtype=np.uint8),
    )


def _zeros(subsystem: str, catalogue: Catalogue) -> HistogramBatch:
    n = len(catalogue)
    counts = tuple(np.zeros((block.stop - block.start, block.bins), dtype=np.float32) for block in catalogue.blocks)
    return HistogramBatch(
        LumisectionKey(1, 1), "", subsystem, Conditions(), catalogue, counts, np.zeros((n, 2)), np.zeros(n)
    )
