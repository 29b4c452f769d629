"""A plan as requests to Rucio's REST interface: ``POST /rules/`` and ``DELETE /rules/{rule_id}``.

Each line is a separate request, so that any of them can be left out. What Rucio calls a container is a
dataset here. Fields and their limits are those of Rucio's documentation (``add_replication_rule``) and of the generic
schema of its clients, which the tests hold every rule against.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from opint.placement.plan import Action, Line
from opint.placement.sites import PlacementError

ACTIVITIES = (
    "Data Brokering",
    "Data Consolidation",
    "Data Rebalancing",
    "Debug",
    "Express",
    "Functional Test",
    "Group Subscriptions",
    "Production Input",
    "Production Output",
    "Analysis Input",
    "Analysis Output",
    "Staging",
    "T0 Export",
    "T0 Tape",
    "Upload/Download (Job)",
    "Upload/Download (User)",
    "User Subscriptions",
    "Data Challenge",
)
"""The activities of Rucio's generic schema."""
WEEK_S = 7 * 24 * 3600
LONGEST_COMMENT = 250
ACCOUNT = re.compile(r"[a-z0-9_-]{1,25}")
SCOPE = re.compile(r"[a-zA-Z0-9_.-]{1,25}")
NAME = re.compile(r"/[a-zA-Z0-9_-]{1,99}/[a-zA-Z0-9._-]{1,199}/[A-Z-]{1,50}")
RULE_ID = re.compile(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class RuleOptions:
    """The owner of the rules, their lifetime in weeks, and whether each has to be approved in Rucio.

    ``scope`` is that of the datasets; ``activity`` is the share of the transfers to which the copies count.
    """

    account: str
    lifetime_weeks: int = 13
    ask_approval: bool = True
    scope: str = "cms"
    activity: str = "Data Rebalancing"

    def __post_init__(self) -> None:
        """Refuse values that Rucio would refuse."""
        if not ACCOUNT.fullmatch(self.account):
            raise PlacementError(
                f"Rucio account is {self.account!r}; it has 1 to 25 lower-case letters, digits, hyphens and underscores"
            )
        if self.lifetime_weeks < 1:
            raise PlacementError(f"lifetime of rules is {self.lifetime_weeks} weeks; it must be at least 1")
        if not SCOPE.fullmatch(self.scope):
            raise PlacementError(
                f"Rucio scope is {self.scope!r}; it has 1 to 25 letters, digits, dots, hyphens and underscores"
            )
        if self.activity not in ACTIVITIES:
            raise PlacementError(f"Rucio activity is {self.activity!r}; known are {', '.join(ACTIVITIES)}")


def rule_requests(
    lines: Iterable[Line], disks: Collection[str], options: RuleOptions
) -> tuple[list[dict[str, Any]], list[Line]]:
    """A request for each copy and deletion, and the deletions without a request: their rule is unknown.

    ``disks`` are the names of the RSEs that may be copied to. A deletion ends the rule; Rucio then removes the replica
    when it needs the room.

    Raises:
        PlacementError: Rucio would refuse a rule, as :func:`check_rule` says.
    """
    bodies, unknown = [], []
    for line in lines:
        if line.action is Action.COPY:
            body = rule_body(line, options)
            check_rule(body, disks)
            bodies.append({"id": line.id, "method": "POST", "path": "/rules/", "body": body})
        elif line.action is Action.DELETE and RULE_ID.fullmatch(line.rule):
            body = {"purge_replicas": False}
            bodies.append({"id": line.id, "method": "DELETE", "path": f"/rules/{line.rule}", "body": body})
        elif line.action is Action.DELETE:
            unknown.append(line)
    return bodies, unknown


def rule_body(line: Line, options: RuleOptions) -> dict[str, Any]:
    """The rule that makes a copy and holds it."""
    return {
        "dids": [{"scope": options.scope, "name": line.dataset}],
        "account": options.account,
        "copies": 1,
        "rse_expression": line.rse,
        "grouping": "ALL",
        "weight": None,
        "lifetime": options.lifetime_weeks * WEEK_S,
        "locked": False,
        "activity": options.activity,
        "notify": "N",
        "purge_replicas": False,
        "comment": f"nightshift {line.id}: {line.reason}"[:LONGEST_COMMENT],
        "ask_approval": options.ask_approval,
        "asynchronous": False,
    }


def check_rule(body: Mapping[str, Any], disks: Collection[str]) -> None:
    """Raise PlacementError for a rule that Rucio would refuse.

    That is an invalid name of a dataset, an RSE that is not a known disk, or more copies than RSEs.
    """
    for did in body["dids"]:
        if not NAME.fullmatch(did["name"]):
            raise PlacementError(f"rule is for {did['name']!r}; Rucio knows names like /primary/processed/TIER")
    names = body["rse_expression"].split("|")
    for name in names:
        if name not in disks:
            raise PlacementError(f"rule asks for RSE {name!r}, which is no known disk; read the sites anew")
    if not 1 <= body["copies"] <= len(names):
        raise PlacementError(f"rule asks for {body['copies']} copies at {len(names)} RSEs; at most one fits at each")
