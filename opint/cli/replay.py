"""``nightshift replay``: publish files to the broker."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from opint.cli.common import Config, Log, Runs, runs_of, start, stop_on_signal


class Wire(StrEnum):
    """How messages are written."""

    ARROW = "arrow"
    JSON = "json"

    @property
    def content_type(self) -> str:
        """The message header that says so."""
        return {"arrow": "application/vnd.apache.arrow.stream", "json": "application/vnd.uhi+json"}[self.value]


Pace = Annotated[
    float | None,
    typer.Option(min=0.001, help="Lumisections per second (0.0429 is real time).", show_default="as fast as possible"),
]
AsWire = Annotated[Wire, typer.Option("--as", help="Arrow IPC (fast) or UHI JSON (readable).")]


def replay(
    files: Annotated[list[Path], typer.Argument(help="Recordings, UHI/DIALS JSON, CSV dialect, ROOT, Parquet.")],
    runs: Runs = "",
    pace: Pace = None,
    wire: AsWire = Wire.ARROW,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Publish the histograms of files to the topic, in the order in which they stand there."""
    from opint.publishing import publish
    from opint.reading import good_records

    settings = start(config, log_format)
    with stop_on_signal() as stop:
        batches = good_records(files, settings.stream, runs_of(runs))
        done = publish(batches, settings.stream.kafka, wire.content_type, pace, stop)
    typer.echo(f"published {done} lumisections")
