"""A placement plan: some lines, and some that are left out."""

from datetime import date

from opint.placement.plan import Action, Line, Plan, Refusal, Why

WEEK = date(2024, 9, 2)
RULE = "0123456789abcdef0123456789abcdef"


def line(action, name, rse="T2_DE_DESY", benefit=5.0, rule=""):
    return Line(WEEK, action, f"/Sample/{name}-v1/AODSIM", rse, 3 * 10**12, benefit, f"<b>{name}</b> is wanted", rule)


LINES = (
    line(Action.COPY, "A", benefit=9.0),
    line(Action.COPY, "B"),
    line(Action.DELETE, "C", rule=RULE),
    line(Action.KEEP, "D"),
)
REFUSALS = (Refusal(WEEK, Action.COPY, "/Sample/E-v1/AODSIM", "", Why.NETWORK, "it is too large"),)
PLAN = Plan(WEEK, LINES, REFUSALS, "greedy", 14.0, float("inf"))
