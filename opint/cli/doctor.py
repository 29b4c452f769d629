"""``nightshift doctor``: is everything in place?"""

import typer

from opint.cli.common import Config, Log, start

_MARKS = {True: "[green]ok[/green]", False: "[red]FAILS[/red]", None: "[dim]absent[/dim]"}


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
        table.add_row(_MARKS[finding.ok], finding.what, escape(finding.said))
    Console().print(table)
    raise typer.Exit(1 if any(finding.ok is False for finding in findings) else 0)
