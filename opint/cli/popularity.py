"""``nightshift popularity``: which datasets will be wanted, and what to do about it."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opint.cli.common import Config, Log, open_store, start

if TYPE_CHECKING:
    from datetime import date

    from opint.popularity.rolling import Question
    from opint.popularity.trained import Trained

app = typer.Typer(help="Forecast which datasets will be wanted, and plan where they should lie.", no_args_is_help=True)

TableFile = Annotated[
    Path,
    typer.Argument(
        help="Weekly accesses: CSV or Parquet with columns dataset, week and naccess, a CMS series, or ATLAS groups."
    ),
]
LabelText = Annotated[str, typer.Option("--label", help="What counts as popular in a week.")]
ModelName = Annotated[
    str, typer.Option("--model", help="boosting, sgd (fastest), forest (slow), or blend: forest and boosting together.")
]
Horizon = Annotated[int, typer.Option("--horizon", min=1, max=26, help="Weeks ahead.")]
Keep = Annotated[
    bool, typer.Option("--keep", help="Store it in the settings' database, for the dashboard; a week is replaced.")
]
Catalogue = Annotated[str, typer.Option("--catalogue", help="What these datasets are called in the store.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of everything that is random.")]
Conferences = Annotated[
    Path | None,
    typer.Option("--conferences", help="Calendar of conferences: CSV with their first days in a column ds."),
]
TrainedFile = Annotated[
    Path | None, typer.Option("--trained", help="Forecast by this file of `train`, instead of training anew.")
]
_TRAINING = ("label", "model", "horizon", "seed", "conferences")
"""Options that say what is learned."""


@app.callback()
def group() -> None:
    """Forecast which datasets will be wanted, and plan where they should lie."""


@app.command()
def train(
    table: TableFile,
    out: Annotated[Path, typer.Option("--out", help="Write the trained model here, one file.")],
    label: LabelText = "naccess > 10",
    model: ModelName = "boosting",
    horizon: Horizon = 1,
    conferences: Conferences = None,
    seed: Seed = 0,
) -> None:
    """Train a model on all weeks of a table and keep it in a file, for forecasts of the weeks that follow.

    Its probabilities are calibrated on the newest twelve weeks, each forecast as if it lay ahead. The file is loaded
    without executing anything of it. A scoreboard says how good such a model is.
    """
    from opint.popularity.trained import save

    question = _question(table, label, horizon, conferences)
    trained = _trained(question, model, seed)
    save(trained, out)
    ahead = "one week" if horizon == 1 else f"{horizon} weeks"
    typer.echo(f"{out}: {model} for {trained.label} {ahead} ahead, trained on weeks up to that of {trained.newest}")


@app.command()
def forecast(
    context: typer.Context,
    table: TableFile,
    out: Annotated[Path | None, typer.Option("--out", help="Write all of it here (CSV, or .parquet).")] = None,
    trained: TrainedFile = None,
    label: LabelText = "naccess > 10",
    model: ModelName = "boosting",
    horizon: Horizon = 1,
    conferences: Conferences = None,
    confidence: Annotated[
        float, typer.Option(min=0.5, max=0.999, help="Below it neither yes nor no is said: unsure.")
    ] = 0.8,
    top: Annotated[int, typer.Option(min=1, max=10_000, help="Show so many, the likeliest first.")] = 20,
    keep: Keep = False,
    catalogue: Catalogue = "datasets",
    seed: Seed = 0,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Say which datasets will be popular after the table's last week, and how likely that is.

    The model is trained anew on the weeks of the table, so the same table gives the same forecast; with --trained it
    is the one that was kept, for the label and the horizon that it learned. Probabilities are calibrated on forecasts
    of the weeks before; datasets with hardly any history are judged by their names as well.
    With --keep, persistence forecasts where the newest stored scoreboard says that the model does not beat it.
    """
    import pyarrow as pa
    from rich.console import Console

    from opint.popularity.next_week import forecast as make
    from opint.popularity.report import forecast_table
    from opint.popularity.written import write_table
    from opint.popularity_keeping import fallen_back, keep_forecast
    from opint.store.popularity import ForecastKey, model_by_tier

    store = open_store(start(config, log_format)) if keep else None
    if trained is None:
        question = _question(table, label, horizon, conferences)
        by = _trained(question, model, seed)
    else:
        question, by = _learned(table, trained, _given(context, _TRAINING))
    history = question.history
    asked, fallen = ForecastKey(catalogue, str(question.label), question.horizon), None
    if store is not None:
        with store.read() as tx:
            fallen = fallen_back(history, model_by_tier(tx, asked))
    found = make(question, history.shape[1] - 1, by, confidence, fallen)
    if store is not None:
        keep_forecast(store, asked, history, found, time.time())
        store.close()
    week = history.weeks.start(found.week).isoformat()
    Console().print(f"week of {week}: {question.label} of {len(found.dataset):,} datasets", highlight=False)
    Console().print(forecast_table(history, found, top))
    if out is not None:
        columns = {
            "dataset": [history.names[one] for one in found.dataset],
            "week": [week] * len(found.dataset),
            "probability": found.probability,
            "popular": [found.answer(row) for row in range(len(found.dataset))],
            "new": found.new,
            "model": list(found.model),
        }
        write_table(pa.table(columns), out)
        typer.echo(f"{out}: {len(found.dataset)} datasets")


@app.command()
def keep(
    forecasts: Annotated[
        str,
        typer.Argument(
            help="What the batch job wrote: week=…/forecast.parquet, its folder, or the folder of all weeks (newest "
            "taken); a path, or an address of hdfs:// or s3://."
        ),
    ],
    catalogue: Catalogue = "datasets",
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Store the forecast of a batch job on Spark, for the dashboard; a week is replaced.

    Persistence forecasts where the newest stored scoreboard says that the model does not beat it.
    """
    from opint.popularity.readers.batch_forecast import read
    from opint.popularity_keeping import keep_batch

    found = read(forecasts)
    store = open_store(start(config, log_format))
    fallen = keep_batch(store, catalogue, found, time.time())
    store.close()
    typer.echo(f"{catalogue}, week of {found.week}: {len(found.dataset)} datasets, {fallen} of them by persistence")


@app.command()
def scoreboard(
    table: TableFile,
    weeks: Annotated[int, typer.Option(min=2, max=520, help="The newest weeks, forecast one by one.")] = 26,
    every: Annotated[int, typer.Option(min=1, help="Weeks between two trainings.")] = 4,
    label: LabelText = "naccess > 10",
    model: ModelName = "boosting",
    horizon: Horizon = 1,
    conferences: Conferences = None,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option("--out", help="Write every week and tier here (JSON).")] = None,
    keep: Keep = False,
    catalogue: Catalogue = "datasets",
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Forecast past weeks as if they lay ahead, and say how good that was beside what needs no model.

    The model is promoted if its F1 beats that of persistence (what was popular stays so) and of the share of the last
    four weeks, each with an interval over weeks that lies above zero. It loses a tier in which it has fallen behind.
    """
    import numpy as np
    from rich.console import Console

    from opint.cli.progress import bar
    from opint.popularity.models import trainer
    from opint.popularity.report import scoreboard_json, scoreboard_table
    from opint.popularity.scoreboard import rows
    from opint.popularity.standing import promoted, watched
    from opint.popularity.trial import BASELINES, trial
    from opint.popularity_keeping import keep_scoreboard
    from opint.store.popularity import ForecastKey

    how = trainer(model)
    store = open_store(start(config, log_format)) if keep else None
    question = _question(table, label, horizon, conferences)
    _announce(model, question, -(-weeks // every))
    with bar("forecasting") as progress:
        found = trial(question, model, how, weeks, every, seed, lambda done: progress("weeks", done))
    board = list(rows(question.history, found))
    console, rng = Console(), np.random.default_rng(seed)
    console.print(scoreboard_table(board))
    standing = promoted(model, BASELINES, found, rng)
    console.print(f"forecasts by {standing.model}: {standing.reason}", highlight=False)
    by_tier = watched(standing.model, question.history, found, rng)
    for one in by_tier:
        if one.demoted:
            console.print(f"{one.tier}: forecasts by {one.model}: {one.reason}", highlight=False)
    if store is not None:
        asked = ForecastKey(catalogue, str(question.label), horizon)
        keep_scoreboard(store, asked, question.history, board, [standing, *by_tier], time.time())
        store.close()
    if out is not None:
        _write_json(out, scoreboard_json(board, question.history.weeks))
        typer.echo(f"{out}: {len(board)} rows")


@app.command()
def plan(
    context: typer.Context,
    table: TableFile,
    sites: Annotated[
        Path,
        typer.Option(help="RSEs: YAML, CSV or Parquet with name, kind (disk, tape), capacity_tb, free_tb, region."),
    ],
    replicas: Annotated[
        Path, typer.Option(help="What lies where: CSV or Parquet with dataset, rse, size, locked, last_read, rule_id.")
    ],
    network_tb: Annotated[float, typer.Option(min=0, help="At most so many TB are copied in the week.")],
    most_copies: Annotated[int, typer.Option(min=1, max=100, help="Most replicas of a dataset on disk.")] = 3,
    rules: Annotated[Path | None, typer.Option(help="Write the plan as requests to Rucio here (JSON).")] = None,
    account: Annotated[str, typer.Option(help="Rucio account that would own the rules.")] = "nightshift",
    scope: Annotated[str, typer.Option(help="Rucio scope of the datasets.")] = "cms",
    activity: Annotated[str, typer.Option(help="Rucio activity of the copies.")] = "Data Rebalancing",
    lifetime_weeks: Annotated[int, typer.Option(min=1, max=520, help="Weeks that a rule lives.")] = 13,
    ask_approval: Annotated[bool, typer.Option(help="Whether each rule has to be approved in Rucio.")] = True,
    trained: TrainedFile = None,
    label: LabelText = "naccess > 10",
    model: ModelName = "boosting",
    conferences: Conferences = None,
    seed: Seed = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output, not a table.")] = False,
    keep: Keep = False,
    catalogue: Catalogue = "datasets",
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Say what to copy to disk and what to delete from it next week, and why. A dry run: nothing is sent anywhere.

    What is held saves most of the reads that are forecast, for its price and within the budgets. Tape and locked
    replicas are left alone, and so is the last copy of a dataset. The table does not say where datasets are read: any
    region is alike. With --keep the plan stands on the page Placement, where its lines are accepted or rejected.
    """
    import numpy as np
    from rich.console import Console

    from conf.errors import SettingsError
    from opint.placement import rules as rucio
    from opint.placement.budget import Budget, Prices
    from opint.placement.demand import expected, shares
    from opint.placement.explain import plan as make
    from opint.placement.replica_files import read as read_replicas
    from opint.placement.sites import TB, disks
    from opint.placement.sites import read as read_sites
    from opint.placement.table import dry_run
    from opint.placement_keeping import keep_plan
    from opint.popularity.next_week import CONFIDENCE
    from opint.popularity.next_week import forecast as told

    store = open_store(start(config, log_format)) if keep else None
    rses = read_sites(sites)
    held = read_replicas(replicas, rses)
    terms = rucio.Terms(account, lifetime_weeks, ask_approval, scope, activity)
    if trained is None:
        question = _question(table, label, 1, conferences)
        by = _trained(question, model, seed)
    else:
        question, by = _learned(table, trained, _given(context, _TRAINING))
    if by.horizon != 1:
        raise SettingsError(
            f"{trained} looks {by.horizon} weeks ahead; a plan is for the next week: train with --horizon 1"
        )
    history = question.history
    found = told(question, history.shape[1] - 1, by, CONFIDENCE)
    probability = np.zeros(history.shape[0])
    probability[found.dataset] = found.probability
    anywhere = shares(np.zeros((history.shape[0], len(held.regions))))
    demand = expected(history, question.label, probability, anywhere)
    made = make(history.weeks.start(found.week), held, demand, Budget(network_tb * TB, most_copies), Prices())
    if store is not None:
        keep_plan(store, catalogue, made, time.time())
        store.close()
    if as_json:
        typer.echo(json.dumps(made.as_json()))
    else:
        Console().print(dry_run(made))
    if rules is not None:
        asked, unknown = rucio.requests(made.lines, disks(rses), terms)
        _write_json(rules, asked)
        typer.echo(f"{rules}: {len(asked)} requests", err=as_json)
        if unknown:
            typer.echo(f"{len(unknown)} deletions are left out: the rule that holds the replica is not known", err=True)


@app.command()
def simulate(
    out: Annotated[Path, typer.Option("--out", help="Write the table here (CSV, or .parquet).")],
    datasets: Annotated[int, typer.Option(min=10, max=1_000_000, help="About so many datasets.")] = 2000,
    weeks: Annotated[int, typer.Option(min=10, max=1000, help="So many weeks.")] = 104,
    sites: Annotated[Path | None, typer.Option(help="Write a grid of 50 sites here as well, with --replicas.")] = None,
    replicas: Annotated[Path | None, typer.Option(help="Write what lies where on it here.")] = None,
    conferences: Conferences = None,
    seed: Seed = 0,
) -> None:
    """Make up a catalogue of datasets and what is read of it, to try forecasts and plans on.

    Data tiers MINIAOD and MINIAODSIM are introduced after 60 % of the time, and readers move over to them. The grid's
    disks hold a tenth of all bytes.
    """
    import numpy as np

    from conf.errors import SettingsError
    from opint.popularity.simulate import Size
    from opint.popularity.simulate import simulate as make
    from opint.popularity.written import write_history

    if (sites is None) != (replicas is None):
        raise SettingsError("--sites and --replicas belong together: name both, or neither")
    history = make(np.random.default_rng(seed), Size(datasets, weeks), _calendar(conferences))
    typer.echo(f"{out}: {write_history(history, out)} rows")
    if sites is not None and replicas is not None:
        from opint.placement.backtest import with_free_space
        from opint.placement.simulate_sites import Grid, first_replicas
        from opint.placement.simulate_sites import simulate as make_sites
        from opint.placement.written import write_replicas, write_sites

        rng = np.random.default_rng([seed, 1])
        rses = make_sites(rng, Grid(50, 0.1 * float(history.size_bytes.sum())))
        held = with_free_space(first_replicas(rng, history, weeks - 1, rses))
        write_sites(held.rses, sites)
        write_replicas(held, replicas)
        typer.echo(f"{sites}: {len(held.rses)} RSEs; {replicas}: {len(held.dataset)} replicas")


def _write_json(path: Path, content: list[dict[str, Any]]) -> None:
    from conf.errors import NightshiftError

    try:
        path.write_text(json.dumps(content, indent=1) + "\n")
    except OSError as error:
        raise NightshiftError(f"{path} cannot be written: {error.strerror or error}") from error


def _warn(line: str) -> None:
    typer.echo(f"warning: {line}", err=True)


def _question(table: Path, label: str, horizon: int, conferences: Path | None) -> "Question":
    from opint.popularity.label import Label
    from opint.popularity.readers.any_table import read
    from opint.popularity.rolling import Question

    wanted = Label.parse(label)
    return Question.of(read(table, _warn), wanted, horizon, _calendar(conferences))


def _calendar(conferences: Path | None) -> "tuple[date, ...]":
    from opint.popularity.readers.conferences import read

    return () if conferences is None else read(conferences)


def _trained(question: "Question", model: str, seed: int) -> "Trained":
    """Trained on all weeks of the table, with a bar."""
    from opint.cli.progress import bar
    from opint.popularity.models import trainer
    from opint.popularity.next_week import CALIBRATION_WEEKS, EVERY
    from opint.popularity.next_week import train as make

    how = trainer(model)
    _announce(model, question, CALIBRATION_WEEKS // EVERY + 1)
    with bar("training") as progress:
        return make(question, question.history.shape[1] - 1, model, how, seed, lambda done: progress(model, done))


def _announce(model: str, question: "Question", trainings: int) -> None:
    """Say how long it takes, before it does."""
    from opint.popularity.models import CPU_SECONDS

    examples = int(question.history.exists.sum())
    seconds = trainings * CPU_SECONDS[model] * examples / 100_000
    duration = f"{seconds / 60:.0f} min" if seconds >= 90 else f"{max(seconds, 1):.0f} s"
    typer.echo(f"{model}: {trainings} trainings on up to {examples:,} examples, about {duration} of CPU time", err=True)


def _learned(table: Path, file: Path, given: list[str]) -> "tuple[Question, Trained]":
    """What a file was trained for, asked of a table; ``given`` are options that the file has answered already."""
    from conf.errors import SettingsError
    from opint.popularity.readers.any_table import read
    from opint.popularity.rolling import Question
    from opint.popularity.trained import load

    if given:
        raise SettingsError(f"--{given[0]} says what is learned, and --trained has learned: leave one of them out")
    trained = load(file)
    return Question.of(read(table, _warn), trained.label, trained.horizon, trained.conferences), trained


def _given(context: typer.Context, names: Sequence[str]) -> list[str]:
    """Which of these options stand on the command line."""
    sources = {name: context.get_parameter_source(name) for name in names}
    return [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
