"""How good popularity forecasts are, what plans save with them, and what both cost, part by part.

Run it: ``python -m benchmarks.popularity [--json] [--quick] [--only PART ...]``. Parts whose data are absent are
skipped, and the report says so. Catalogues are simulated; the series of CMS and ATLAS are real.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.dqm.table import Measure, measured
from benchmarks.popularity import catalogue, cost, placement, series
from benchmarks.report import Outcome, arguments, data_folder, show

PARTS: Mapping[str, Measure] = {
    "cms": series.measure_cms,
    "atlas": series.measure_atlas,
    "catalogue": catalogue.measure,
    "placement": placement.measure,
    "cost": cost.measure,
}
"""By name, in the order in which they are measured."""

SEEDS = (11, 12, 13, 14, 15)


def measure(parts: Mapping[str, Measure], data: Path, quick: bool) -> Outcome:
    """All results of the ``parts``, one after the other."""
    results, skipped = measured(parts, data, quick, SEEDS)
    return Outcome(results, "; ".join([f"parts {', '.join(parts)}; catalogues are simulated", *skipped]))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the selected parts, or all; returns the exit status."""
    parser = arguments("popularity")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS), help="measure these parts")
    options = parser.parse_args(argv)
    chosen = {name: PARTS[name] for name in options.only}
    return show("popularity", lambda quick: measure(chosen, data_folder(os.environ), quick), options)


if __name__ == "__main__":
    sys.exit(main())
