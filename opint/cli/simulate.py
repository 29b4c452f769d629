"""``nightshift simulate``: lumisections of a simulated detector, with faults whose truth is known."""

from pathlib import Path
from typing import Annotated

import typer

from conf.errors import NightshiftError
from opint.cli.common import AsWire, Config, Log, Pace, Wire, start, stop_on_signal


def simulate(
    templates: Annotated[
        Path | None,
        typer.Option(help="Parquet file of mean and principal components of each ME.", show_default="own detector"),
    ] = None,
    conditions: Annotated[
        Path | None,
        typer.Option(help="Parquet file of real lumisections (OMS columns).", show_default="generated fills"),
    ] = None,
    good_only: Annotated[bool, typer.Option("--good-only", help="Only stable beams with data recorded.")] = False,
    skip: Annotated[int, typer.Option(min=0, help="Leave out so many lumisections at the beginning.")] = 0,
    lumisections: Annotated[
        int | None, typer.Option(min=1, help="At most so many.", show_default="as many as there are conditions")
    ] = None,
    faults: Annotated[int, typer.Option(min=0, max=100, help="Faults in every 300 lumisections.")] = 8,
    seed: Annotated[int, typer.Option(help="Seed of noise and faults.")] = 1,
    detector_seed: Annotated[int, typer.Option(help="Seed of the detector: its shapes and its drift.")] = 0,
    truth: Annotated[Path | None, typer.Option(help="Write the faults here, one JSON object a line.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write a recording for `nightshift replay` or `score`.")] = None,
    publish: Annotated[bool, typer.Option("--publish", help="Publish to the topic instead.")] = False,
    pace: Pace = None,
    wire: AsWire = Wire.ARROW,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Simulate detector lumisections with injected faults; write them to a file or publish them.

    Shapes follow pileup and fill as a real detector's do. Without --good-only the stream has injection,
    ramps and dumps as well.
    """
    from dqm.simulate import conditions as machine
    from dqm.simulate.detector import Detector
    from opint.simulation import batches_of, endless, faulty
    from streams.files.arrow_file import write_recording

    if publish == (out is not None):
        raise NightshiftError("say where the lumisections go: either --out FILE or --publish")
    settings = start(config, log_format)
    detector = Detector.own(detector_seed) if templates is None else Detector.from_templates(templates, detector_seed)
    source = endless(seed, good_only) if conditions is None else machine.from_oms(conditions, good_only=good_only)
    stream = faulty(detector, source, skip, lumisections, faults, seed, truth)
    if out is not None:
        typer.echo(f"{out}: {write_recording(out, batches_of(stream))} batches")
        return
    from opint.publishing import publish as send

    with stop_on_signal() as stop:
        done = send(batches_of(stream), settings, wire.content_type, pace, stop)
    typer.echo(f"published {done} lumisections")
