"""How many lumisections of 40 seeds and 600 paths are judged in a second: scored, merged and closed, one at a time.

Decoding and storing are not in it.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.report import Progress, Result
from conf.settings import AlertSettings, DqmSettings, RateSettings
from dqm.assembly import merge
from dqm.rates.pipeline import RatePipeline
from dqm.rates.train import train
from dqm.simulate.conditions import generate
from dqm.simulate.rates import Trigger, stream

JUDGED, QUICK_JUDGED = 2000, 50
ROUNDS = 5


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """Lumisections in a second of one core, the median of five rounds."""
    del data
    trigger = Trigger.own(seeds[0])
    conditions = [one for one in generate(np.random.default_rng(seeds[0]), fills=2, stable=600) if one[1].beams_stable]
    with TemporaryDirectory() as folder:
        progress("training")
        learned = (one.rates for one in stream(trigger, conditions, (), 1))
        rng = np.random.default_rng(1)
        bundle = train(learned, Path(folder) / "rates", RateSettings(), rng, lambda *_: None)
    pipeline = RatePipeline(bundle, RateSettings(), DqmSettings(), AlertSettings())
    pipeline.warm_up()
    count = QUICK_JUDGED if quick else JUDGED
    records = [one.rates for one in stream(trigger, conditions[-count:], (), 2)]
    taken = []
    for _ in range(1 if quick else ROUNDS):
        start = time.perf_counter()
        for record in records:
            (scored,) = pipeline.score([record])
            pipeline.close(merge(None, scored, 0.0).state, {}, 0.0, "complete")
        taken.append(time.perf_counter() - start)
    rates = len(records) / np.array(taken)
    value = float(np.median(rates))
    note = "scored and closed; decoding and storing are not in it; low and high are the slowest and the fastest round"
    low, high = float(rates.min()), float(rates.max())
    return {"lumisections_per_s": Result(value, "1/s", low, high, len(records) * len(taken), note=note)}
