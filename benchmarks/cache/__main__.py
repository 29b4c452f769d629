"""The cache laboratory: the agent on held-out traces, what was tried beside it, the published table, speed.

``--only PART`` runs one part. Training and test traces come from different seeds of the generator; its parameters
were fixed before any training.
"""

import sys
from collections.abc import Callable

from benchmarks.cache import agent, agent_cpu, ahead, guard, long_trace, speed, table, tried
from benchmarks.report import Outcome, Result, main, progress

Part = Callable[[bool], dict[str, Result]]

PARTS: dict[str, Part] = {
    "guard": guard.run,
    "cpu": agent_cpu.run,
    "agent": agent.run,
    "tried": tried.run,
    "ahead": ahead.run,
    "table": table.run,
    "speed": speed.run,
    "long": long_trace.run,
}
DATA = "generated HEP-like traces (rl_cache/traces/workload.py); cloudphysics where NIGHTSHIFT_DATA has it"


def run(quick: bool, parts: dict[str, Part]) -> Outcome:
    """Run these parts one after the other."""
    results: dict[str, Result] = {}
    for name, part in parts.items():
        progress(f"{name} …")
        results |= part(quick)
    return Outcome(results, DATA)


def chosen(argv: list[str]) -> tuple[dict[str, Part], list[str]]:
    """The parts that ``--only`` names, all without it, and the other arguments."""
    if "--only" not in argv:
        return PARTS, argv
    at = argv.index("--only")
    name = argv[at + 1] if at + 1 < len(argv) else ""
    if name not in PARTS:
        sys.exit(f"--only takes one of {', '.join(PARTS)}")
    return {name: PARTS[name]}, argv[:at] + argv[at + 2 :]


if __name__ == "__main__":
    parts, arguments = chosen(sys.argv[1:])
    sys.exit(main("cache", lambda quick: run(quick, parts), arguments))
