"""The demo's models: trained once on good lumisections of the simulated detector, trigger and events, then kept."""

import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from conf.errors import NightshiftError
from conf.settings import Settings
from dqm.events import bundle as hotline_bundle
from dqm.histograms import bundle
from dqm.rates import bundle as rate_bundle
from dqm.simulate import conditions, events, rates
from dqm.simulate.detector import Detector, stream
from dqm.simulate.rates import Trigger
from opint.demo import simulation
from opint.demo.simulation import Lumisection

LUMISECTIONS = 600
FILL_LUMISECTIONS = 40
FIRST_RUN = 390_000
"""Runs that come before those which the demo watches."""

RATE_STEP, EVENT_STEP = 12, 8
"""Rates and events are learned from every 12th and every 8th lumisection of long fills, to sweep pileup."""
EVENT_LUMISECTIONS = 300
"""70,000 events, which one start waits some seconds for."""
FIRST_FILL = 9876
"""Far enough before the fills that are watched for those of the rates."""
EVENT_RATE_HZ = 10.0

Progress = Callable[[str, float], None]


def ensure_models(settings: Settings, models: Path, seed: int, progress: Progress) -> None:
    """Train the bundles in ``models`` unless valid ones lie there."""
    folder = models / settings.dqm.model
    if not _loads(bundle.load, folder):
        _train_histograms(settings, folder, seed, lambda step, share: progress(step, 0.7 * share))
    folder = models / settings.rates.model
    if not _loads(rate_bundle.load, folder):
        _train_rates(settings, folder, seed, lambda step, share: progress(f"rates, {step}", 0.7 + 0.2 * share))
    folder = models / settings.hotline.model
    if not _loads(hotline_bundle.load, folder):
        _train_hotline(settings, folder, seed, lambda read: progress("hotline", 0.9 + 0.1 * read / EVENT_LUMISECTIONS))


def _loads(load: Callable[[Path], object], folder: Path) -> bool:
    try:
        load(folder)
    except NightshiftError:
        return False
    return True


def _train_histograms(settings: Settings, folder: Path, seed: int, progress: Progress) -> None:
    from dqm.histograms.train import train  # noqa: PLC0415 - imports TensorFlow

    rng = np.random.default_rng([seed, 2])
    fills = conditions.generate(
        rng,
        fills=3 * LUMISECTIONS // FILL_LUMISECTIONS,
        stable=FILL_LUMISECTIONS,
        first_run=FIRST_RUN,
    )
    good = ((key, at) for key, at in fills if at.beams_stable)
    batches = simulation.batches_of(stream(Detector.built_in(), islice(good, LUMISECTIONS), (), seed + 1))
    train(batches, folder, settings.dqm, rng, progress, time.time())


def _train_rates(settings: Settings, folder: Path, seed: int, progress: Progress) -> None:
    from dqm.rates.train import train  # noqa: PLC0415 - imports TensorFlow

    rng = np.random.default_rng([seed, 4])
    swept = _sweeping(rng, RATE_STEP, LUMISECTIONS)
    good = (lumisection.rates for lumisection in rates.stream(Trigger.built_in(), swept, (), seed + 1))
    train(good, folder, settings.rates, rng, progress, time.time())


def _train_hotline(settings: Settings, folder: Path, seed: int, progress: Callable[[int], None]) -> None:
    from dqm.events.train import train  # noqa: PLC0415 - imports TensorFlow

    swept = _sweeping(np.random.default_rng([seed, 5]), EVENT_STEP, EVENT_LUMISECTIONS)
    # The seed of the events to be watched: it is that of their detector's drift.
    good = (lumisection.features for lumisection in events.stream(swept, EVENT_RATE_HZ, 0.0, seed))
    train(good, folder, settings.hotline, np.random.default_rng([seed, 6]), progress, time.time())


def _sweeping(rng: np.random.Generator, step: int, count: int) -> Iterator[Lumisection]:
    """Every ``step``-th lumisection with stable beams, ``count`` of them."""
    fills = conditions.generate(
        rng,
        # Enough of them: the shortest are half as long as usual.
        fills=step * count // (simulation.FILL_LUMISECTIONS // 2),
        stable=simulation.FILL_LUMISECTIONS,
        first_run=FIRST_RUN,
        first_fill=FIRST_FILL,
    )
    good = (lumisection for lumisection in fills if lumisection[1].beams_stable)
    return islice(good, 0, step * count, step)
