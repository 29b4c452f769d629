"""``nightshift score`` and ``nightshift replay``: files judged without a broker, or published to it."""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from conf.errors import SettingsError
from opint.cli.common import AsWire, Config, Log, Pace, Runs, Wire, existing, open_store, runs_of, start
from streams.stopping import stop_on_signal


def replay(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Recordings of any kind; histograms in UHI/DIALS JSON, CSV dialect, ROOT, Parquet.", callback=existing
        ),
    ],
    runs: Runs = "",
    pace: Pace = None,
    wire: AsWire = Wire.ARROW,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Publish the contents of files to the topics of their kinds, in the order of the files.

    Histograms, trigger rates and event features have topics of their own (stream.kafka, rates and hotline in the
    settings). The kind of a recording is recognised by its content, not by its name.
    """
    from opint.cli.terminal import spinner
    from opint.demo.publish import publish
    from opint.recordings import good_records
    from opint.stream_kinds import reader_of_any

    settings = start(config, log_format)
    with stop_on_signal() as stop, spinner("publishing") as progress:
        records = good_records(files, reader_of_any(settings), runs_of(runs))
        done = publish(records, settings, wire.content_type, pace, stop, progress)
    typer.echo(f"published {done} lumisections")


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
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object: verdicts, elements, incidents.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV, a line for each lumisection and subsystem.")] = False,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Judge the lumisections of files and print a verdict for each, with the worst elements.

    The same pipelines as `nightshift run`: scores, verdicts, incidents, kept events. With --keep a file is read once:
    the database remembers how far it was read. Exits with 1 if nothing in the files could be used.
    """
    from rich.console import Console

    from opint.cli.render import nothing_usable, report, write_csv, write_json
    from opint.daemon.run import score_files
    from opint.store.engine import Store

    if as_json and as_csv:
        raise SettingsError("--json and --csv exclude each other")
    settings = start(config, log_format)
    with tempfile.TemporaryDirectory(prefix="nightshift-") as folder, stop_on_signal() as stop:
        if keep:
            store = open_store(settings)
        else:
            store = Store.open(f"sqlite:///{folder}/score.db")
            store.upgrade()
        score_files(settings, store, files, stop)
        with store.read() as tx:
            if as_json or as_csv:
                (write_json if as_json else write_csv)(tx, sys.stdout, only_problems)
            else:
                report(tx, Console(), only_problems)
            trouble = nothing_usable(tx, files)
        store.close()
    if trouble:
        raise SettingsError(trouble)
