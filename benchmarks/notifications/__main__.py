"""``python -m benchmarks.notifications --json``: all parts, one after the other."""

import sys

from benchmarks.notifications.delivery import kills, latency, storm
from benchmarks.notifications.looking import overview, preview
from benchmarks.report import Outcome, Result, main, progress


def measure(quick: bool) -> Outcome:
    """All results."""
    results: dict[str, Result] = {}
    for part in (latency, kills, storm, preview, overview):
        progress(f"{part.__name__} ...")
        results |= part(quick)
    return Outcome(results, "incidents as nightshift stores them, generated; a webhook on loopback")


if __name__ == "__main__":
    sys.exit(main("notifications", measure))
