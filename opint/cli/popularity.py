"""``nightshift popularity``: which datasets will be popular, and how good such forecasts have been."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opint.cli import placement
from opint.cli.common import Config, Log, open_store, start
from opint.cli.popularity_options import (
    Catalogue,
    Conferences,
    Horizon,
    Keep,
    LabelText,
    ModelName,
    Seed,
    TableFile,
    TrainedFile,
    announce_duration,
    load_calendar,
    load_task,
    load_trained,
    train_on_table,
    write_json,
)

if TYPE_CHECKING:
    from rich.table import Table

    from opint.popularity.forecasting import Forecast
    from opint.popularity.history import History

app = typer.Typer(help="Forecast which datasets will be popular, and plan where to keep them.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Forecast which datasets will be popular, and plan where to keep them."""


@app.command()
def train(
    table: TableFile,
    out: Annotated[Path, typer.Option("--out", help="Write the trained model to this file.")],
    label: LabelText = "naccess > 10",
    model: ModelName = "boosting",
    horizon: Horizon = 1,
    conferences: Conferences = None,
    seed: Seed = 0,
) -> None:
    """Train a model on all weeks of a table and keep it in a file, for forecasts of the weeks that follow.

    Its probabilities are calibrated on the newest twelve weeks, each forecast as if it lay ahead. The file is loaded
    without executing anything in it. A scoreboard tells how good such a model is.
    """
    from opint.popularity.trained_model import save_model

    task = load_task(table, label, horizon, conferences)
    trained = train_on_table(task, model, seed)
    save_model(trained, out)
    ahead = "one week" if horizon == 1 else f"{horizon} weeks"
    typer.echo(f"{out}: {model} for {trained.label} {ahead} ahead, trained on weeks up to that of {trained.newest}")


@app.command()
def forecast(
    context: typer.Context,
    table: TableFile,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write all datasets to this file (CSV, or .parquet).")
    ] = None,
    trained: TrainedFile = None,
    label: LabelText = "naccess > 10",
    model: ModelName = "boosting",
    horizon: Horizon = 1,
    conferences: Conferences = None,
    confidence: Annotated[
        float, typer.Option(min=0.5, max=0.999, help="Below it the answer is neither yes nor no but unsure.")
    ] = 0.8,
    top: Annotated[int, typer.Option(min=1, max=10_000, help="Number of datasets shown, the likeliest first.")] = 20,
    keep: Keep = False,
    catalogue: Catalogue = "datasets",
    seed: Seed = 0,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Forecast which datasets will be popular after the table's last week, and how likely that is.

    The model is trained anew on the weeks of the table, so the same table gives the same forecast; with --trained it is
    read from a file, with its label and horizon. Probabilities are calibrated on forecasts of earlier weeks; datasets
    with hardly any history are judged by their names as well.
    With --keep, persistence forecasts where the newest stored scoreboard says that the model does not beat it.
    """
    import pyarrow as pa
    from rich.console import Console

    from opint.popularity.forecasting import forecast as forecast_week
    from opint.popularity.storage import demoted_datasets, store_forecast
    from opint.popularity.tables import write_table
    from opint.store.popularity import ForecastKey, model_by_tier

    store = open_store(start(config, log_format)) if keep else None
    if trained is None:
        task = load_task(table, label, horizon, conferences)
        trained_model = train_on_table(task, model, seed)
    else:
        task, trained_model = load_trained(context, table, trained)
    history = task.history
    key, demoted = ForecastKey(catalogue, str(task.label), task.horizon), None
    if store is not None:
        with store.read() as tx:
            demoted = demoted_datasets(history, model_by_tier(tx, key))
    result = forecast_week(task, history.shape[1] - 1, trained_model, confidence, demoted)
    if store is not None:
        store_forecast(store, key, history, result, time.time())
        store.close()
    week = history.weeks.start(result.week).isoformat()
    Console().print(f"week of {week}: {task.label} of {len(result.dataset):,} datasets", highlight=False)
    Console().print(_forecast_table(history, result, top))
    if out is not None:
        columns = {
            "dataset": [history.names[row] for row in result.dataset],
            "week": [week] * len(result.dataset),
            "probability": result.probability,
            "popular": [result.answer(row) for row in range(len(result.dataset))],
            "new": result.new,
            "model": list(result.model),
        }
        write_table(pa.table(columns), out)
        typer.echo(f"{out}: {len(result.dataset)} datasets")


@app.command()
def keep(
    forecasts: Annotated[
        str,
        typer.Argument(
            help="Output of the batch job: week=…/forecast.parquet, its folder, or the folder of all weeks (the newest "
            "is taken); a path, or an hdfs:// or s3:// address."
        ),
    ],
    catalogue: Catalogue = "datasets",
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Store the forecast of a batch job on Spark, for the dashboard; it replaces that of the same week.

    Persistence forecasts where the newest stored scoreboard says that the model does not beat it.
    """
    from opint.popularity.readers.batch_forecast import read_batch_forecast
    from opint.popularity.storage import store_batch_forecast

    batch = read_batch_forecast(forecasts)
    store = open_store(start(config, log_format))
    demoted = store_batch_forecast(store, catalogue, batch, time.time())
    store.close()
    typer.echo(f"{catalogue}, week of {batch.week}: {len(batch.dataset)} datasets, {demoted} of them by persistence")


@app.command()
def scoreboard(
    table: TableFile,
    weeks: Annotated[int, typer.Option(min=2, max=520, help="Number of weeks, the newest, to forecast.")] = 26,
    every: Annotated[int, typer.Option(min=1, help="Weeks between two trainings.")] = 4,
    label: LabelText = "naccess > 10",
    model: ModelName = "boosting",
    horizon: Horizon = 1,
    conferences: Conferences = None,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option("--out", help="Write every week and tier to this file (JSON).")] = None,
    keep: Keep = False,
    catalogue: Catalogue = "datasets",
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Forecast past weeks as if they lay ahead, and compare the model with baselines that need no training.

    The model is promoted if its F1 beats that of persistence (what was popular stays so) and of the share of the last
    four weeks, each with an interval over weeks that lies above zero. It loses a tier in which it has fallen behind.
    """
    import numpy as np
    from rich.console import Console

    from opint.cli.terminal import bar
    from opint.popularity.models import trainer
    from opint.popularity.promotion import choose_by_tier, choose_model
    from opint.popularity.scoreboard import score_rows, scoreboard_json, scoreboard_table
    from opint.popularity.storage import store_scoreboard
    from opint.popularity.walk_forward import BASELINES, backtest
    from opint.store.popularity import ForecastKey

    train_on = trainer(model)
    store = open_store(start(config, log_format)) if keep else None
    task = load_task(table, label, horizon, conferences)
    announce_duration(model, task, -(-weeks // every))
    with bar("forecasting") as progress:
        forecasts = backtest(task, model, train_on, weeks, every, seed, lambda done: progress("weeks", done))
    board = list(score_rows(task.history, forecasts))
    console, rng = Console(), np.random.default_rng(seed)
    console.print(scoreboard_table(board))
    overall = choose_model(model, BASELINES, forecasts, rng)
    console.print(f"forecasts by {overall.model}: {overall.reason}", highlight=False)
    by_tier = choose_by_tier(overall.model, task.history, forecasts, rng)
    for choice in by_tier:
        if choice.demoted:
            console.print(f"{choice.tier}: forecasts by {choice.model}: {choice.reason}", highlight=False)
    if store is not None:
        key = ForecastKey(catalogue, str(task.label), horizon)
        store_scoreboard(store, key, task.history, board, [overall, *by_tier], time.time())
        store.close()
    if out is not None:
        write_json(out, scoreboard_json(board, task.history.weeks))
        typer.echo(f"{out}: {len(board)} rows")


app.command()(placement.plan)


@app.command()
def simulate(
    out: Annotated[Path, typer.Option("--out", help="Write the table to this file (CSV, or .parquet).")],
    datasets: Annotated[int, typer.Option(min=10, max=1_000_000, help="Number of datasets.")] = 2000,
    weeks: Annotated[int, typer.Option(min=10, max=1000, help="Number of weeks.")] = 104,
    sites: Annotated[
        Path | None, typer.Option(help="Write a grid of 50 sites to this file as well, with --replicas.")
    ] = None,
    replicas: Annotated[Path | None, typer.Option(help="Write the replicas on that grid to this file.")] = None,
    conferences: Conferences = None,
    seed: Seed = 0,
) -> None:
    """Simulate a catalogue of datasets and their weekly accesses, to try forecasts and plans.

    Data tiers MINIAOD and MINIAODSIM are introduced after 60 % of the time, and readers move over to them. The disks of
    the grid hold a tenth of all bytes.
    """
    import numpy as np

    from conf.errors import SettingsError
    from opint.popularity.simulate import CatalogueSize, simulate_catalogue
    from opint.popularity.tables import write_history

    if (sites is None) != (replicas is None):
        raise SettingsError("--sites and --replicas belong together: name both, or neither")
    calendar = load_calendar(conferences)
    history = simulate_catalogue(np.random.default_rng(seed), CatalogueSize(datasets, weeks), calendar)
    typer.echo(f"{out}: {write_history(history, out)} rows")
    if sites is not None and replicas is not None:
        from opint.placement.backtest import with_free_space
        from opint.placement.replicas import write_replicas
        from opint.placement.simulate_sites import GridSize, first_replicas, simulate_grid
        from opint.placement.sites import write_sites

        rng = np.random.default_rng([seed, 1])
        rses = simulate_grid(rng, GridSize(50, 0.1 * float(history.size_bytes.sum())))
        placed = with_free_space(first_replicas(rng, history, weeks - 1, rses))
        write_sites(placed.rses, sites)
        write_replicas(placed, replicas)
        typer.echo(f"{sites}: {len(placed.rses)} RSEs; {replicas}: {len(placed.dataset)} replicas")


def _forecast_table(history: "History", result: "Forecast", top: int) -> "Table":
    """The ``top`` datasets that are most likely to be popular."""
    from rich.table import Table

    table = Table("dataset", "probability", "popular?", "", box=None)
    for row in result.probability.argsort()[::-1][:top]:
        name = history.names[result.dataset[row]]
        table.add_row(name, f"{result.probability[row]:.3f}", result.answer(int(row)), "new" if result.new[row] else "")
    return table
