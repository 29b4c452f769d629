"""What commands print of a store, for a terminal and for programs: verdicts, incidents, kept events."""

import csv
import json
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TextIO

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection, func, select

from conf.errors import NightshiftError
from conf.settings import Settings
from dqm.core.quality import Quality, Reason
from opint.guidance import load_guidance
from opint.incidents.recurrence import sentence
from opint.notifications import causes
from opint.notifications.content import recurrence_sentence
from opint.store import earlier, hotline, incident_pages, short_faults
from opint.store.engine import Store
from opint.store.file_verdicts import NUMBERS, ElementVerdict, incidents, problems, recorded, unusable, verdicts
from opint.store.hotline import KeptEvent, page
from opint.store.tables import dead_letter, incident, ls_summary, source_offset
from opint.wording import counted, iso
from streams.files.source import FILES, topic_of

MOST_KEPT = 50
"""Kept events that are printed; `nightshift hotline list` has them all."""

MOST_SHORT_FAULTS = 20
"""Short faults that are printed."""

MOST_ELEMENTS = 10
"""Elements that are named; `nightshift score --json` has them all."""

MOST_FOLDERS = 12
"""Folders of an incident that are named."""

_MARKS = {
    Quality.GOOD: "[blue]✓ good[/blue]",
    Quality.WARNING: "[yellow]! warning[/yellow]",
    Quality.BAD: "[bold red]✕ bad[/bold red]",
    Quality.NOT_INSPECTED: "[dim]· not inspected[/dim]",
}


def report(tx: Connection, console: Console, only_problems: bool) -> None:
    """Print each lumisection and subsystem, worst elements, incidents, short faults, kept events, unusable records."""
    row = ls_summary.c
    query = select(ls_summary).order_by(row.dataset, row.run, row.ls, row.subsystem)
    counts = dict.fromkeys(Quality, 0)
    for dataset, group in groupby(tx.execute(query), key=lambda row: row.dataset):
        table = Table(
            "run", "LS", "subsystem", "quality", "good", "warn", "bad", "not insp.", "p", box=None, title=dataset
        )
        for summary in group:
            quality = Quality(summary.quality)
            counts[quality] += 1
            if only_problems and quality is Quality.GOOD:
                continue
            p_value = "" if summary.p_value is None else f"{summary.p_value:.2g}"
            numbers = (summary.good, summary.warning, summary.bad, summary.not_inspected)
            table.add_row(
                str(summary.run), str(summary.ls), summary.subsystem, _MARKS[quality], *map(str, numbers), p_value
            )
        if table.row_count:
            console.print(table)
    console.print(" · ".join(f"{count} {quality.name.lower().replace('_', ' ')}" for quality, count in counts.items()))
    _worst_elements(tx, console)
    _incidents(tx, console)
    _short_faults(tx, console)
    if (events := hotline.page(tx, limit=MOST_KEPT)).items:
        console.print("kept events, newest first:", kept_table(events.items), sep="\n")
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


def _worst_elements(tx: Connection, console: Console) -> None:
    """The elements that are not good, those bad in most lumisections first."""
    by_element: dict[tuple[str, str, Reason], list[ElementVerdict]] = {}
    for verdict in problems(tx):
        by_element.setdefault((verdict.subsystem, verdict.element, verdict.reason), []).append(verdict)
    ranked = sorted(by_element.values(), key=lambda same: (-same[0].quality, -len(same)))
    if ranked:
        console.print("worst elements:")
    for same in ranked[:MOST_ELEMENTS]:
        first, least = same[0], min((v.p_value for v in same if v.p_value is not None), default=None)
        reason = first.reason.name.lower().replace("_", " ")
        p_value = "" if least is None else f", least p {least:.2g}"
        number = counted(len(same), "lumisection")
        line = f"  {first.element}: {reason} in {number} from run {first.run} LS {first.ls}{p_value}"
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if len(ranked) > MOST_ELEMENTS:
        console.print(f"  and {len(ranked) - MOST_ELEMENTS} more; --json has all of them", highlight=False)


def _incidents(tx: Connection, console: Console) -> None:
    for row in tx.execute(select(incident).order_by(incident.c.id)):
        console.print(f"incident {row.id} ({row.severity}): {row.title}", highlight=False, markup=False)


def _short_faults(tx: Connection, console: Console) -> None:
    faults = short_faults.every(tx)
    for fault in faults[:MOST_SHORT_FAULTS]:
        recurs = "" if fault.incident is None else f", incident {fault.incident}"
        line = f"short fault: run {fault.run} LS {fault.ls} {sentence(fault)}{recurs}"
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if len(faults) > MOST_SHORT_FAULTS:
        console.print(f"and {len(faults) - MOST_SHORT_FAULTS} more; --json has all of them", highlight=False)


def kept_table(events: Sequence[KeptEvent]) -> Table:
    """One row an event; below its place what is unusual about it, each beside the range of 95 % of all events."""
    table = Table("once in", "event", box=None, pad_edge=False)
    for event in events:
        marking = f", {event.marking}" if event.marking else ""
        head = (
            f"{event.id}: run {event.run} LS {event.ls} event {event.event} of {event.dataset}, "
            f"kept {iso(event.kept_s)}{marking}"
        )
        lines = [
            f"  {value.feature} {value.value:.4g} (usually {value.low:.3g} to {value.high:.3g})"
            for value in event.unusual
        ]
        table.add_row(Text(f"{event.once_in_hours:.3g} h"), Text("\n".join([head, *lines])))
    return table


def write_json(tx: Connection, out: TextIO, only_problems: bool) -> None:
    """One object: verdicts, incidents, short faults, kept events, and records that could not be used."""
    document = {
        "lumisections": list(verdicts(tx, only_problems)),
        "incidents": incidents(tx),
        "short_faults": recorded(tx),
        "events": [event.model_dump(mode="json") for event in page(tx, limit=1000).items],
        "unusable": unusable(tx),
    }
    json.dump(document, out)
    out.write("\n")


def write_csv(tx: Connection, out: TextIO, only_problems: bool) -> None:
    """One line for each lumisection and subsystem, at its end the worst element."""
    head = ("dataset", "run", "ls", "subsystem", "quality", *NUMBERS, "p_value")
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow([*head, "worst_element", "worst_reason", "worst_p_value"])
    for verdict in verdicts(tx, only_problems):
        worst = verdict["elements"][0] if verdict["elements"] else {}
        of_worst = (worst.get(name) for name in ("element", "reason", "p_value"))
        lines.writerow([*(verdict[name] for name in head), *of_worst])


def print_incident(store: Store, settings: Settings, number: int, *, as_json: bool) -> None:
    """Print one incident; raises NightshiftError if there is none of this number."""
    with store.read() as tx:
        incident = incident_pages.detail(tx, number)
        if incident is None:
            raise NightshiftError(f"there is no incident {number}; see `nightshift incidents list`")
        recurrence = earlier.recurrences(tx, [number]).get(number)
        cause = causes.of_active(tx, [number], settings).get(number)
    if as_json:
        follows_from = None if cause is None else cause.text
        typer.echo(orjson.dumps(incident.model_dump() | {"follows_from": follows_from}).decode())
        return
    lines = [
        f"incident {number} ({incident.severity}, {incident.state}): {incident.title}",
        incident.explanation,
        f"opened {iso(incident.opened_s)}; {incident.lumisections} lumisections, family {incident.family}, "
        f"{incident.subsystem or 'nightshift itself'} {incident.dataset}".rstrip(),
    ]
    if not incident.element_group and incident.folders:
        more = len(incident.folders) - MOST_FOLDERS
        lines.append(
            f"folders: {', '.join(incident.folders[:MOST_FOLDERS])}" + (f" and {more} more" if more > 0 else "")
        )
    if cause is not None:
        lines.append(f"follows from {cause.text}")
    if incident.acknowledged_by is not None:
        until = "" if incident.acknowledged_until_s is None else f" until {iso(incident.acknowledged_until_s)}"
        lines.append(f"acknowledged by {incident.acknowledged_by}{until}")
    if incident.assigned_to is not None:
        lines.append(f"assigned to {incident.assigned_to}")
    if recurrence is not None:
        lines.append(recurrence_sentence(recurrence))
    text = load_guidance(settings.alerts.guidance).text_of(incident.family, incident.subsystem, incident.element_group)
    lines += ["", "What to do:", text] if text else []
    lines += ["", "History:"]
    lines += [f"  {iso(entry.at_s)} {entry.actor} {entry.action} {entry.detail}".rstrip() for entry in incident.audit]
    typer.echo("\n".join(lines))
