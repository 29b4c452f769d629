"""``nightshift train``: make models from good lumisections."""

from pathlib import Path
from typing import Annotated

import typer

from opint.cli.common import Config, Log, Runs, runs_of, start

app = typer.Typer(help="Train models on good data.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Train models on good data."""


@app.command()
def histograms(
    files: Annotated[
        list[Path], typer.Argument(help="Good lumisections: recordings, UHI/DIALS JSON, CSV, ROOT, Parquet.")
    ],
    runs: Runs = "",
    seed: Annotated[int, typer.Option(help="Seed of everything that is random in training.")] = 0,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Learn references, autoencoders and calibration from good lumisections.

    The files are taken in (run, LS) order: the earlier part trains, the later part calibrates. The bundle
    is written to dqm.models/dqm.model and takes effect when the daemon is started again.
    """
    import numpy as np

    from dqm.train import train
    from opint.cli.progress import bar
    from opint.reading import good_records

    settings = start(config, log_format)
    batches = list(good_records(files, settings.stream, runs_of(runs)))
    batches.sort(key=lambda batch: (batch.key, batch.subsystem))
    folder = settings.dqm.models / settings.dqm.model
    with bar("training") as progress:
        bundle = train(batches, folder, settings.dqm, np.random.default_rng(seed), progress)
    typer.echo(f"{folder}: version {bundle.version[:12]} from {len(batches)} batches")
