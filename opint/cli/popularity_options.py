"""What the commands of ``nightshift popularity`` share: their options, and the table and the model that these name."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opint.cli.common import write_file

if TYPE_CHECKING:
    from datetime import date

    from opint.popularity.predictors import ForecastTask
    from opint.popularity.trained_model import TrainedModel

TableFile = Annotated[
    Path,
    typer.Argument(
        help="Weekly accesses: CSV or Parquet with columns dataset, week and naccess, a CMS series, or ATLAS groups."
    ),
]
LabelText = Annotated[str, typer.Option("--label", help="What counts as popular in a week.")]
ModelName = Annotated[
    str,
    typer.Option("--model", help="boosting, sgd (fastest), forest (slow), or blend (forest and boosting combined)."),
]
Horizon = Annotated[int, typer.Option("--horizon", min=1, max=26, help="Weeks ahead.")]
Keep = Annotated[
    bool, typer.Option("--keep", help="Store the result for the dashboard; it replaces that of the same week.")
]
Catalogue = Annotated[str, typer.Option("--catalogue", help="Name of this set of datasets in the store.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of everything that is random.")]
Conferences = Annotated[
    Path | None,
    typer.Option("--conferences", help="Calendar of conferences: CSV with their first days in a column ds."),
]
TrainedFile = Annotated[
    Path | None, typer.Option("--trained", help="Forecast with this file of `train`, instead of training anew.")
]
_TRAINING_OPTIONS = ("label", "model", "horizon", "seed", "conferences")
"""Options that a trained model has already fixed."""


def load_calendar(conferences: Path | None) -> "tuple[date, ...]":
    """First days of conferences; none without a calendar."""
    from opint.popularity.readers.conferences import read_conferences

    return () if conferences is None else read_conferences(conferences)


def load_task(table: Path, label: str, horizon: int, conferences: Path | None) -> "ForecastTask":
    """What to forecast from a table."""
    from opint.popularity.history import Label
    from opint.popularity.predictors import ForecastTask
    from opint.popularity.readers.access_table import read_history

    popular = Label.parse(label)
    return ForecastTask.of(read_history(table, warn), popular, horizon, load_calendar(conferences))


def train_on_table(task: "ForecastTask", model: str, seed: int) -> "TrainedModel":
    """Train on all weeks of the table, with a progress bar."""
    from opint.cli.terminal import bar
    from opint.popularity.forecasting import CALIBRATION_WEEKS, RETRAIN_WEEKS, train_model
    from opint.popularity.models import trainer

    train = trainer(model)
    announce_duration(model, task, CALIBRATION_WEEKS // RETRAIN_WEEKS + 1)
    with bar("training") as progress:
        return train_model(task, task.history.shape[1] - 1, model, train, seed, lambda done: progress(model, done))


def load_trained(context: typer.Context, table: Path, file: Path) -> "tuple[ForecastTask, TrainedModel]":
    """A trained model and its task on a table; raises SettingsError for an option that the model has fixed."""
    from conf.errors import SettingsError
    from opint.popularity.predictors import ForecastTask
    from opint.popularity.readers.access_table import read_history
    from opint.popularity.trained_model import load_model

    for name in _TRAINING_OPTIONS:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise SettingsError(f"--{name} belongs to training, and --trained names a trained model: omit one of them")
    trained = load_model(file)
    return ForecastTask.of(read_history(table, warn), trained.label, trained.horizon, trained.conferences), trained


def announce_duration(model: str, task: "ForecastTask", trainings: int) -> None:
    """Print, before training, how long it takes."""
    from opint.popularity.models import CPU_SECONDS

    examples = int(task.history.exists.sum())
    seconds = trainings * CPU_SECONDS[model] * examples / 100_000
    duration = f"{seconds / 60:.0f} min" if seconds >= 90 else f"{max(seconds, 1):.0f} s"
    typer.echo(f"{model}: {trainings} trainings on up to {examples:,} examples, about {duration} of CPU time", err=True)


def write_json(path: Path, content: list[dict[str, Any]]) -> None:
    """Write a JSON file; raises SettingsError where that is not possible."""
    write_file(path, (json.dumps(content, indent=1) + "\n").encode())


def warn(line: str) -> None:
    """Print a warning on standard error."""
    typer.echo(f"warning: {line}", err=True)
