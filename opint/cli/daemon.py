"""``nightshift run``, ``dashboard`` and ``demo``, and what they need: ``doctor`` and ``db``."""

from pathlib import Path
from typing import Annotated

import typer

from opint.cli.common import Config, Log, open_store, start
from streams.stopping import stop_on_signal


def run(config: Config = None, log_format: Log = None) -> None:
    """Consume histograms, judge them, keep incidents. Runs until it is told to stop (SIGTERM, Ctrl-C).

    Several daemons with the same stream.kafka.group share the partitions. Killed at any moment, it goes
    on where it was: nothing is lost or done twice.
    """
    settings = start(config, log_format)
    from opint.daemon.run import run_daemon

    with stop_on_signal() as stop:
        run_daemon(settings, open_store(settings), stop)


def dashboard(config: Config = None, log_format: Log = None) -> None:
    """Serve the operator's page on a loopback address."""
    settings = start(config, log_format)
    import time

    from opint.dashboard.serve import serve

    serve(settings, open_store(settings), time.time, lambda address: typer.echo(f"dashboard: {address}"))


def demo(
    folder: Annotated[Path, typer.Option(help="Where models, database and logs are kept.")] = Path("var/demo"),
    pace: Annotated[float, typer.Option(min=0.04, max=20, help="Lumisections per second.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Seed of what is simulated, and of its faults.")] = 1,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Watch a simulated detector and trigger: broker, producers, daemon and dashboard on this machine.

    The first start trains the models on simulated good lumisections (under a minute). Then open the
    printed address: histograms, trigger rates and events arrive, faults are injected, found, named and
    explained, and the most unusual events are kept. The next start goes on where this one ends; to begin
    anew, remove the folder.
    """
    from opint.cli.terminal import bar
    from opint.demo import processes
    from opint.demo.models import ensure_models

    settings = start(config, log_format)
    with stop_on_signal() as stop:
        with bar("preparing") as progress:
            ensure_models(settings, folder / "models", seed, progress)
        if not stop.is_set():
            processes.run(settings, folder, pace, seed, stop, typer.echo)


_FINDING_MARKS = {True: "[green]ok[/green]", False: "[red]FAILS[/red]", None: "[dim]absent[/dim]"}


def doctor(config: Config = None, log_format: Log = None) -> None:
    """Check settings, database, model, broker or folder, and optional tools; say what to do about each.

    Exits with 1 if anything that the daemon needs is missing.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from opint.daemon.doctor import Finding, examine

    settings = start(config, log_format)
    findings = [Finding("settings", True, "built-in defaults" if config is None else str(config)), *examine(settings)]
    table = Table(box=None, show_header=False)
    for finding in findings:
        table.add_row(_FINDING_MARKS[finding.ok], finding.what, escape(finding.detail))
    Console().print(table)
    raise typer.Exit(1 if any(finding.ok is False for finding in findings) else 0)


database = typer.Typer(help="Create and upgrade the database.", no_args_is_help=True)


@database.callback()
def database_group() -> None:
    """Create and upgrade the database."""


@database.command()
def upgrade(config: Config = None, log_format: Log = None) -> None:
    """Create the tables, or bring them up to this release. Safe to repeat, and before every start."""
    from opint.store.engine import Store

    settings = start(config, log_format)
    store = Store.open(settings.database.url.get_secret_value())
    before = store.version()
    store.upgrade()
    typer.echo(f"{store.name}: {before or 'empty'} -> {store.version()}")
