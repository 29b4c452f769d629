"""Whether the hotline holds its declared rate while the detector drifts, and what it keeps of rare events.

Events are simulated; pileup, live time and fills are real. The model learns in one era and judges another one, whose
detector has drifted on. Rare events are not mixed in: a few of each kind are simulated for every lumisection and held
against the level that decides there, so that what they would do to the level does not blur what is kept of them.
Memory and counts of :mod:`dqm.events.level` were chosen on Run2024I and seeds that are not used here.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.dqm.over_seeds import interval
from benchmarks.dqm.table import files
from benchmarks.rates.levels import Fixed, Followed, JudgedLumisection, Newest, Way
from benchmarks.rates.mahalanobis import Mahalanobis
from benchmarks.report import Progress, Result
from dqm.events.model import HotlineModel, PileupTail, live_seconds
from dqm.events.train import fit
from dqm.simulate.conditions import from_oms
from dqm.simulate.events import PROCESSES, RARE, drift, simulate, stream
from streams.records import EventFeatures

Float32 = npt.NDArray[np.float32]

PER_HOUR = 3.0
HOURS = 100.0
WINDOW_HOURS = 10.0
RATE_HZ = 10.0
RARE_EACH = 5
"""Rare events of each kind that are simulated for every lumisection."""
LEARN_LS = 6_000


@dataclass
class Tally:
    """What a way kept: events by window, rare events of each kind, and the live time."""

    windows: list[int] = field(default_factory=lambda: [0] * round(HOURS / WINDOW_HOURS))
    rare: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(RARE), dtype=np.int64))
    rare_seen: int = 0
    live_s: float = 0.0

    def error(self) -> float:
        """Kept over declared, less 1."""
        return sum(self.windows) / (PER_HOUR * self.live_s / 3600.0) - 1.0

    def worst(self) -> float:
        """The largest error of a whole window, as a size."""
        whole = self.windows[: max(1, int(self.live_s / 3600.0 / WINDOW_HOURS + 1e-9))]
        return max(abs(item / (PER_HOUR * WINDOW_HOURS) - 1.0) for item in whole)


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """Results by key; ``quick`` judges two hours."""
    learned, judged = files(data, "oms/Run2024B-v1.parquet", "oms/Run2024E-v1.parquet")
    runs, speeds = [], []
    for seed in seeds:
        training = list(_events(learned, seed, 300 if quick else LEARN_LS))
        model = fit(training, np.random.default_rng(seed), 0.0)
        result, speed = _watch(model, training, judged, seed, 2.0 if quick else HOURS)
        runs.append(result)
        speeds.append(speed)
        progress(f"seed {seed}: " + ", ".join(f"{name} {item.error():+.3f}" for name, item in result.items()))
    return _results(runs, speeds)


def _events(conditions: Path, seed: int, most: int | None) -> Iterator[EventFeatures]:
    """Standard Model events of the first ``most`` lumisections in which data were recorded."""
    for item in stream(islice(from_oms(conditions, good_only=True), most), RATE_HZ, 0.0, seed):
        yield item.features


def _watch(
    model: HotlineModel, training: list[EventFeatures], judged: Path, seed: int, hours: float
) -> tuple[dict[str, Tally], float]:
    distance, distance_tail = _simple(model, training)
    first = Fixed(model.events_per_s, PER_HOUR).level()
    ways: dict[str, Way] = {
        "hotline": Followed(model.start, PER_HOUR),
        "fixed": Fixed(model.events_per_s, PER_HOUR),
        "newest": Newest(first, PER_HOUR),
        "mahalanobis": Followed(model.start, PER_HOUR),
    }
    results = {name: Tally() for name in ways}
    spent, judged_events, live_s = 0.0, 0, 0.0
    for events in _events(judged, seed, None):
        if live_s >= hours * 3600.0:
            break
        rare = _rare(events, seed)
        begin = time.perf_counter()
        score = model.costs(events.values).sum(axis=1)
        surprise = model.tail.surprise(score, events.conditions.pileup)
        spent += time.perf_counter() - begin
        judged_events += len(surprise)
        values = {name: (surprise, _surprise(model, rare, events)) for name in ("hotline", "fixed", "newest")}
        values["mahalanobis"] = (
            distance_tail.surprise(distance.scores(model.scaling(events.values)), events.conditions.pileup),
            distance_tail.surprise(distance.scores(model.scaling(rare)), events.conditions.pileup),
        )
        live = live_seconds(events.conditions)
        for name, way in ways.items():
            _count(results[name], way, events, values[name], live)
        live_s += live
    return results, judged_events / spent


def _simple(model: HotlineModel, training: list[EventFeatures]) -> tuple[Mahalanobis, PileupTail]:
    """The simple score, learned and calibrated on the same lumisections as the network."""
    cut = round(0.4 * len(training))
    distance = Mahalanobis.of(model.scaling(np.concatenate([item.values for item in training[:cut]])))
    late = training[cut:]
    scores = np.concatenate([distance.scores(model.scaling(item.values)) for item in late])
    pileup = [np.full(len(item.events), item.conditions.pileup, dtype=np.float32) for item in late]
    return distance, PileupTail.of(scores, np.concatenate(pileup))


def _rare(events: EventFeatures, seed: int) -> Float32:
    """Rare events under the conditions of a lumisection, those of one kind together."""
    kinds = np.repeat(np.arange(len(PROCESSES) - len(RARE), len(PROCESSES), dtype=np.int8), RARE_EACH)
    at, rng = events.conditions, np.random.default_rng([seed, 3, events.key.run, events.key.ls])
    return simulate(kinds, at.pileup or 0.0, drift(seed, at.fill or 0), rng)


def _surprise(model: HotlineModel, values: Float32, events: EventFeatures) -> Float32:
    return model.tail.surprise(model.costs(values).sum(axis=1), events.conditions.pileup)


def _count(tally: Tally, way: Way, events: EventFeatures, values: tuple[Float32, Float32], live_s: float) -> None:
    level = way.level()
    kept_events = int((values[0] > level).sum())
    tally.windows[min(int(tally.live_s / 3600.0 / WINDOW_HOURS), len(tally.windows) - 1)] += kept_events
    tally.rare += (values[1] > level).reshape(len(RARE), RARE_EACH).sum(axis=1)
    tally.rare_seen += RARE_EACH
    tally.live_s += live_s
    way.learn(JudgedLumisection(events.key, values[0], live_s, kept_events))


def _results(runs: list[dict[str, Tally]], speeds: list[float]) -> dict[str, Result]:
    def over(of: Callable[[Tally], float], name: str, unit: str, note: str, peer: str = "") -> Result:
        values = [of(run[name]) for run in runs]
        value, (low, high) = float(np.mean(values)), interval(values)
        if not peer:
            return Result(value, unit, low, high, len(runs), note=note)
        peers = float(np.mean([of(run[peer]) for run in runs]))
        ratio = value / peers if peers else None
        return Result(value, unit, low, high, len(runs), peer, peers, ratio, note)

    table = {}
    for name in runs[0]:
        key = "" if name == "hotline" else f"_{name}"
        table[f"hotline_rate_error{key}"] = over(
            lambda item: abs(item.error()), name, "relative", "mean over seeds of the size of the error"
        )
        table[f"hotline_rate_bias{key}"] = over(Tally.error, name, "relative", "kept over declared, less 1")
        table[f"hotline_worst_window{key}"] = over(
            Tally.worst, name, "relative", "largest error of 10 hours of live time"
        )
    table["hotline_anomalous_kept"] = over(
        lambda item: float(item.rare.sum()) / (item.rare_seen * len(RARE)),
        "hotline",
        "share",
        "of rare events, four kinds alike",
        "mahalanobis",
    )
    for place, process in enumerate(RARE):
        table[f"hotline_kept_{process.name}"] = over(
            partial(_share, place=place), "hotline", "share", "of rare events of this kind", "mahalanobis"
        )
    table["events_per_s"] = Result(float(np.median(speeds)), "1/s", n=len(speeds), note="scored and calibrated")
    return table


def _share(tally: Tally, place: int) -> float:
    return float(tally.rare[place]) / tally.rare_seen
