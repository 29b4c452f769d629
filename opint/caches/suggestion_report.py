"""Suggestions for a cache as text for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from opint.wording import iso
from rl_cache.laboratory.units import SavingUnit, format_bytes

_STYLES = {"active": "green", "withdrawn": "red"}


def print_suggestions(
    title: str, rows: Sequence[Mapping[str, Any]], through_s: int | None = None, *, why_none: str
) -> None:
    """Rows of the table ``suggestion``, two lines each: its status, what it asks and saves; and why.

    ``through_s`` is the time of the newest access on which they were tried, None where that is not known;
    ``why_none`` is printed where there are no rows.
    """
    console = Console()
    if not rows:
        console.print(Text(f"{title}: no suggestions: {why_none}"), soft_wrap=True)
        return
    through = "" if through_s is None else f", tried through {iso(through_s)}"
    console.print(Text(f"{title}, against LRU{through}", "bold"))
    for row in rows:
        status = Text(f"{row['status']:10}", _STYLES.get(row["status"], ""))
        console.print(status + Text(f"{_rule(row)}: {_worth(row)}"), soft_wrap=True)
        console.print(Text(f"{'':10}{row['reason']}; {row['status_reason']}", "dim"), soft_wrap=True)


def _rule(row: Mapping[str, Any]) -> str:
    return f"{row['kind']} {row['target']}" + (f" {row['share']:.1%} of the cache" if row["share"] else "")


def _worth(row: Mapping[str, Any]) -> str:
    unit = SavingUnit(row["unit"])
    saved, low, high = (unit.format_amount(row[name]) for name in ("saved_per_day", "saved_low", "saved_high"))
    less = row["written_bytes_per_day"]
    write_change = f"{format_bytes(abs(less))} {'more' if less < 0 else 'less'}"
    if unit is SavingUnit.HOURS:
        vain = format_bytes(row["vain_bytes_per_day"])
        return f"saves {saved} of waiting a day ({low} to {high}), fetches {vain} in vain, writes {write_change}"
    return f"saves {saved} a day ({low} to {high}), writes {write_change}"
