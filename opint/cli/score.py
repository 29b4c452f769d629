"""``nightshift score``: the daemon's pipelines on files, without a broker."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from conf.errors import SettingsError
from opint.cli.common import Config, Log, existing, open_store, start, stop_on_signal


def score(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Recordings of histograms, trigger rates or events, UHI/DIALS JSON, CSV dialect, ROOT, Parquet.",
            callback=existing,
        ),
    ],
    keep: Annotated[
        bool, typer.Option("--keep", help="Write to the settings' database, for the dashboard, not to a temporary one.")
    ] = False,
    only_problems: Annotated[bool, typer.Option("--only-problems", help="Leave good lumisections out.")] = False,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Judge the lumisections of files and print a verdict for each.

    The same pipelines as `nightshift run`: scores, verdicts, incidents, kept events. With --keep a file is read once:
    the database remembers how far it was read. Exits with 1 if nothing in the files could be used.
    """
    from rich.console import Console

    from opint.cli.render import nothing_usable, report
    from opint.daemon.run import score_files
    from opint.store.engine import Store

    settings = start(config, log_format)
    with tempfile.TemporaryDirectory(prefix="nightshift-") as folder, stop_on_signal() as stop:
        if keep:
            store = open_store(settings)
        else:
            store = Store.open(f"sqlite:///{folder}/score.db")
            store.upgrade()
        score_files(settings, store, files, stop)
        with store.read() as tx:
            report(tx, Console(), only_problems)
            trouble = nothing_usable(tx, files)
        store.close()
    if trouble:
        raise SettingsError(trouble)
