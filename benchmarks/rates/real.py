"""How verdicts do on real rates: three paths of three eras, each era learned from and each later one judged.

And each era by its own earlier part. Lumisections are judged in order as the daemon does it (levels followed, sums,
raise rule), with versions, prescale columns and missing paths as they were. Nobody has labelled them: every incident is
counted as false, but for the changes of rates that REAL_CHANGES lists, which can be read off the counts. Faults are put
into the counts of one path in random usable lumisections of one run: thinned, or a Poisson number added.

The peer is a quadratic in pileup for each path and prescale column with a robust spread, under the same raise rule, at
3, 4 and 5 of its standard deviations. It knows nothing of columns that training has not seen, so that both are compared
where it judges. Intervals of shares resample runs, those of incidents are Garwood's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from benchmarks.rates.level_watch import content, judged, watch
from benchmarks.rates.poisson_bound import FACTOR, LENGTH, Counts
from benchmarks.rates.quadratic_peer import Quadratics, episodes
from benchmarks.rates.real_eras import ERAS, Era, eras, halves
from benchmarks.rates.real_report import FAULTS, OURS, SIGMAS, Figures, is_real_change, report
from benchmarks.report import Progress, Result
from benchmarks.watching import Judged, incidents, summary
from conf.settings import AlertSettings, DqmSettings, RateSettings
from dqm.core.quality import Reason
from dqm.core.state import LumisectionState
from dqm.rates.levels.pipeline import LevelPipeline
from dqm.rates.levels.readings import Readings, read
from dqm.rates.observed import is_usable
from dqm.rates.result import SUBSYSTEM
from dqm.rates.train import train
from opint.store.neighbours import StoredContent
from streams.records import LUMISECTION_SECONDS, TriggerRates

Float64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

RULES, DQM, RATES = AlertSettings(), DqmSettings(), RateSettings()
SHORT, AFTER = 0.5, 12
"""Factor of a fault of one lumisection, and good ones after it in which nothing may be raised."""
QUIET = 25
"""Lumisections before a fault in which its path was in no incident."""


@dataclass(frozen=True, slots=True)
class Size:
    """Faults of each kind and pair of eras, and how many lumisections are watched of each (None: all)."""

    trials: int = 150
    watched: int | None = None


FULL, QUICK = Size(), Size(8, 400)


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """Coverage, false incidents and faults that are seen, over all pairs and of each."""
    size = QUICK if quick else FULL
    by_era = eras(data)
    rng = np.random.default_rng(seeds[0])
    measured = [_pair(name, learned, later, size, rng, progress) for name, learned, later in _pairs(by_era, quick)]
    return report(measured, rng)


def _pairs(by_era: Mapping[str, Era], quick: bool) -> Iterator[tuple[str, Era, Era]]:
    for place, era in enumerate(ERAS):
        if not quick:
            yield (f"{era[-1]} to its rest", *halves(by_era[era]))
        for later in ERAS[place + 1 :]:
            if not quick or (era, later) == ("Run2024E", "Run2024I"):
                yield f"{era[-1]} to {later[-1]}", by_era[era], by_era[later]


def _pair(name: str, learned: Era, later: Era, size: Size, rng: np.random.Generator, progress: Progress) -> Figures:
    progress(f"{name}: training")
    with TemporaryDirectory() as folder:
        bundle = train(learned, Path(folder) / "rates", RATES, np.random.default_rng(0), lambda *_: None)
    pipeline = LevelPipeline(bundle, RATES, DQM, RULES)
    names = pipeline.model.menu.names
    if size.watched is not None:
        later = [record for record in later if is_usable(record.conditions)][: size.watched]
    progress(f"{name}: watching {len(later)} lumisections")
    states = list(watch(pipeline, later))
    peer = Quadratics(read(learned, names))
    readings = read(later, names)
    figures = Figures(name, Counts(np.array([_expected(state, names) for state in states]), readings.runs))
    summaries = [summary(state) for state in states]
    figures.incidents = incidents(summaries, RULES)
    figures.shifts = (
        sum(is_usable(record.conditions) for record in later) * LUMISECTION_SECONDS / 3600 / DQM.shift_hours
    )
    _coverage(figures, states, names)
    scores, clean_peer = np.array([_scores(state, names) for state in states]), peer.pulls(readings)
    both, away = np.isfinite(scores) & np.isfinite(clean_peer), np.abs(clean_peer)
    for limit in OURS:
        figures.false_at[f"ours {limit:g}"] = _false((scores >= limit) & both, both, readings)
    for sigma in SIGMAS:
        figures.false_at[f"peer {sigma:g}"] = _false((away >= sigma) & both, both, readings)
    progress(f"{name}: {len(figures.incidents)} incidents in {figures.shifts:.1f} shifts; faults")
    trial = _Trials(pipeline, peer, later, states, summaries, scores, clean_peer)
    for kind, (factor, length) in FAULTS.items():
        for place, rate in trial.places(rng, length, size.trials):
            trial.fault(figures, kind, place, rate, factor, length, rng)
            if (factor, length) == (FACTOR, LENGTH):
                # An ideal method knows what to expect where ours does not yet.
                rows = slice(place, place + length)
                expected = figures.counts.expected[rows, rate]
                figures.halved.append(float(np.where(np.isnan(expected), readings.counts[rows, rate], expected).sum()))
    for place, rate in trial.places(rng, 1 + AFTER, size.trials):
        trial.short(figures, place, rate, rng)
    return figures


def _false(bad: Mask, inspected: Mask, readings: Readings) -> int:
    """Incidents but for real changes."""
    raised = episodes(bad, inspected, RULES.raise_bad, RULES.raise_of, RULES.clear_good)
    return sum(not is_real_change(int(readings.runs[row]), int(readings.numbers[row])) for row, _ in raised)


def _scores(state: LumisectionState, names: Sequence[str]) -> Float64:
    """The largest sum of pulls (n,) of each rate, NaN: not judged, by menu."""
    part = state.parts[SUBSYSTEM]
    rows = [part.catalogue.index[name] for name in names]
    scores: Float64 = part.scores[0, rows].astype(np.float64)
    return scores


def _expected(state: LumisectionState, names: Sequence[str]) -> Float64:
    """Counts (n,) that are expected, by menu; NaN: not judged."""
    part, bands = state.parts[SUBSYSTEM], state.parts[SUBSYSTEM].bands
    assert bands is not None
    rows = [part.catalogue.index[name] for name in names]
    return np.where(part.present[rows], bands.expected[rows] * LUMISECTION_SECONDS, np.nan).astype(np.float64)


def _coverage(figures: Figures, states: Sequence[LumisectionState], names: Sequence[str]) -> None:
    for state in states:
        part, verdict = state.parts[SUBSYSTEM], state.verdicts[SUBSYSTEM]
        bands = part.bands
        assert bands is not None
        rows = [part.catalogue.index[name] for name in names if part.present[part.catalogue.index[name]]]
        reasons = verdict.reasons[rows]
        steady = np.isfinite(bands.low[rows]) & (reasons != Reason.CONDITIONS_MOVED)
        inside = (bands.low[rows] <= bands.observed[rows]) & (bands.observed[rows] <= bands.high[rows]) & steady
        if is_usable(state.conditions):
            figures.usable += len(rows)
            figures.judged += int(steady.sum())
            figures.moved += int((reasons == Reason.CONDITIONS_MOVED).sum())
        hits, of = figures.inside.get(state.key.run, (0, 0))
        figures.inside[state.key.run] = hits + int(inside.sum()), of + int(steady.sum())


class _Trials:
    """Faults put into what was watched."""

    def __init__(
        self,
        pipeline: LevelPipeline,
        peer: Quadratics,
        records: Era,
        states: Sequence[LumisectionState],
        summaries: Sequence[Judged],
        scores: Float64,
        peer_pulls: Float64,
    ) -> None:
        self._pipeline, self._peer, self._records = pipeline, peer, records
        self._contents = [content(state) for state in states]
        self._summaries, self._scores, self._peer_pulls = summaries, scores, peer_pulls
        self._names = pipeline.model.menu.names
        readings = read(records, self._names)
        self._runs = readings.runs
        self._counts = np.where(readings.judged, readings.counts, 0.0)
        usable = readings.usable & np.array([record.conditions.prescale_name is not None for record in records])
        self._usable: Mask = usable
        elements = {name: at for at, name in enumerate(self._names)}
        self._incident = np.zeros(self._counts.shape, dtype=np.bool_)
        for row, judgement in enumerate(summaries):
            verdict = judgement.verdicts[SUBSYSTEM]
            for element in np.flatnonzero(verdict.families):
                name = verdict.folders.names[element]
                if name in elements:
                    self._incident[row, elements[name]] = True

    def places(self, rng: np.random.Generator, length: int, count: int) -> Iterator[tuple[int, int]]:
        """Rows and rates at which a fault of some ``length`` may begin: usable, counting, and quiet before."""
        for rate in rng.integers(len(self._names), size=count).tolist():
            good = self._usable & (self._counts[:, rate] > 0)
            rows = len(good)
            starts = [
                row
                for row in rng.permutation(rows - length)[:400].tolist()
                if good[row : row + length].all()
                and self._runs[row] == self._runs[row + length - 1]
                and not self._incident[max(0, row - QUIET) : row + length, rate].any()
            ]
            if starts:
                yield starts[0], rate

    def fault(
        self, figures: Figures, kind: str, place: int, rate: int, factor: float, length: int, rng: np.random.Generator
    ) -> None:
        """Count whether an incident of the path is raised while the fault lasts, by us and by the peer."""
        rows = range(place, place + length)
        struck = [self._struck(row, rate, factor, rng) for row in rows]
        states = self._judge(place, struck)
        run, element = int(self._runs[place]), self._names[rate]
        lead = self._summaries[max(0, place - RULES.raise_of + 1) : place]
        raised = incidents([*lead, *(summary(state) for state in states)], RULES)
        first = self._records[place].key
        figures.count(kind, run, any(element in incident.elements and incident.raised >= first for incident in raised))
        before = slice(max(0, place - RULES.raise_of + 1), place)
        scores = [*self._scores[before, rate], *(_scores(state, self._names)[rate] for state in states)]
        pulls = self._peer.pulls(read([self._records[max(0, place - 1)], *struck], self._names))[1:, rate]
        if not np.isfinite(pulls).all():
            return
        away = np.abs(np.concatenate([self._peer_pulls[before, rate], pulls]))
        for limit in OURS:
            figures.count(f"{kind} ours {limit:g}", run, _raises(np.array(scores) >= limit, length))
        for sigma in SIGMAS:
            figures.count(f"{kind} peer {sigma:g}", run, _raises(away >= sigma, length))

    def short(self, figures: Figures, place: int, rate: int, rng: np.random.Generator) -> None:
        """Count whether a fault of one lumisection leaves a record, and whether it raises an incident."""
        struck = [self._struck(place, rate, SHORT, rng), *self._records[place + 1 : place + 1 + AFTER]]
        states = self._judge(place, struck)
        run, element = int(self._runs[place]), self._names[rate]
        group = element.rpartition("/")[0]
        figures.count("recorded", run, group in states[0].verdicts[SUBSYSTEM].certain)
        lead = self._summaries[max(0, place - RULES.raise_of + 1) : place]
        raised = incidents([*lead, *(summary(state) for state in states)], RULES)
        figures.count("called", run, any(element in incident.elements for incident in raised))

    def _judge(self, place: int, struck: Sequence[TriggerRates]) -> list[LumisectionState]:
        history: list[StoredContent] = self._contents[max(0, place - 64) : place]
        states = []
        for record in struck:
            states.append(judged(self._pipeline, record, history))
            history = [*history, content(states[-1])]
        return states

    def _struck(self, row: int, rate: int, factor: float, rng: np.random.Generator) -> TriggerRates:
        record = self._records[row]
        at = record.menu.names.index(self._names[rate])
        rates = record.l1.copy()
        counts = round(float(rates[at]) * LUMISECTION_SECONDS)
        by = rng.binomial(counts, factor) if factor < 1 else counts + rng.poisson(counts * (factor - 1))
        rates[at] = by / LUMISECTION_SECONDS
        return replace(record, l1=rates)


def _raises(bad: Mask, length: int) -> bool:
    """Whether the raise rule is met in one of the last ``length`` lumisections."""
    ends = range(len(bad) - length, len(bad))
    return any(bad[max(0, end - RULES.raise_of + 1) : end + 1].sum() >= RULES.raise_bad for end in ends)
