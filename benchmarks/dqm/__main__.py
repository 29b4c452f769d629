"""How well histograms are judged, table by table.

Run it: ``python -m benchmarks.dqm [--json] [--quick] [--only TABLE ...]``. Tables whose data are absent are
skipped, and the report says so.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.dqm import (
    adbench,
    autodqm,
    budget,
    certification,
    certify,
    combination,
    cost,
    csc,
    decorrelation,
    dinamo,
    entries,
    head,
    occupancy,
    surfaces,
)
from benchmarks.dqm.table import Measure, measured
from benchmarks.report import Outcome, arguments, data_folder, show

TABLES: Mapping[str, Measure] = {
    "csc": csc.measure,
    "combination": combination.measure,
    "budget": budget.measure,
    "cost": cost.measure,
    "dinamo": dinamo.measure,
    "autodqm": autodqm.measure,
    "entries": entries.measure,
    "head": head.measure,
    "certify": certify.measure,
    "occupancy": occupancy.measure,
    "occupancy-maps": surfaces.measure,
    "certification": certification.measure,
    "decorrelation": decorrelation.measure,
    "adbench": adbench.measure,
}
"""By name, in the order in which they are measured."""

SEEDS = (11, 12, 13, 14, 15)


def measure(tables: Mapping[str, Measure], data: Path, quick: bool) -> Outcome:
    """All results of the ``tables``, one after the other."""
    results, skipped = measured(tables, data, quick, SEEDS)
    return Outcome(results, "; ".join([f"tables {', '.join(tables)}", *skipped]))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tables that were asked for, or all; the exit status."""
    parser = arguments("dqm")
    parser.add_argument("--only", nargs="+", choices=list(TABLES), default=list(TABLES), help="measure these tables")
    options = parser.parse_args(argv)
    chosen = {name: TABLES[name] for name in options.only}
    return show("dqm", lambda quick: measure(chosen, data_folder(os.environ), quick), options)


if __name__ == "__main__":
    sys.exit(main())
