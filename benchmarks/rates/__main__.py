"""How well trigger rates are judged and events picked out, part by part.

Run it: ``python -m benchmarks.rates [--json] [--quick] [--only PART ...]``. Parts whose data are absent are skipped,
and the report says so. Rates are real, or emulated over real conditions as events are.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.dqm.table import Measure, measured
from benchmarks.rates import culprits, hotline, published, real, speed
from benchmarks.report import Outcome, arguments, data_folder, show

PARTS: Mapping[str, Measure] = {
    "real": real.measure,
    "published": published.measure,
    "culprits": culprits.measure,
    "speed": speed.measure,
    "hotline": hotline.measure,
}
"""By name, in the order in which they are measured."""

SEEDS = (11, 12, 13, 14, 15)


def measure(parts: Mapping[str, Measure], data: Path, quick: bool) -> Outcome:
    """All results of the ``parts``, one after the other."""
    results, skipped = measured(parts, data, quick, SEEDS)
    report = f"real rates in part real, others and events emulated over real conditions; parts {', '.join(parts)}"
    return Outcome(results, "; ".join([report, *skipped]))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the parts that were asked for, or all; the exit status."""
    parser = arguments("rates")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS), help="measure these parts")
    options = parser.parse_args(argv)
    chosen = {name: PARTS[name] for name in options.only}
    return show("rates", lambda quick: measure(chosen, data_folder(os.environ), quick), options)


if __name__ == "__main__":
    sys.exit(main())
