"""``nightshift incidents``: the list of what is wrong, from a terminal."""

import getpass
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from opint.cli.common import MOST_NUMBER, Config, Limit, Log, open_store, start, stored_text

if TYPE_CHECKING:
    from sqlalchemy import Connection

app = typer.Typer(help="List, acknowledge, resolve, reopen, judge and accept incidents.", no_args_is_help=True)


class State(StrEnum):
    """States of an incident."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class OrderBy(StrEnum):
    """Which incidents come first."""

    GRAVEST = "gravest"
    NEWEST = "newest"
    SEEN = "seen"
    LONGEST = "longest"


Id = Annotated[
    int,
    typer.Argument(min=1, max=MOST_NUMBER, help="The incident's number, as `nightshift incidents list` shows it."),
]
Ids = Annotated[
    list[int],
    typer.Argument(min=1, max=MOST_NUMBER, help="Numbers, as `nightshift incidents list` shows them."),
]
Who = Annotated[str, typer.Option("--by", help="Who does it; kept in the audit trail.", show_default="your login name")]
Note = Annotated[str, typer.Option("--note", help="Why; kept in the audit trail.")]


@app.callback()
def group() -> None:
    """List, acknowledge, resolve, reopen, judge and accept incidents."""


@app.command("list")
def list_(
    state: Annotated[State | None, typer.Option(help="Only incidents in this state.")] = None,
    subsystem: Annotated[
        str | None,
        typer.Option(parser=stored_text, metavar="NAME", help="Only incidents of subsystems with this in their names."),
    ] = None,
    contains: Annotated[
        str | None, typer.Option(parser=stored_text, metavar="WORDS", help="Only incidents with this in their titles.")
    ] = None,
    order: Annotated[OrderBy, typer.Option(help="Which incidents come first.")] = OrderBy.GRAVEST,
    run: Annotated[int | None, typer.Option(min=0, max=MOST_NUMBER, help="Only incidents that touch this run.")] = None,
    limit: Limit = 50,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Show incidents: those not resolved and critical ones first, then the newest."""
    from rich.console import Console

    from opint.cli.terminal import terminal_table
    from opint.store.incident_pages import page as incidents
    from opint.wording import iso

    store = open_store(start(config, log_format))
    with store.read() as tx:
        states = () if state is None else (state.value,)
        page = incidents(
            tx, limit=limit, states=states, subsystem=subsystem, run=run, words=contains, order=order.value
        )
    table = terminal_table("id", "state", "severity", "what", "LS", "opened (UTC)", folding=("what",))
    for incident in page.items:
        table.add_row(
            str(incident.id),
            incident.state,
            incident.severity,
            incident.title,
            str(incident.lumisections),
            iso(incident.opened_s),
        )
    Console(emoji=False).print(table if page.items else "No incidents.")


@app.command()
def ack(
    ids: Ids,
    hours: Annotated[
        float | None,
        typer.Option("--for", min=0.01, max=31 * 24, metavar="HOURS", help="For how long.", show_default="no end"),
    ] = None,
    by: Who = "",
    note: Note = "",
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Acknowledge incidents: somebody is looking at them. They call again when what is wrong changes."""
    from opint.incidents.operator import acknowledge

    def deed(tx: "Connection", incident_id: int, actor: str, text: str, now_s: float) -> None:
        acknowledge(tx, incident_id, actor, text, now_s, None if hours is None else now_s + 3600.0 * hours)

    _act(deed, "acknowledged", ids, by, note, config, log_format)


@app.command()
def assign(
    id_: Id,
    to: Annotated[str, typer.Argument(help="Who looks after it.")],
    by: Who = "",
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Assign an incident to somebody."""
    from opint.incidents.operator import assign as assign_

    _act(assign_, f"assigned to {to}", [id_], by, to, config, log_format)


@app.command()
def comment(
    id_: Id,
    text: Annotated[str, typer.Argument(help="What there is to say.")],
    by: Who = "",
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Add a comment to the history of an incident."""
    from opint.incidents.operator import comment as comment_

    _act(comment_, "commented", [id_], by, text, config, log_format)


@app.command()
def show(
    id_: Id,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Show one incident: what is wrong, since when, how often before, what to do, and its history."""
    from opint.cli.render import print_incident

    settings = start(config, log_format)
    print_incident(open_store(settings), settings, id_, as_json=as_json)


@app.command()
def resolve(ids: Ids, by: Who = "", note: Note = "", config: Config = None, log_format: Log = None) -> None:
    """Resolve incidents; should their cause go on, new ones open."""
    from opint.incidents.operator import resolve as resolve_

    _act(resolve_, "resolved", ids, by, note, config, log_format)


@app.command()
def reopen(id_: Id, by: Who = "", note: Note = "", config: Config = None, log_format: Log = None) -> None:
    """Reopen an incident that was resolved too early."""
    from opint.incidents.operator import reopen as reopen_

    _act(reopen_, "reopened", [id_], by, note, config, log_format)


@app.command()
def confirm(id_: Id, by: Who = "", note: Note = "", config: Config = None, log_format: Log = None) -> None:
    """Confirm that an incident was a true alarm: training with feedback leaves its lumisections out."""
    from opint.incidents.operator import confirm as confirm_

    _act(confirm_, "confirmed", [id_], by, note, config, log_format)


@app.command("false-alarm")
def false_alarm(id_: Id, by: Who = "", note: Note = "", config: Config = None, log_format: Log = None) -> None:
    """Mark an incident as a false alarm: training with feedback puts its lumisections in."""
    from opint.incidents.operator import dispute

    _act(dispute, "called a false alarm", [id_], by, note, config, log_format)


@app.command()
def accept(
    id_: Id,
    reason: Annotated[str, typer.Option("--reason", help="Why it is the new reference; kept in the audit trail.")],
    together: Annotated[
        bool, typer.Option("--together", help="Accept the incidents of the subsystem that began with it as well.")
    ] = False,
    by: Who = "",
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Accept what an incident is about as the new reference: runs that begin from now on are judged by it."""
    from opint.incidents import acceptance
    from opint.stream_kinds import accepting_streams

    def deed(tx: "Connection", incident_id: int, actor: str, text: str, now_s: float) -> None:
        accepting = acceptance.accept_together if together else acceptance.accept
        accepting(tx, incident_id, actor, text, now_s, accepting_streams())

    _act(deed, "accepted as the new reference", [id_], by, reason, config, log_format)


@app.command()
def revoke(id_: Id, by: Who = "", note: Note = "", config: Config = None, log_format: Log = None) -> None:
    """Undo the acceptance of an incident as the new reference."""
    from opint.incidents.acceptance import revoke as revoke_

    _act(revoke_, "no longer accepted as a reference", [id_], by, note, config, log_format)


Deed = Callable[["Connection", int, str, str, float], None]


def _act(deed: Deed, done: str, ids: list[int], by: str, note: str, config: Config, log_format: Log) -> None:
    """Do it to all of the incidents, or to none."""
    import time

    store = open_store(start(config, log_format))
    with store.begin() as tx:
        for number in ids:
            deed(tx, number, by or getpass.getuser(), note, time.time())
    for number in ids:
        typer.echo(f"incident {number}: {done}")
