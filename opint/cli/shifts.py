"""``nightshift shift``: what there is to hand over, and notes for the next shift."""

import getpass
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from conf.errors import SettingsError
from opint.cli.common import Config, Log, open_store, start, stored_text, write_file

MOST_TEXT = 2000
"""Characters of a note."""

app = typer.Typer(help="Hand a shift over: its report, and notes for the next one.", no_args_is_help=True)


class ReportFormat(StrEnum):
    """How a report is written."""

    MARKDOWN = "markdown"
    JSON = "json"


@app.callback()
def group() -> None:
    """Hand a shift over: its report, and notes for the next one."""


@app.command("report")
def report(
    at: Annotated[
        str, typer.Option(metavar="TIME", help="A moment of the shift, ISO 8601 in UTC.", show_default="now")
    ] = "",
    form: Annotated[
        ReportFormat, typer.Option("--as", help="Markdown for a log book, or JSON.")
    ] = ReportFormat.MARKDOWN,
    out: Annotated[Path | None, typer.Option(help="Write it here.", show_default="standard output")] = None,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Write what happened in a shift: incidents by cause, who did what, notes, runs, luminosity lost, open points."""
    import orjson

    from opint.shifts.report import read_report, to_markdown
    from opint.shifts.schedule import shift_at
    from opint.wording import parse_moment

    settings = start(config, log_format)
    now_s = time.time()
    shift = shift_at(settings.shifts, parse_moment(at) if at else now_s)
    with open_store(settings).read() as tx:
        shift_report = read_report(tx, shift, settings, now_s)
    text = (
        to_markdown(shift_report)
        if form is ReportFormat.MARKDOWN
        else orjson.dumps(shift_report, option=orjson.OPT_INDENT_2).decode()
    )
    if out is None:
        typer.echo(text.rstrip("\n"))
    else:
        write_file(out, text.encode())


@app.command("note")
def note(
    text: Annotated[str, typer.Argument(parser=stored_text, metavar="TEXT", help="What the next shift should know.")],
    by: Annotated[str, typer.Option("--by", help="Who writes it.", show_default="your login name")] = "",
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Keep a note (Markdown) in the present shift."""
    from opint.store import shifts
    from opint.store.shifts import ShiftNote

    if not 0 < len(text.strip()) <= MOST_TEXT:
        raise SettingsError(f"the note has {len(text.strip())} characters; write 1 to {MOST_TEXT}")
    store = open_store(start(config, log_format))
    with store.begin() as tx:
        shifts.add_note(tx, ShiftNote(time.time(), by or getpass.getuser(), text.strip()))
    typer.echo("kept")
