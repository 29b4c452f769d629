"""How well the popularity of datasets is forecast, what plans make of that, and what it costs, part by part.

Run it: ``python -m benchmarks.popularity [--json] [--quick] [--only PART ...]``. Parts whose data are absent are
skipped, and the report says so. Catalogues are simulated; the series of CMS and ATLAS are real.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.dqm.table import Measure, measured
from benchmarks.popularity import atlas, catalogue, cms, cost, placement
from benchmarks.report import Outcome, arguments, data_folder, show

PARTS: Mapping[str, Measure] = {
    "cms": cms.measure,
    "atlas": atlas.measure,
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
    """Run the parts that were asked for, or all; the exit status."""
    parser = arguments("popularity")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS), help="measure these parts")
    options = parser.parse_args(argv)
    chosen = {name: PARTS[name] for name in options.only}
    return show("popularity", lambda quick: measure(chosen, data_folder(os.environ), quick), options)


if __name__ == "__main__":
    sys.exit(main())
