"""What a store tells of files that were judged, in a terminal: verdicts, incidents, kept events."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, func, select

from dqm.core.quality import Quality
from opint.kept_table import kept_table
from opint.store.tables import dead_letter, incident, ls_summary, source_offset
from opint.store.views import hotline
from streams.files.source import FILES, topic_of

MOST_KEPT = 50
"""Kept events that are printed; `nightshift hotline list` has them all."""

_MARKS = {
    Quality.GOOD: "[blue]✓ good[/blue]",
    Quality.WARNING: "[yellow]! warning[/yellow]",
    Quality.BAD: "[bold red]✕ bad[/bold red]",
    Quality.NOT_INSPECTED: "[dim]· not inspected[/dim]",
}


def report(tx: Connection, console: Console, only_problems: bool) -> None:
    """Print one line per lumisection and subsystem, then incidents, kept events, and how many records were unusable."""
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
    if (kept := hotline.page(tx, limit=MOST_KEPT)).items:
        console.print("kept events, newest first:", kept_table(kept.items), sep="\n")
    letters = [reason for (reason,) in tx.execute(select(dead_letter.c.reason).order_by(dead_letter.c.reason))]
    for reason, same in groupby(letters):
        console.print(f"{len(list(same))} records unusable: {reason}")


def nothing_usable(tx: Connection, files: Sequence[Path]) -> str:
    """Why none of the records of these files could be used; empty if any could, or if there are none."""
    topics = [topic_of(file.absolute()) for file in files]
    where, letter = source_offset.c, dead_letter.c
    read = tx.scalar(select(func.sum(where.next_offset)).where(where.cluster == FILES, where.topic.in_(topics)))
    of_files = letter.cluster == FILES, letter.topic.in_(topics)
    refused = select(letter.topic, letter.message_offset).where(*of_files).distinct().subquery()
    if not read or (tx.scalar(select(func.count()).select_from(refused)) or 0) < read:
        return ""
    return str(tx.scalar(select(letter.detail).where(*of_files).order_by(letter.id).limit(1)))


def _incidents(tx: Connection, console: Console) -> None:
    for one in tx.execute(select(incident).order_by(incident.c.id)):
        console.print(f"incident {one.id} ({one.severity}): {one.title}", highlight=False, markup=False)
