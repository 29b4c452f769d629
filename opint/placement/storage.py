"""Storing plans and what a cache's agent asks for, and turning accepted lines back into a plan.

Lines of an agent are datasets that it would keep, or fetch ahead, copied to the disk beside the cache. They are judged
by their trials in the cache and not by the planner: network and room of its budget are not looked at.
"""

import math
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from opint.placement.plan import Action, Line, Plan
from opint.store import placement
from opint.store.engine import Store
from opint.store.placement import CACHE_AGENT, StoredLine, StoredPlan
from opint.wording import iso
from rl_cache.laboratory.units import format_bytes

if TYPE_CHECKING:
    from rl_cache.trials.prefetching import DatasetToFetch
    from rl_cache.trials.suggestions import Suggestion


def store_plan(store: Store, catalogue: str, plan: Plan, now_s: float) -> None:
    """Store the actions of a plan and those left out; kept replicas are not stored."""
    bound = plan.bound if math.isfinite(plan.bound) else None
    lines = [
        StoredLine(line.id, line.action, line.dataset, line.rse, line.bytes, line.benefit, line.reason, line.rule, "")
        for line in plan.lines
        if line.action is not Action.KEEP
    ]
    left_out = [
        StoredLine(line.id, line.action, line.dataset, line.rse, 0, 0.0, line.reason, "", line.why)
        for line in plan.refusals
    ]
    with store.begin() as tx:
        stored = StoredPlan(catalogue, plan.week.isoformat(), plan.method, plan.value, bound)
        placement.keep(tx, stored, [*lines, *left_out], now_s)


def plan_lines(week: str, lines: Iterable[StoredLine]) -> list[Line]:
    """Stored lines of a week as lines of a plan."""
    return [
        Line(
            date.fromisoformat(week),
            Action(line.action),
            line.dataset,
            line.rse,
            line.bytes,
            line.benefit,
            line.reason,
            line.rule,
        )
        for line in lines
    ]


COPIED = ("pin",)
"""Kinds of suggestions that ask for a copy."""


def store_agent_lines(
    store: Store,
    catalogue: str,
    cache: str,
    rse: str,
    suggestions: Iterable["Suggestion"],
    to_fetch: Iterable["DatasetToFetch"],
    now_s: float,
) -> int:
    """Add the lines to the newest plan of the catalogue, or to one of the next week; how many there are."""
    today = datetime.fromtimestamp(now_s, UTC).date()
    with store.begin() as tx:
        planned = [plan.week for plan in placement.newest(tx) if plan.catalogue == catalogue]
        monday = today + timedelta(days=7 - today.weekday())
        in_force = [week for week in planned if date.fromisoformat(week) > today - timedelta(days=7)]
        week = date.fromisoformat(in_force[0]) if in_force else monday
        pins = agent_lines(week, cache, rse, suggestions)
        pinned = {line.dataset for line in pins}
        lines = [*pins, *(line for line in fetch_lines(week, cache, rse, to_fetch) if line.dataset not in pinned)]
        of_agent = ("", "", CACHE_AGENT, cache)
        stored = [
            StoredLine(line.id, line.action, line.dataset, rse, line.bytes, line.benefit, line.reason, *of_agent)
            for line in lines
        ]
        placement.keep_agent_lines(tx, catalogue, cache, stored, week.isoformat(), now_s)
    return len(lines)


def agent_lines(week: date, cache: str, rse: str, suggestions: Iterable["Suggestion"]) -> list[Line]:
    """A copy for each dataset that the agent would keep, unless its trial has cost more than it saved."""
    return [
        Line(
            week,
            Action.COPY,
            suggestion.target,
            rse,
            suggestion.target_bytes,
            7 * suggestion.saved_per_day * suggestion.target_files / max(1, suggestion.target_bytes),
            f"cache {cache}: {suggestion.reason}; pinned there it saves "
            f"{format_bytes(suggestion.saved_per_day)} a day ({format_bytes(suggestion.low)} to "
            f"{format_bytes(suggestion.high)}), {suggestion.judgement.status}",
        )
        for suggestion in suggestions
        if suggestion.kind.value in COPIED and not suggestion.withdrawn
    ]


def fetch_lines(week: date, cache: str, rse: str, to_fetch: Iterable["DatasetToFetch"]) -> list[Line]:
    """A copy for each dataset that an active rule would fetch ahead now."""
    return [
        Line(
            week,
            Action.COPY,
            dataset.dataset,
            rse,
            dataset.size_bytes,
            dataset.expected_reads,
            f"cache {cache}: being read at {iso(dataset.at_s)}, and {dataset.missing_files} of {dataset.files} files "
            f"({format_bytes(dataset.missing_bytes)}) are not in the cache; fetched ahead they save "
            f"{dataset.waiting_s / 3600:.3g} h of waiting, if as many of them are read as in the trial",
        )
        for dataset in to_fetch
    ]
