"""The event hotline: python -m benchmarks.rates [--json] [--quick]."""

import os
import sys

from benchmarks.rates.hotline import SEEDS, measure
from benchmarks.report import Outcome, data_folder, main, progress


def _run(quick: bool) -> Outcome:
    seeds = SEEDS[:1] if quick else SEEDS
    found = measure(data_folder(os.environ), quick, seeds, progress)
    return Outcome(found, "events simulated under real conditions: learned in Run2024B, judged in Run2024E")


if __name__ == "__main__":
    sys.exit(main("rates", _run))
