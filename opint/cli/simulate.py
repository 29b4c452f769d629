"""``nightshift simulate``: lumisections of a simulated detector, with faults whose truth is known."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conf.errors import NightshiftError
from conf.settings import Settings
from opint.cli.common import (
    AsWire,
    AtMost,
    ConditionsFile,
    Config,
    GoodOnly,
    Log,
    OutFile,
    Pace,
    Publish,
    Skip,
    TruthFile,
    Wire,
    start,
)
from streams.stopping import stop_on_signal

if TYPE_CHECKING:
    from streams.replay import Keyed


def simulate(
    templates: Annotated[
        Path | None,
        typer.Option(help="Parquet file of mean and principal components of each ME.", show_default="own detector"),
    ] = None,
    conditions: ConditionsFile = None,
    good_only: GoodOnly = False,
    skip: Skip = 0,
    lumisections: AtMost = None,
    faults: Annotated[int, typer.Option(min=0, max=100, help="Faults in every 300 lumisections.")] = 8,
    seed: Annotated[int, typer.Option(help="Seed of noise and faults.")] = 1,
    detector_seed: Annotated[int, typer.Option(help="Seed of the detector: its shapes and its drift.")] = 0,
    truth: TruthFile = None,
    out: OutFile = None,
    publish: Publish = False,
    pace: Pace = None,
    wire: AsWire = Wire.ARROW,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Simulate detector lumisections with injected faults; write them to a file or publish them.

    Shapes follow pileup and fill as a real detector's do. Without --good-only the stream has injection,
    ramps and dumps as well.
    """
    from dqm.simulate.detector import Detector
    from opint.demo.simulation import batches_of, conditions_of, faulty

    one_destination(out, publish)
    settings = start(config, log_format)
    detector = (
        Detector.built_in(detector_seed) if templates is None else Detector.from_templates(templates, detector_seed)
    )
    source = conditions_of(conditions, good_only, seed)
    stream = faulty(detector, source, skip, lumisections, faults, seed, truth)
    deliver(batches_of(stream), "batches", out, settings, wire, pace)


def one_destination(out: Path | None, publish: bool) -> None:
    """Raise NightshiftError unless exactly one is named."""
    if publish == (out is not None):
        raise NightshiftError("say where the lumisections go: either --out FILE or --publish")


def deliver(
    records: "Iterable[Keyed]",
    called: str,
    out: Path | None,
    settings: Settings,
    wire: Wire,
    pace: float | None,
) -> None:
    """Write the records to ``out``, or publish them until they end or a signal comes; say how many."""
    from opint.cli.terminal import spinner
    from opint.demo.publish import publish
    from streams.files.arrow_file import write_recording

    if out is not None:
        try:
            typer.echo(f"{out}: {write_recording(out, records)} {called}")
        except OSError as error:
            raise NightshiftError(f"{out} cannot be written: {error.strerror or error}") from error
        return
    with stop_on_signal() as stop, spinner("publishing") as progress:
        done = publish(records, settings, wire.content_type, pace, stop, progress)
    typer.echo(f"published {done} lumisections")
