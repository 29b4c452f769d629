"""``nightshift replay``: publish files to the broker."""

from pathlib import Path
from typing import Annotated

import typer

from opint.cli.common import AsWire, Config, Log, Pace, Runs, Wire, existing, runs_of, start, stop_on_signal


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
    """Publish what files hold to the topic of its kind, in the order in which it stands there.

    Histograms, trigger rates and event features have topics of their own (stream.kafka, rates and hotline in the
    settings). What a recording holds is seen by its content, not by its name.
    """
    from opint.cli.progress import spinner
    from opint.demo.publish import publish
    from opint.recordings import any_kind, good_records

    settings = start(config, log_format)
    with stop_on_signal() as stop, spinner("publishing") as progress:
        records = good_records(files, any_kind(settings), runs_of(runs))
        done = publish(records, settings, wire.content_type, pace, stop, progress)
    typer.echo(f"published {done} lumisections")
