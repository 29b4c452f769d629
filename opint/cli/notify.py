"""``nightshift notify``: deliver notifications, test receivers, and say why who was called."""

import os
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from conf.errors import NightshiftError, SettingsError
from opint.cli.common import MOST_NUMBER, Config, Limit, Log, open_store, start
from streams.stopping import stop_on_signal

if TYPE_CHECKING:
    from conf.notifications import AnyReceiver
    from conf.settings import Settings

app = typer.Typer(help="Deliver notifications, test receivers, explain calls.", no_args_is_help=True)


class MessageState(StrEnum):
    """States of a message."""

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"


@app.callback()
def group() -> None:
    """Deliver notifications, test receivers, explain calls."""


@app.command()
def run(config: Config = None, log_format: Log = None) -> None:
    """Deliver notifications until told to stop. `nightshift run` does so too; several may run on one database."""
    settings = start(config, log_format)
    from opint.daemon.run import own_name
    from opint.notifications.dispatcher import make_dispatcher

    if not settings.notifications.receivers:
        raise SettingsError("notifications.receivers is empty: there is nobody to notify; see docs/alerts.md")
    store = open_store(settings)
    dispatcher = make_dispatcher(settings, store, os.environ, own_name(), time.time)
    with stop_on_signal() as stop:
        dispatcher.run(stop)


@app.command("test")
def send_test(
    receiver: Annotated[str, typer.Argument(help="Name of a receiver in notifications.receivers.")],
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Send a test message to one receiver, at once, and say what it answers. Nothing is stored."""
    settings = start(config, log_format)
    import secrets

    from opint.notifications.content import trial_content
    from opint.notifications.receivers.registry import make_sender
    from opint.notifications.receivers.sender import DeliveryError, Outgoing

    chosen = _receiver(settings, receiver)
    sender = make_sender(chosen, os.environ)
    begin_s, now_s = time.monotonic(), time.time()
    try:
        sender.send(Outgoing(f"test-{secrets.token_hex(8)}", trial_content(receiver, now_s), now_s))
    except DeliveryError as error:
        raise NightshiftError(f"receiver {receiver!r} did not accept the test message: {error}") from None
    finally:
        sender.close()
    typer.echo(f"receiver {receiver!r} accepted the test message in {time.monotonic() - begin_s:.2f} s")


def _receiver(settings: "Settings", name: str) -> "AnyReceiver":
    receivers = settings.notifications.receivers
    for receiver in receivers:
        if receiver.name == name:
            return receiver
    names = ", ".join(receiver.name for receiver in receivers) or "none"
    raise SettingsError(f"{name!r} is no receiver of notifications.receivers; there are: {names}")


@app.command("list")
def list_(
    state: Annotated[MessageState | None, typer.Option(help="Only messages in this state.")] = None,
    limit: Limit = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Show messages, newest first: those that wait, were sent or are dead."""
    from opint.store import messages

    store = open_store(start(config, log_format))
    with store.read() as tx:
        shown, _ = messages.page(tx, state=None if state is None else state.value, limit=limit)
    if as_json:
        import orjson

        for message in shown:
            typer.echo(orjson.dumps(message).decode())
        return
    from rich.console import Console

    from opint.cli.terminal import terminal_table
    from opint.wording import iso

    table = terminal_table(
        "id", "state", "receiver", "composed (UTC)", "attempts", "subject", "error", folding=("subject", "error")
    )
    for message in shown:
        row = (message.state, message.receiver, iso(message.composed_s), str(message.attempts), message.subject)
        table.add_row(str(message.id), *row, message.error)
    Console().print(table if shown else "No messages.")


@app.command()
def resend(
    ids: Annotated[
        list[int], typer.Argument(min=1, max=MOST_NUMBER, help="Numbers of dead messages (`nightshift notify list`).")
    ],
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Send dead messages again, each under its key, once their cause has been mended."""
    from opint.store import messages

    store = open_store(start(config, log_format))
    with store.begin() as tx:
        for number in ids:
            messages.resend(tx, number, time.time())
    typer.echo(f"will be sent again: {', '.join(map(str, ids))}")


@app.command()
def explain(
    id_: Annotated[int, typer.Argument(min=1, max=MOST_NUMBER, help="The incident's number.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Say who was notified of an incident, who was not, and why."""
    from opint.notifications import causes
    from opint.notifications.explain import explain as explained
    from opint.store import incidents

    settings = start(config, log_format)
    with open_store(settings).read() as tx:
        incident = incidents.get(tx, id_)
        accounts = explained(tx, id_)
        cause = causes.of_active(tx, [id_], settings).get(id_)
    if as_json:
        import orjson

        for account in accounts:
            typer.echo(orjson.dumps(account).decode())
        return
    from rich.console import Console

    from opint.cli.terminal import terminal_table
    from opint.wording import iso

    console = Console()
    console.print(f"incident {id_} ({incident.severity}, {incident.state}): {incident.title}", markup=False)
    if cause is not None:
        console.print(f"It follows from {cause.text}, and calls nobody while that lasts.", markup=False)
    table = terminal_table("when (UTC)", "change", "receiver", "outcome", "why", folding=("why",))
    for account in accounts:
        table.add_row(iso(account.at_s), account.change, account.receiver or "nobody", account.outcome, account.why)
    console.print(table if accounts else "It concerns nobody: nothing happened to it that calls.")
