"""The demo's failing workflows: emulated, the same for a seed, and of the day that ends now."""

from itertools import pairwise

from opint.demo import workflows

NOW_S = 1_764_500_000.0
DAY_S = 86_400.0


def test_workflows_of_the_start_failed_within_the_day_up_to_now():
    snapshots = workflows.emulated(1, NOW_S)
    times = [snapshot.time for snapshot in snapshots]
    assert all(before <= after for before, after in pairwise(times))
    assert times[workflows.FAILED - 1] == NOW_S
    assert 0.5 * DAY_S < NOW_S - times[0] < DAY_S
    assert all(snapshot.workflow.startswith("emulated_") for snapshot in snapshots)
    assert len({snapshot.task for snapshot in snapshots}) == workflows.FAILED + workflows.COMING
    assert workflows.emulated(1, NOW_S) == snapshots
