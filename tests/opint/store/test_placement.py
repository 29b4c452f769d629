"""What is decided about the lines of a plan, in every database."""

from dataclasses import replace

from opint.store import placement as view
from opint.store.placement import StoredLine, StoredPlan, accept_rest, decide, keep

PLAN = StoredPlan("cms", "2026-11-30", "greedy", 9.0, None)
LINES = [StoredLine(name, "copy", f"/{name}/B-v1/AOD", "T2_DE_DESY", 1, 2.0, "wanted", "", "") for name in "abc"]
LEFT_OUT = replace(LINES[0], line="d", refused="network budget")


def test_what_nobody_has_decided_is_accepted_and_nothing_else(store):
    with store.begin() as tx:
        keep(tx, PLAN, [*LINES, LEFT_OUT], 1.0)
        keep(tx, replace(PLAN, week="2026-12-07"), [replace(LINES[0], line="next")], 2.0)
        keep(tx, replace(PLAN, catalogue="atlas"), LINES, 3.0)
        assert decide(tx, "cms", "b", "rejected", "Ada", "the group has left", 4.0)
        assert accept_rest(tx, "cms", PLAN.week, "Bob", "as every week", 5.0) == 2
        assert accept_rest(tx, "cms", PLAN.week, "Bob", "", 6.0) == 0
    with store.read() as tx:
        plans = {item.catalogue: item for item in view.newest(tx)}
        own = replace(plans["cms"], week=PLAN.week)
        reports = [
            (item.line, item.decision, item.actor) for item in view.page(tx, own, which="planned", limit=9).items
        ]
        assert reports == [("a", "accepted", "Bob"), ("b", "rejected", "Ada"), ("c", "accepted", "Bob")]
        assert [view.count_undecided(tx, item) for item in (own, plans["cms"], plans["atlas"])] == [0, 1, 3]
