"""Whether the declared budget of false incidents holds when whole lumisections are certified as well.

Of several detectors (seeds) under real conditions (``oms/*.parquet``) the earlier part of an era trains and
calibrates; good lumisections of the rest are judged as the daemon does it. Every incident in them is false, whether a
folder's MEs, an ME's entries or a whole subsystem raised it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.detection import EARLIER_SHARE, Lumisections, stretches
from benchmarks.dqm.table import files
from benchmarks.intervals import poisson
from benchmarks.report import Progress, Result
from benchmarks.watching import Incident, incidents, watch
from conf.settings import AlertSettings, DqmSettings
from dqm.bundle import Bundle
from dqm.pipeline import Pipeline
from dqm.simulate.conditions import from_oms
from dqm.simulate.detector import Detector
from dqm.simulate.stream import SimulatedLumisection, stream
from dqm.train import train
from streams.records import LUMISECTION_SECONDS

LEARN, WATCHED = 1024, 4000
CERTIFIED = DqmSettings(certification="autoencoder")


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> dict[str, Result]:
    """False incidents per shift with certification switched on."""
    earlier, later = halves(data)
    learn, count = (192, 200) if quick else (LEARN, WATCHED)
    false: list[Incident] = []
    for seed in seeds:
        detector = Detector.own(seed)
        pipeline = Pipeline(learned(detector, earlier, learn, CERTIFIED, seed), CERTIFIED, AlertSettings())
        found = incidents(list(watch(pipeline, CERTIFIED, good(detector, later[:count], seed))), AlertSettings())
        progress(f"detector {seed}: {len(found)} false incidents in {count} good lumisections, certified")
        false += found
    return {"budget_false_incidents_per_shift_certified": rate(len(false), count * len(seeds))}


def halves(data: Path) -> tuple[Lumisections, Lumisections]:
    """The good lumisections of a real era that are learned from, and those after them."""
    (path,) = files(data, "oms/Run2024E-v1.parquet")
    era = list(from_oms(path, good_only=True))
    cut = int(EARLIER_SHARE * len(era))
    return era[:cut], era[cut:]


def learned(detector: Detector, earlier: Lumisections, count: int, settings: DqmSettings, seed: int) -> Bundle:
    """A bundle from about ``count`` lumisections all over the earlier part."""
    batches = (batch for one in stream(detector, stretches(earlier, count), (), seed) for batch in one.batches)
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
