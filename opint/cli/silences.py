"""``nightshift silence``: who wants to hear nothing of what, until when and why."""

import getpass
import re
import time
from typing import TYPE_CHECKING, Annotated

import typer

from conf.errors import SettingsError
from opint.cli.common import MOST_NUMBER, Config, Limit, Log, open_store, start, stored_text
from opint.wording import parse_moment

if TYPE_CHECKING:
    from conf.notifications import Matchers

app = typer.Typer(help="Silence incidents for a time, with a reason.", no_args_is_help=True)

_UNIT_S = {"min": 60.0, "h": 3600.0, "d": 86_400.0}


def _patterns(what: str) -> typer.models.OptionInfo:
    info: typer.models.OptionInfo = typer.Option(
        f"--{what}", parser=stored_text, metavar="PATTERN", help=f"Only this {what} (*, ?); repeat for several."
    )
    return info


Severities = Annotated[list[str] | None, _patterns("severity")]
Families = Annotated[list[str] | None, _patterns("family")]
Subsystems = Annotated[list[str] | None, _patterns("subsystem")]
Folders = Annotated[list[str] | None, _patterns("folder")]
Datasets = Annotated[list[str] | None, _patterns("dataset")]
Modes = Annotated[list[str] | None, _patterns("mode")]
Number = Annotated[
    int, typer.Argument(min=1, max=MOST_NUMBER, help="The silence's number (`nightshift silence list`).")
]
Who = Annotated[str, typer.Option("--by", help="Who does it.", show_default="your login name")]


@app.callback()
def group() -> None:
    """Silence incidents for a time, with a reason."""


@app.command()
def add(
    reason: Annotated[str, typer.Option(help="Why, for whoever comes next.")],
    until: Annotated[
        str, typer.Option(metavar="WHEN", help="30min, 8h, 2d, a time (2026-05-03T06:00Z), or `resolved`.")
    ],
    severity: Severities = None,
    family: Families = None,
    subsystem: Subsystems = None,
    folder: Folders = None,
    dataset: Datasets = None,
    mode: Modes = None,
    by: Who = "",
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Silence matching incidents: they stay on the page, marked, and call nobody until the silence ends."""
    from opint.notifications import silencing

    match = _matchers(severity, family, subsystem, folder, dataset, mode)
    now_s = time.time()
    ends_s = _end(until, now_s)
    store = open_store(start(config, log_format))
    with store.begin() as tx:
        number = silencing.add(tx, match, by or getpass.getuser(), reason, now_s, ends_s)
        there = silencing.preview(tx, match, now_s)
    typer.echo(f"silence {number}: hides {len(there.now)} active incidents")


@app.command()
def preview(
    severity: Severities = None,
    family: Families = None,
    subsystem: Subsystems = None,
    folder: Folders = None,
    dataset: Datasets = None,
    mode: Modes = None,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Say what a silence would hide now, and what it would have hidden in the past week; nothing is stored."""
    from opint.notifications import silencing
    from opint.store import incidents

    match = _matchers(severity, family, subsystem, folder, dataset, mode)
    store = open_store(start(config, log_format))
    with store.read() as tx:
        there = silencing.preview(tx, match, time.time())
        shown = [incidents.get(tx, number) for number in there.examples]
    typer.echo(f"would hide now: {len(there.now)}; would have hidden in the past week: {there.week}")
    for incident in shown:
        typer.echo(f"  {incident.id} ({incident.severity}, {incident.state}): {incident.title}")
    if there.week > len(shown):
        typer.echo(f"  and {there.week - len(shown)} more")


@app.command("list")
def list_(
    ended: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    limit: Limit = 50,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Show silences with what they hide, and which of them end soon, hide nothing or hide something new."""
    from opint.notifications import silencing
    from opint.wording import iso

    store, now_s = open_store(start(config, log_format)), time.time()
    with store.read() as tx:
        shown = silencing.listed(tx, now_s, limit, ended=ended)
    if as_json:
        import orjson

        for entry in shown:
            hidden = [] if entry.effect is None else entry.effect.hidden
            fields = {"silence": entry.stored, "end": entry.silence.end(now_s), "hides": hidden, "flags": entry.flags}
            typer.echo(orjson.dumps(fields).decode())
        return
    from rich.console import Console

    from opint.cli.terminal import terminal_table

    table = terminal_table(
        "id", "what", "until (UTC)", "hides", "by", "reason", "note", folding=("what", "reason", "note")
    )
    for entry in shown:
        ends = entry.silence.end(now_s)
        if entry.stored.ends_s is not None and entry.stored.expired_s is None:
            ends = iso(entry.stored.ends_s)
        hides = "" if entry.effect is None else str(len(entry.effect.hidden))
        what = silencing.matchers_text(entry.stored.match)
        row = (what, ends, hides, entry.stored.actor, entry.stored.reason, "; ".join(entry.flags))
        table.add_row(str(entry.stored.id), *row)
    Console().print(table if shown else "No silences.")


@app.command()
def expire(id_: Number, by: Who = "", config: Config = None, log_format: Log = None) -> None:
    """End a silence now; incidents that it held back call if they go on."""
    from opint.notifications import silencing

    store = open_store(start(config, log_format))
    with store.begin() as tx:
        silencing.expire(tx, id_, by or getpass.getuser(), time.time())
    typer.echo(f"silence {id_}: ended")


def _matchers(
    severity: list[str] | None,
    family: list[str] | None,
    subsystem: list[str] | None,
    folder: list[str] | None,
    dataset: list[str] | None,
    mode: list[str] | None,
) -> "Matchers":
    from opint.notifications.silencing import matchers

    values = {"severity": severity, "family": family, "subsystem": subsystem, "folder": folder, "dataset": dataset}
    return matchers(values | {"mode": mode})


def _end(text: str, now_s: float) -> float | None:
    """When a silence ends, s since 1970; None for ``resolved``. Raises SettingsError."""
    if text == "resolved":
        return None
    if (length := re.fullmatch(r"([0-9]{1,6})(min|h|d)", text)) is not None:
        return now_s + int(length[1]) * _UNIT_S[length[2]]
    try:
        return parse_moment(text)
    except SettingsError:
        hint = "write 30min, 8h, 2d, a time such as 2026-05-03T06:00Z, or resolved"
        raise SettingsError(f"--until is {text[:40]!r}; {hint}") from None
