"""Whether the declared budget of false incidents holds when whole lumisections are certified as well.

Of several detectors (seeds) under real conditions (``oms/*.parquet``) the earlier part of an era trains and
calibrates; good lumisections of the rest are judged as the daemon does it. Every incident in them is false, whether a
folder's MEs, an ME's entries or a whole subsystem raised it.

What certification is worth at that budget: three lumisections in a row get one faint fault in a quarter of the MEs of a
subsystem. It is found if they raise an incident there. The peer is the same bundle without certification, whose MEs
have the whole budget.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.checkpoint import checkpointed
from benchmarks.detection import EARLIER_SHARE, Lumisections, stretches
from benchmarks.dqm.table import files
from benchmarks.intervals import poisson, wilson
from benchmarks.report import Progress, Result
from benchmarks.watching import Centres, incidents, watch
from conf.settings import AlertSettings, DqmSettings
from dqm.histograms.bundle import Bundle
from dqm.histograms.pipeline import Pipeline
from dqm.histograms.train import train
from dqm.simulate.conditions import from_oms
from dqm.simulate.detector import Detector, SimulatedLumisection, stream
from dqm.simulate.faults import Fault, FaultKind
from dqm.simulate.plan import suits
from streams.records import LUMISECTION_SECONDS

LEARN, WATCHED, TRIALS = 1024, 4000, 60
FAULTY = 3
"""Lumisections with a fault: as many as two bad ones of three need."""
FAINT = {FaultKind.DEAD: 0.01, FaultKind.NOISY: 0.01, FaultKind.SHIFT: 0.01, FaultKind.GAIN: 0.015}
"""Half of what :mod:`benchmarks.dqm.combination` calls weak."""
CERTIFIED = DqmSettings(certification="autoencoder")


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> dict[str, Result]:
    """False incidents per shift, and faint faults found, with certification and without."""
    earlier, later = halves(data)
    learn, count, trials = (192, 200, 8) if quick else (LEARN, WATCHED, TRIALS)
    results: list[dict[str, float]] = []
    for seed in seeds:
        item = partial(_figures, seed, earlier, later[:count], learn, trials)
        results.append(item() if quick else checkpointed("budget", seed, item))
        progress(f"detector {seed}: " + ", ".join(f"{name} {value:g}" for name, value in results[-1].items()))
    sums = {name: int(sum(item[name] for item in results)) for name in results[0]}
    tried, watched = trials * len(seeds), count * len(seeds)
    low, high = wilson(sums["found"], tried)
    share, plain = sums["found"] / tried, sums["found_plain"] / tried
    return {
        "budget_false_incidents_per_shift_certified": rate(sums["false"], watched),
        "budget_false_incidents_per_shift_not_certified": rate(sums["false_plain"], watched),
        "budget_faint_faults_found_certified": Result(
            share, "share", low, high, tried, "without certification", plain, share / plain if plain else None
        ),
    }


def _figures(seed: int, earlier: Lumisections, later: Lumisections, learn: int, trials: int) -> dict[str, float]:
    """Of one detector: false incidents in the ``later`` lumisections, and faults found, with certification and without.

    Both are the same bundle. The centres of the runs are those that the good lumisections led to.
    """
    detector, rules = Detector.built_in(seed), AlertSettings()
    bundle = learned(detector, earlier, learn, CERTIFIED, seed)
    bare = {name: replace(subsystem, certification=None) for name, subsystem in bundle.subsystems.items()}
    plain = Pipeline(replace(bundle, subsystems=bare, certification_p=None), CERTIFIED, rules)
    certified, centres = Pipeline(bundle, CERTIFIED, rules), Centres()
    figures = {
        "false": len(incidents(list(watch(certified, CERTIFIED, good(detector, later, seed), centres)), rules)),
        "false_plain": len(incidents(list(watch(plain, CERTIFIED, good(detector, later, seed))), rules)),
    }
    rng = np.random.default_rng(seed + 2000)
    struck = [_struck(rng, detector, later) for _ in range(trials)]
    figures["found"] = sum(_is_detected(certified, fault, hit, centres) for fault, hit in struck)
    figures["found_plain"] = sum(_is_detected(plain, fault, hit, centres) for fault, hit in struck)
    return {name: float(value) for name, value in figures.items()}


def _struck(
    rng: np.random.Generator, detector: Detector, later: Lumisections
) -> tuple[Fault, Sequence[SimulatedLumisection]]:
    """A faint fault in a quarter of the MEs of a subsystem, and the lumisections of one run that have it."""
    starts = [at for at in range(len(later) - FAULTY) if later[at][0].run == later[at + FAULTY - 1][0].run]
    around = later[(at := starts[int(rng.integers(len(starts)))]) : at + FAULTY]
    subsystem = str(rng.choice(sorted(detector.catalogues)))
    catalogue = detector.catalogues[subsystem]
    kind = FaultKind(str(rng.choice(list(FAINT))))
    suitable = [me.name for me in catalogue.elements if suits(kind, me)]
    hit = rng.choice(suitable, min(len(suitable), max(1, len(catalogue) // 4)), replace=False)
    names = tuple(sorted(str(item) for item in hit))
    chance = int(rng.integers(2**31))
    fault = Fault(kind, subsystem, FAINT[kind], around[0][0], around[-1][0], elements=names, seed=chance)
    return fault, list(stream(detector, around, [fault], chance))


def _is_detected(pipeline: Pipeline, fault: Fault, hit: Sequence[SimulatedLumisection], centres: Centres) -> bool:
    raised = incidents(list(watch(pipeline, CERTIFIED, hit, centres)), AlertSettings())
    return any(incident.labels.subsystem == fault.subsystem for incident in raised)


def halves(data: Path) -> tuple[Lumisections, Lumisections]:
    """The good lumisections of a real era that are learned from, and those after them."""
    (path,) = files(data, "oms/Run2024E-v1.parquet")
    era = list(from_oms(path, good_only=True))
    cut = int(EARLIER_SHARE * len(era))
    return era[:cut], era[cut:]


def learned(detector: Detector, earlier: Lumisections, count: int, settings: DqmSettings, seed: int) -> Bundle:
    """A bundle from about ``count`` lumisections all over the earlier part."""
    batches = (batch for item in stream(detector, stretches(earlier, count), (), seed) for batch in item.batches)
    with TemporaryDirectory() as folder:
        return train(batches, Path(folder) / "model", settings, np.random.default_rng(seed), lambda *_: None)


def good(detector: Detector, later: Lumisections, seed: int) -> Iterator[SimulatedLumisection]:
    """Later lumisections without any fault."""
    return stream(detector, later, (), seed + 1000)


def rate(count: int, watched: int) -> Result:
    """So many false incidents in so many lumisections, against the declared budget."""
    settings = DqmSettings()
    shifts = watched * LUMISECTION_SECONDS / 3600 / settings.shift_hours
    low, high = poisson(count)
    budget = settings.false_incidents_per_shift
    note = f"{count} incidents in {watched} lumisections"
    per_shift = count / shifts
    return Result(
        per_shift, "1/shift", low / shifts, high / shifts, count, "declared", budget, per_shift / budget, note
    )
