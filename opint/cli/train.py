"""``nightshift train``: make models from good lumisections."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conf.settings import Settings
from opint.cli.common import Config, Log, Runs, bundle_name, existing, open_store, runs_of, start

if TYPE_CHECKING:
    from opint.registry.training_data import OperatorFeedback

app = typer.Typer(help="Train models on good data.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Train models on good data."""


@app.command()
def histograms(
    files: Annotated[
        list[Path],
        typer.Argument(help="Good lumisections: recordings, UHI/DIALS JSON, CSV, ROOT, Parquet.", callback=existing),
    ],
    runs: Runs = "",
    seed: Annotated[int, typer.Option(help="Seed of everything that is random in training.")] = 0,
    name: Annotated[
        str,
        typer.Option("--as", help="Name of the bundle, so that another may go on judging.", show_default="dqm.model"),
    ] = "",
    with_feedback: Annotated[
        bool,
        typer.Option(
            "--with-feedback",
            help="Leave lumisections of confirmed incidents out and put those of false alarms in.",
        ),
    ] = False,
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels",
            help="Take only what this file calls good: good-run JSON, CSV (run, ls, flag), Run Registry JSON.",
        ),
    ] = None,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Learn references, autoencoders and calibration from good lumisections.

    The files are taken in (run, LS) order: the earlier part trains, the later part calibrates. The bundle
    is written to dqm.models under the name dqm.model and takes effect when the daemon is started again. Under
    another name (--as) it judges nothing until it is set to run in shadow (dqm.shadow) or promoted.
    """
    import numpy as np

    from dqm.histograms.pipeline import Pipeline
    from dqm.histograms.resolution import resolutions
    from dqm.histograms.train import train
    from opint.cli.progress import bar
    from opint.labels.files import read_labels
    from opint.recordings import good_records
    from opint.recordings import histograms as read
    from opint.registry.training_data import OperatorFeedback, TrainingSelection

    settings = start(config, log_format)
    if name:
        settings = settings.model_copy(update={"dqm": settings.dqm.model_copy(update={"model": bundle_name(name)})})
    selection = TrainingSelection(
        runs_of(runs),
        _operator_feedback(settings) if with_feedback else OperatorFeedback(),
        read_labels(labels) if labels else None,
    )
    batches = list(selection.of(good_records(files, read(settings))))
    batches.sort(key=lambda batch: (batch.key, batch.subsystem))
    if with_feedback:
        left_out, put_in = len(selection.left_out), len(selection.put_in)
        typer.echo(f"feedback: {left_out} subsystem lumisections left out, {put_in} put in", err=True)
    if labels:
        typer.echo(f"labels: {len(selection.not_good)} subsystem lumisections left out as not good", err=True)
    folder = settings.dqm.models / settings.dqm.model
    with bar("training") as progress:
        bundle = train(batches, folder, settings.dqm, np.random.default_rng(seed), progress, time.time())
    typer.echo(f"{folder}: version {bundle.version[:12]}")
    for period in ("training", "calibration"):
        used = bundle.manifest[period]
        extent = f"{used['lumisections']} lumisections of {used['runs']} runs, {used['first']} to {used['last']}"
        typer.echo(f"{period}: {extent}")
    for resolution in resolutions(bundle, Pipeline(bundle, settings.dqm, settings.alerts).thresholds):
        typer.echo(resolution.sentence())


@app.command()
def rates(
    files: Annotated[
        list[Path],
        typer.Argument(help="Recordings of good trigger rates, or tables (CSV, Parquet).", callback=existing),
    ],
    runs: Runs = "",
    seed: Annotated[int, typer.Option(help="Seed of everything that is random in training.")] = 0,
    name: Annotated[
        str,
        typer.Option("--as", help="Name of the bundle, so that another may go on judging.", show_default="rates.model"),
    ] = "",
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Learn how trigger rates follow pileup and each other, and how far they may go, from good lumisections.

    The files are taken as they come and must be in the order of time: the earlier part trains, the later part
    calibrates. At least 200 lumisections with stable beams are needed, of several fills and prescale columns. The
    bundle is written to dqm.models under the name rates.model and takes effect when the daemon is started again.
    """
    import numpy as np

    from dqm.rates.train import train
    from opint.cli.progress import bar
    from opint.recordings import good_records
    from opint.recordings import rates as read

    settings = start(config, log_format)
    chosen = settings.rates.model_copy(update={"model": bundle_name(name)}) if name else settings.rates
    folder = settings.dqm.models / chosen.model
    records = good_records(files, read(settings), runs_of(runs))
    with bar("training") as progress:
        bundle = train(records, folder, chosen, np.random.default_rng(seed), progress, time.time())
    learned, calibrated = bundle.manifest["lumisections"]
    typer.echo(f"{folder}: version {bundle.version[:12]} from {learned} lumisections, calibrated on {calibrated}")


@app.command()
def hotline(
    files: Annotated[
        list[Path], typer.Argument(help="Recordings of event features, in the order of time.", callback=existing)
    ],
    runs: Runs = "",
    seed: Annotated[int, typer.Option(help="Seed of everything that is random in training.")] = 0,
    name: Annotated[
        str,
        typer.Option(
            "--as", help="Name of the bundle, so that another may go on judging.", show_default="hotline.model"
        ),
    ] = "",
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Learn what events usually look like, and how rare it is that one looks different.

    No truth is needed: what is unusual has to be too rare to be learned. The files are taken as they come and must be
    in the order of time: the earlier part trains, the later part calibrates. At least 5,000 events are needed. The
    bundle is written to dqm.models under the name hotline.model and takes effect when the daemon is started again.
    """
    import numpy as np

    from dqm.events.train import train
    from opint.cli.progress import spinner
    from opint.recordings import events as read
    from opint.recordings import good_records

    settings = start(config, log_format)
    folder = settings.dqm.models / (bundle_name(name) if name else settings.hotline.model)
    records = good_records(files, read(settings), runs_of(runs))
    with spinner("reading lumisections") as tell:

        def count(done: int) -> None:
            tell(f"{done:,} lumisections read")

        model = train(records, folder, settings.hotline, np.random.default_rng(seed), count, time.time())
    typer.echo(f"{folder}: version {model.version[:12]}, {model.events_per_s:.3g} events a second of live time")


def _operator_feedback(settings: Settings) -> "OperatorFeedback":
    from opint.registry.training_data import OperatorFeedback

    with open_store(settings).read() as tx:
        return OperatorFeedback.read(tx)
