"""Whether faults as short as real ones are seen, and how many records good lumisections leave.

The real episodes of the forward pixels (``episodes/pixel_rings.parquet`` of NIGHTSHIFT_DATA) are put into the
simulator's own detector as dead channels of their disks, at their run, lumisections and length, under the real
conditions (``oms/*.parquet``). For each detector (seed) and era a model is trained on the first part of the era's good
lumisections; what lies around later episodes is watched. How much of a ring of a disk fails the table does not
say: a tenth to the whole of its blades is drawn (ring 1 has 22 of the 56 of a disk, ring 2 has 34).

An episode is *seen* if, in one of its lumisections, its disk has a record or belongs to an incident; the peer are
incidents alone. A record is *false* if no episode is in its folder then. Intervals resample whole runs; where all of
them agree, each is one of Wilson's trials, and counts have Garwood's.

Run it: ``python -m benchmarks.episodes [--json] [--quick]``.
"""

import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow.parquet

from benchmarks.detection import Lumisections, stretches
from benchmarks.dqm.table import DataMissing
from benchmarks.intervals import poisson, wilson
from benchmarks.report import Outcome, Result, data_folder, main, progress
from benchmarks.watching import Judged, incidents, watch
from conf.settings import AlertSettings, DqmSettings
from dqm.histograms.pipeline import Pipeline
from dqm.histograms.train import train
from dqm.simulate.conditions import from_oms
from dqm.simulate.detector import Detector, stream
from dqm.simulate.faults import Fault, FaultKind
from opint.incidents.families import fingerprint
from streams.records import LUMISECTION_SECONDS, LumisectionKey

EARLIER_SHARE = 0.4
BLADES = {1: 22, 2: 34}
LEAST_BLADES = 0.1
DRAWS = 2000
SUBSYSTEM = "Pixel"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to do: detectors, eras, lumisections to train on, most episodes of each, lumisections around one."""

    seeds: tuple[int, ...]
    eras: str
    train: int
    episodes: int
    around: int


FULL = Plan(seeds=(14,), eras="EI", train=1024, episodes=1000, around=150)
QUICK = Plan(seeds=(14,), eras="E", train=384, episodes=16, around=12)


@dataclass(frozen=True, slots=True)
class Episode:
    """A row of the table: the disks of one ring from first to last lumisection of a run."""

    ring: int
    run: int
    first: int
    last: int
    disks: tuple[str, ...]

    @property
    def period(self) -> tuple[LumisectionKey, LumisectionKey]:
        """Its first and its last lumisection."""
        return LumisectionKey(self.run, self.first), LumisectionKey(self.run, self.last)

    def faults(self, detector: Detector, rng: np.random.Generator) -> list[Fault]:
        """Dead channels in each of its disks."""
        share = rng.uniform(LEAST_BLADES, 1.0) * BLADES[self.ring] / sum(BLADES.values())
        names = detector.catalogues[SUBSYSTEM].names
        return [
            Fault(
                FaultKind.DEAD,
                SUBSYSTEM,
                share,
                *self.period,
                elements=tuple(name for name in names if name == f"{folder}/occupancy"),
                seed=int(rng.integers(2**31)),
            )
            for folder in self.folders
        ]

    @property
    def folders(self) -> tuple[str, ...]:
        """Folders of the MEs of its disks."""
        return tuple(f"{SUBSYSTEM}/Forward/Disk{int(disk):+d}" for disk in self.disks)


@dataclass(frozen=True, slots=True)
class EpisodeOutcome:
    """What became of one episode."""

    run: int
    lumisections: int
    recorded: bool
    incident: bool


@dataclass(frozen=True, slots=True)
class Watched:
    """What one run left without episodes: lumisections, and false records by family."""

    run: int
    lumisections: int
    false: Mapping[str, int]


def measure(quick: bool) -> Outcome:
    """Run the plan and report it."""
    plan, data = QUICK if quick else FULL, data_folder(os.environ)
    table = data / "episodes" / "pixel_rings.parquet"
    if not table.exists():
        raise DataMissing(str(table))
    episodes = read(table)
    outcomes: list[EpisodeOutcome] = []
    watched: list[Watched] = []
    for seed, era in product(plan.seeds, plan.eras):
        period = list(from_oms(data / "oms" / f"Run2024{era}-v1.parquet", good_only=True))
        with tempfile.TemporaryDirectory() as folder:
            era_outcomes, one_watched = _run(seed, plan, period, episodes, Path(folder) / "model")
        outcomes += era_outcomes
        watched += one_watched
        progress(
            f"detector {seed}, 2024{era}: {sum(s.recorded for s in era_outcomes)} of {len(era_outcomes)} episodes seen"
        )
    return Outcome(results(outcomes, watched), "episodes of the forward pixels in 2024E and 2024I, own detector")


def read(path: Path) -> list[Episode]:
    """The table of episodes."""
    rows = pyarrow.parquet.read_table(path).to_pylist()
    return [
        Episode(
            row["ring"],
            row["run"],
            row["first_ls"],
            row["last_ls"],
            tuple(row["disk"].removeprefix("Disk ").split(":")),
        )
        for row in rows
    ]


def _run(
    seed: int, plan: Plan, era: Lumisections, episodes: Sequence[Episode], folder: Path
) -> tuple[list[EpisodeOutcome], list[Watched]]:
    cut = int(EARLIER_SHARE * len(era))
    # A run is learned from or watched, never both.
    learned = {key.run for key, _ in era[:cut]}
    later = [item for item in era[cut:] if item[0].run not in learned]
    keys = {key for key, _ in later}
    chosen = [episode for episode in episodes if episode.period[0] in keys and episode.period[1] in keys]
    chosen = chosen[: plan.episodes]
    around = {
        LumisectionKey(episode.run, ls)
        for episode in chosen
        for ls in range(episode.first - plan.around, episode.last + plan.around + 1)
    }
    later = [item for item in later if item[0] in around]
    dqm, rules, detector = DqmSettings(), AlertSettings(), Detector.built_in(seed)
    batches = (batch for item in stream(detector, stretches(era[:cut], plan.train), (), seed) for batch in item.batches)
    bundle = train(
        batches, folder, dqm, np.random.default_rng(seed), lambda step, share: progress(f"{share:.0%} {step}")
    )
    rng = np.random.default_rng(seed + 3000)
    injected = [(episode, episode.faults(detector, rng)) for episode in chosen]
    faults = [fault for _, parts in injected for fault in parts]
    judged = list(watch(Pipeline(bundle, dqm, rules), dqm, stream(detector, later, faults, seed + 1000)))
    return _outcome(judged, chosen, rules)


def _outcome(
    judged: Sequence[Judged], episodes: Sequence[Episode], rules: AlertSettings
) -> tuple[list[EpisodeOutcome], list[Watched]]:
    raised = incidents(judged, rules)
    in_incident = {(key, incident.labels.group) for incident in raised for key in incident.lumisections}
    claimed = {(key, fingerprint(incident.labels)) for incident in raised for key in incident.lumisections}
    certain = {(item.key, fault.element_group) for item in judged for fault in item.faults}
    outcomes = []
    for episode in episodes:
        cells = {
            (item.key, folder)
            for item in judged
            if episode.period[0] <= item.key <= episode.period[1]
            for folder in episode.folders
        }
        alarmed = bool(cells & in_incident)
        outcomes.append(
            EpisodeOutcome(episode.run, episode.last - episode.first + 1, alarmed or bool(cells & certain), alarmed)
        )
    at: dict[LumisectionKey, set[str]] = defaultdict(set)
    for episode in episodes:
        for ls in range(episode.first, episode.last + 1):
            at[LumisectionKey(episode.run, ls)].update(episode.folders)
    counts: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    good: dict[int, int] = defaultdict(int)
    for item_value in judged:
        good[item_value.key.run] += 1
        for fault in item_value.faults:
            if fault.element_group not in at[item_value.key] and (item_value.key, fault.fingerprint) not in claimed:
                counts[item_value.key.run][fault.family] += 1
    return outcomes, [Watched(run, number, dict(counts[run])) for run, number in good.items()]


def results(outcomes: Sequence[EpisodeOutcome], watched: Sequence[Watched]) -> dict[str, Result]:
    """All figures by key, with intervals over resampled runs."""
    single = [item for item in outcomes if item.lumisections == 1]
    result = {"episodes_seen_one_ls": _share(single), "episodes_seen": _share(outcomes)}
    families = sorted({family for run in watched for family in run.false})
    result["false_records_per_shift"] = _false(watched, families)
    return result | {f"false_records_per_shift_{family}": _false(watched, [family]) for family in families}


def _false(watched: Sequence[Watched], families: Sequence[str]) -> Result:
    dqm = DqmSettings()
    numbers = np.array([sum(run.false.get(family, 0) for family in families) for run in watched])
    shifts = np.array([run.lumisections for run in watched]) * LUMISECTION_SECONDS / 3600 / dqm.shift_hours
    low, high = _by_runs([run.run for run in watched], lambda rows: float(numbers[rows].sum() / shifts[rows].sum()))
    if low == high:
        # Resampling runs that agree tells nothing.
        low, high = (bound / float(shifts.sum()) for bound in poisson(int(numbers.sum())))
    rate, budget = float(numbers.sum() / shifts.sum()), dqm.false_records_per_shift
    note = f"{numbers.sum()} records in {shifts.sum():.1f} shifts"
    return Result(rate, "1/shift", low, high, int(numbers.sum()), "budget", budget, rate / budget, note)


def _share(episodes: Sequence[EpisodeOutcome]) -> Result:
    """Those seen, beside those that are seen by incidents alone."""
    recorded = np.array([episode.recorded for episode in episodes], dtype=float)
    alone = float(np.mean([episode.incident for episode in episodes]))
    runs = [episode.run for episode in episodes]
    low, high = _by_runs(runs, lambda rows: float(recorded[rows].mean()))
    value, note = float(recorded.mean()), f"of {len(set(runs))} runs"
    if low == high:
        # All runs agree, and resampling them tells nothing: each is one trial.
        low, high = wilson(round(value * len(set(runs))), len(set(runs)))
    return Result(
        value, "share", low, high, len(episodes), "incidents alone", alone, value / alone if alone else None, note
    )


def _by_runs(
    runs: Sequence[int], statistic: Callable[[np.ndarray[tuple[int], np.dtype[np.intp]]], float]
) -> tuple[float, float]:
    """Percentiles of a statistic over draws of whole runs with replacement."""
    rng, numbers = np.random.default_rng(0), np.array(runs)
    of_run = [np.flatnonzero(numbers == run) for run in np.unique(numbers)]
    values = [
        statistic(np.concatenate([of_run[at] for at in rng.integers(len(of_run), size=len(of_run))]))
        for _ in range(DRAWS)
    ]
    return float(np.percentile(values, 2.5)), float(np.percentile(values, 97.5))


if __name__ == "__main__":
    sys.exit(main("episodes", measure))
