"""Entries that one monitoring element, or one folder, loses: are they missed, and is more missed than is lost?

One subsystem of the simulator's own detector under real conditions (``oms`` of the data folder; generated ones where it
is absent), with models of the first 60 % of an era that judge what comes later. What luminosity and pileup were is told
(*known*) or kept back (*unknown*), as in files without conditions. In the simulator the elements of a subsystem rise
and fall together but for counting errors, which flatters siblings: so in *wandering* ones each loses up to a sixth of
its entries, another part in each run. Each fault takes a share of the entries for ten lumisections, and is found where
two of three in a row say STARVED of what it hit. False ones are lumisections of which STARVED or OVERFULL is said
without a fault.

The peer is the same model without siblings: luminosity, or the median of what there is usually.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import numpy as np
import numpy.typing as npt

from benchmarks.detection import EARLIER_SHARE, Lumisections, eras, stretches
from benchmarks.intervals import wilson
from benchmarks.report import Progress, Result
from conf.settings import AlertSettings, DqmSettings
from dqm.core.assembly import merge
from dqm.core.quality import OF_ENTRIES
from dqm.core.state import LumisectionState
from dqm.histograms.pipeline import Pipeline
from dqm.histograms.train import train
from dqm.simulate.detector import Detector
from streams.records import Catalogue, Conditions, HistogramBatch, LumisectionKey

SUBSYSTEM = "Muon"
LOST = (0.2, 0.4, 0.6)
LENGTH = 10
FEW_RUNS = 4
MOST_WANDERED = 1 / 6
SETTINGS = DqmSettings()

Rows = npt.NDArray[np.intp]
Answers = npt.NDArray[np.bool_]
"""Which elements have too few or too many entries."""
Answer = tuple[bool, bool]
"""Whether something was said with siblings, and without."""


@dataclass(frozen=True, slots=True)
class Case:
    """What the model knows: ``runs`` 0 are all of the earlier ones."""

    runs: int
    knows_conditions: bool
    wandering: bool

    @property
    def name(self) -> str:
        """As in the keys of results."""
        words = ["all_runs" if not self.runs else f"{self.runs}_runs", "known" if self.knows_conditions else "unknown"]
        return "_".join([*words, *(["wandering"] if self.wandering else [])])


CASES = (
    Case(0, knows_conditions=True, wandering=False),
    Case(0, knows_conditions=False, wandering=False),
    Case(FEW_RUNS, knows_conditions=True, wandering=False),
    Case(FEW_RUNS, knows_conditions=False, wandering=False),
    Case(0, knows_conditions=True, wandering=True),
    Case(0, knows_conditions=False, wandering=True),
)


@dataclass(frozen=True, slots=True)
class Source:
    """Histograms of one detector under the conditions of a case."""

    detector: Detector
    case: Case
    seed: int

    def lumisection(self, key: LumisectionKey, conditions: Conditions) -> list[HistogramBatch]:
        """Good histograms, thinned as they wander."""
        rng = np.random.default_rng([self.seed, key.run, key.ls])
        batches = [batch for batch in self.detector.lumisection(key, conditions, rng) if batch.subsystem == SUBSYSTEM]
        if self.case.wandering:
            of_run = np.random.default_rng([self.seed, key.run])
            shares = [of_run.uniform(1 - MOST_WANDERED, 1.0, len(batch.catalogue)) for batch in batches]
            batches = [thinned(batch, share, rng) for batch, share in zip(batches, shares, strict=True)]
        if self.case.knows_conditions:
            return batches
        nothing = Conditions(beams_stable=True, fill=conditions.fill)
        return [replace(batch, conditions=nothing) for batch in batches]


def thinned(batch: HistogramBatch, share: npt.NDArray[np.float64], rng: np.random.Generator) -> HistogramBatch:
    """The histograms with a random ``share`` (n,) of the entries of each."""
    counts, entries = [], batch.flow.sum(axis=1)
    for block, own in zip(batch.catalogue.blocks, batch.counts, strict=True):
        thinned_counts = rng.binomial(own.astype(np.int64), share[block.start : block.stop, None])
        entries[block.start : block.stop] += thinned_counts.sum(axis=1)
        counts.append(thinned_counts)
    return replace(batch, counts=tuple(counts), entries=entries)


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """Shares of faults found and of good lumisections called starved, with siblings and without."""
    (era, *_), _ = eras(data)
    cut = int(EARLIER_SHARE * len(era))
    cases, detectors, learned, watched, trials = (CASES[1:2], 1, 96, 32, 1) if quick else (CASES, 3, 384, 384, 12)
    hits: dict[str, list[Answer]] = {}
    for seed, case in product(seeds[-detectors:], cases):
        progress(f"entries, {case.name}, detector {seed}")
        source = Source(Detector.built_in(seed), case, seed)
        judges = Judges.trained(source, _earlier(era[:cut], case.runs, learned))
        later = stretches(era[cut:], watched)
        for what, answer in _watched(judges, source, later, trials, np.random.default_rng(seed)):
            hits.setdefault(f"entries_{what}_{case.name}", []).append(answer)
    return {name: _share(answers) for name, answers in hits.items()}


def _earlier(period: Lumisections, runs: int, learned: int) -> Lumisections:
    latest = set(sorted({key.run for key, _ in period})[-runs:])
    return stretches([item for item in period if item[0].run in latest], learned)


@dataclass(frozen=True, slots=True)
class Judges:
    """The same model with siblings and without; scores are the same."""

    siblings: Pipeline
    alone: Pipeline

    @classmethod
    def trained(cls, source: Source, earlier: Lumisections) -> Self:
        """Learned from good histograms."""
        batches = (batch for key, conditions in earlier for batch in source.lumisection(key, conditions))
        with TemporaryDirectory() as folder:
            bundle = train(batches, Path(folder) / "model", SETTINGS, np.random.default_rng(0), lambda *_: None)
        alone = {name: replace(model, siblings=None) for name, model in bundle.subsystems.items()}
        bundles = bundle, replace(bundle, subsystems=alone)
        return cls(*(Pipeline(own, SETTINGS, AlertSettings()) for own in bundles))

    def judged(self, batches: Sequence[HistogramBatch]) -> Iterator[tuple[Answers, Answers]]:
        """What both models say of each lumisection."""
        states: dict[LumisectionKey, LumisectionState] = {}
        for scored in self.siblings.score(batches):
            states[scored.key] = merge(states.get(scored.key), scored, 0.0).state
        for state in states.values():
            yield _amounts(self.siblings, state), _amounts(self.alone, state)


def _amounts(judge: Pipeline, state: LumisectionState) -> Answers:
    reasons = judge.close(state, {}, 0.0, "complete").verdicts[SUBSYSTEM].reasons
    return np.isin(reasons, OF_ENTRIES)


def _watched(
    judges: Judges, source: Source, later: Lumisections, trials: int, rng: np.random.Generator
) -> Iterator[tuple[str, Answer]]:
    """What is said of good lumisections, and of what loses entries in some; each with the name of the question."""
    for first in range(0, len(later), LENGTH):
        good = [batch for item in later[first : first + LENGTH] for batch in source.lumisection(*item)]
        for pair in judges.judged(good):
            with_siblings, without_siblings = (bool(elements.any()) for elements in pair)
            yield "false", (with_siblings, without_siblings)
    for lost, folder, _ in product(LOST, (False, True), range(trials)):
        rows = _hit(rng, judges.siblings.expected[SUBSYSTEM], folder=folder)
        start = int(rng.integers(len(later) - LENGTH))
        faulty = [
            thinned(batch, _remaining_shares(batch, rows, lost), rng)
            for item in later[start : start + LENGTH]
            for batch in source.lumisection(*item)
        ]
        siblings, alone = zip(*judges.judged(faulty), strict=True)
        answer = _raised(siblings, rows), _raised(alone, rows)
        yield f"{'folder' if folder else 'element'}_{lost:g}", answer


def _raised(answers: Sequence[Answers], rows: Rows) -> bool:
    """Whether two of three in a row say so of one of the ``rows``."""
    bad = np.array([elements[rows] for elements in answers])
    return bool((np.lib.stride_tricks.sliding_window_view(bad, 3, axis=0).sum(axis=-1) >= 2).any())


def _hit(rng: np.random.Generator, catalogue: Catalogue, *, folder: bool) -> Rows:
    """One element, or all of its folder."""
    row = int(rng.integers(len(catalogue)))
    own = catalogue.elements[row].group
    return np.array([at for at, me in enumerate(catalogue.elements) if at == row or (folder and me.group == own)])


def _remaining_shares(batch: HistogramBatch, rows: Rows, lost: float) -> npt.NDArray[np.float64]:
    share = np.ones(len(batch.catalogue))
    share[rows] = 1.0 - lost
    return share


def _share(answers: Sequence[Answer]) -> Result:
    siblings, alone = np.array(answers).sum(axis=0)
    low, high = wilson(int(siblings), len(answers))
    count = len(answers)
    return Result(siblings / count, "share", low, high, count, "without siblings", alone / count)
