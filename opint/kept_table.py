"""Kept events of a store as a table in a terminal."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from opint.store.views.hotline import KeptEvent
from opint.times import iso


def kept_table(events: Sequence[KeptEvent]) -> Table:
    """One row an event; below its place what is unusual about it, each beside the range of 95 % of all events."""
    table = Table("once in", "event", box=None, pad_edge=False)
    for one in events:
        seen = f", {one.marking}" if one.marking else ""
        head = f"{one.id}: run {one.run} LS {one.ls} event {one.event} of {one.dataset}, kept {iso(one.kept_s)}{seen}"
        lines = [
            f"  {each.feature} {each.value:.4g} (usually {each.low:.3g} to {each.high:.3g})" for each in one.unusual
        ]
        table.add_row(Text(f"{one.once_in_hours:.3g} h"), Text("\n".join([head, *lines])))
    return table
