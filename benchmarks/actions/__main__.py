"""How good suggested actions are beside simpler methods and the optimum, and how messages become classes.

Run it: ``python -m benchmarks.actions [--json] [--quick] [--only PART ...]``. Histories are emulated, with real codes,
sites and messages; parts whose data are absent are skipped, and the report says so.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.actions import cost, messages, targets
from benchmarks.dqm.table import Measure, measured
from benchmarks.report import Outcome, arguments, data_folder, show

PARTS: Mapping[str, Measure] = {"messages": messages.measure, "targets": targets.measure, "cost": cost.measure}
"""By name, in the order in which they are measured."""
SEEDS = (21, 22, 23, 24, 25)


def measure(parts: Mapping[str, Measure], data: Path, quick: bool) -> Outcome:
    """All results of the ``parts``, one after the other."""
    results, skipped = measured(parts, data, quick, SEEDS)
    about = f"parts {', '.join(parts)}; real messages; actions and outcomes are emulated"
    return Outcome(results, "; ".join([about, *skipped]))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the selected parts, or all; returns the exit status."""
    parser = arguments("actions")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS), help="measure these parts")
    options = parser.parse_args(argv)
    chosen = {name: PARTS[name] for name in options.only}
    return show("actions", lambda quick: measure(chosen, data_folder(os.environ), quick), options)


if __name__ == "__main__":
    sys.exit(main())
