"""Lines of the plan that a cache's agent asks for: datasets that it would keep, copied to the disk beside the cache.

They are judged by their trials in the cache and not by the planner: network and room of its budget are not looked at.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from opint.placement.plan import Action, Line
from opint.store import placement
from opint.store.engine import Store
from opint.store.placement import CACHE_AGENT, StoredLine
from rl_cache.laboratory.units import format_bytes

if TYPE_CHECKING:
    from rl_cache.trials.suggestions import Suggestion

COPIED = ("pin",)
"""Kinds of suggestions that ask for a copy."""


def store_agent_lines(
    store: Store, catalogue: str, cache: str, rse: str, suggestions: Iterable["Suggestion"], now_s: float
) -> int:
    """Add the lines to the newest plan of the catalogue, or to one of the next week; how many there are."""
    today = datetime.fromtimestamp(now_s, UTC).date()
    with store.begin() as tx:
        planned = [plan.week for plan in placement.newest(tx) if plan.catalogue == catalogue]
        monday = today + timedelta(days=7 - today.weekday())
        in_force = [week for week in planned if date.fromisoformat(week) > today - timedelta(days=7)]
        week = date.fromisoformat(in_force[0]) if in_force else monday
        lines = agent_lines(week, cache, rse, suggestions)
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
            7 * suggestion.saved_bytes_per_day * suggestion.target_files / max(1, suggestion.target_bytes),
            f"cache {cache}: {suggestion.reason}; pinned there it saves "
            f"{format_bytes(suggestion.saved_bytes_per_day)} a day ({format_bytes(suggestion.low)} to "
            f"{format_bytes(suggestion.high)}), {suggestion.judgement.standing}",
        )
        for suggestion in suggestions
        if suggestion.kind.value in COPIED and not suggestion.withdrawn
    ]
