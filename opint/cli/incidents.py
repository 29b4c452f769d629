"""``nightshift incidents``: the list of what is wrong, from a terminal."""

import getpass
from enum import StrEnum
from typing import Annotated

import typer

from opint.cli.common import Config, Limit, Log, open_store, start

app = typer.Typer(help="List, acknowledge and resolve incidents.", no_args_is_help=True)


class State(StrEnum):
    """States of an incident."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


Id = Annotated[int, typer.Argument(help="The incident's number, as `nightshift incidents list` shows it.")]
Who = Annotated[str, typer.Option("--by", help="Who does it; kept in the audit trail.", show_default="your login name")]
Note = Annotated[str, typer.Option("--note", help="Why; kept in the audit trail.")]


@app.callback()
def group() -> None:
    """List, acknowledge and resolve incidents."""


@app.command("list")
def list_(
    state: Annotated[State | None, typer.Option(help="Only incidents in this state.")] = None,
    subsystem: Annotated[str | None, typer.Option(help="Only incidents of this subsystem.")] = None,
    run: Annotated[int | None, typer.Option(help="Only incidents that touch this run.")] = None,
    limit: Limit = 50,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Show incidents, newest first."""
    from rich.console import Console
    from rich.table import Table

    from opint.store.views.incidents import page as incidents
    from opint.times import iso

    store = open_store(start(config, log_format))
    with store.read() as tx:
        states = () if state is None else (state.value,)
        page = incidents(tx, limit=limit, states=states, subsystem=subsystem, run=run)
    table = Table("id", "state", "severity", "what", "LS", "opened (UTC)", box=None)
    for one in page.items:
        table.add_row(str(one.id), one.state, one.severity, one.title, str(one.lumisections), iso(one.opened_s))
    Console().print(table if page.items else "No incidents.")


@app.command()
def ack(id_: Id, by: Who = "", note: Note = "", config: Config = None, log_format: Log = None) -> None:
    """Acknowledge an incident: somebody is looking at it."""
    _act("acknowledge", id_, by, note, config, log_format)


@app.command()
def resolve(id_: Id, by: Who = "", note: Note = "", config: Config = None, log_format: Log = None) -> None:
    """Resolve an incident; should its cause go on, a new one opens."""
    _act("resolve", id_, by, note, config, log_format)


def _act(action: str, id_: int, by: str, note: str, config: Config, log_format: Log) -> None:
    import time

    from opint.alerts import actions

    store = open_store(start(config, log_format))
    act = {"acknowledge": actions.acknowledge, "resolve": actions.resolve}[action]
    with store.begin() as tx:
        act(tx, id_, by or getpass.getuser(), note, time.time())
    typer.echo(f"incident {id_}: {action}d")
