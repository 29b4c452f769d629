"""The demo's model: trained once on good lumisections of the simulated detector, then kept."""

import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np

from conf.errors import NightshiftError
from conf.settings import Settings
from dqm.bundle import load
from dqm.simulate import conditions
from dqm.simulate.detector import Detector
from dqm.simulate.stream import stream
from dqm.train import train

LUMISECTIONS = 600
FILL_LUMISECTIONS = 40
FIRST_RUN = 390_000
"""Runs that come before those which the demo watches."""


def ensure_model(settings: Settings, models: Path, seed: int, progress: Callable[[str, float], None]) -> None:
    """Train the bundle in ``models`` unless a valid one lies there."""
    folder = models / settings.dqm.model
    try:
        load(folder)
    except NightshiftError:
        rng = np.random.default_rng([seed, 2])
        fills = conditions.generate(
            rng,
            fills=3 * LUMISECTIONS // FILL_LUMISECTIONS,
            stable=FILL_LUMISECTIONS,
            first_run=FIRST_RUN,
        )
        good = ((key, at) for key, at in fills if at.beams_stable)
        batches = (
            batch for one in stream(Detector.own(), islice(good, LUMISECTIONS), (), seed + 1) for batch in one.batches
        )
        train(batches, folder, settings.dqm, rng, progress, time.time())
