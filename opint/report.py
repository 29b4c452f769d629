"""Verdicts of a store as a table in a terminal."""

from itertools import groupby

from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, select

from dqm.quality import Quality
from opint.store.tables import dead_letter, incident, ls_summary

_MARKS = {
    Quality.GOOD: "[blue]✓ good[/blue]",
    Quality.WARNING: "[yellow]! warning[/yellow]",
    Quality.BAD: "[bold red]✕ bad[/bold red]",
    Quality.NOT_INSPECTED: "[dim]· not inspected[/dim]",
}


def report(tx: Connection, console: Console, only_problems: bool) -> None:
    """Print one line per lumisection and subsystem, then the incidents and how many records were unusable."""
    row = ls_summary.c
    query = select(ls_summary).order_by(row.dataset, row.run, row.ls, row.subsystem)
    counts = dict.fromkeys(Quality, 0)
    for dataset, group in groupby(tx.execute(query), key=lambda one: one.dataset):
        table = Table(
            "run", "LS", "subsystem", "quality", "good", "warn", "bad", "not insp.", "p", box=None, title=dataset
        )
        for one in group:
            quality = Quality(one.quality)
            counts[quality] += 1
            if only_problems and quality is Quality.GOOD:
                continue
            p_value = "" if one.p_value is None else f"{one.p_value:.2g}"
            numbers = (one.good, one.warning, one.bad, one.not_inspected)
            table.add_row(str(one.run), str(one.ls), one.subsystem, _MARKS[quality], *map(str, numbers), p_value)
        if table.row_count:
            console.print(table)
    console.print(" · ".join(f"{count} {quality.name.lower().replace('_', ' ')}" for quality, count in counts.items()))
    _incidents(tx, console)
    letters = [reason for (reason,) in tx.execute(select(dead_letter.c.reason).order_by(dead_letter.c.reason))]
    for reason, same in groupby(letters):
        console.print(f"{len(list(same))} records unusable: {reason}")


def _incidents(tx: Connection, console: Console) -> None:
    for one in tx.execute(select(incident).order_by(incident.c.id)):
        console.print(f"incident {one.id} ({one.severity}): {one.title}", highlight=False, markup=False)
