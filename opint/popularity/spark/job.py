"""The batch job: forecast the week after a table of weekly accesses, and write it as Parquet.

On a laptop: ``python -m opint.popularity.spark.job --input weekly.parquet --output forecasts``. On a cluster the same
file goes to spark-submit. Run again, it replaces the forecast of its week and nothing else.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from conf.errors import NightshiftError
from opint.popularity.history import Label
from opint.popularity.models import trainer
from opint.popularity.predictors import ForecastTask, RetrainedModel, is_new
from opint.popularity.readers.access_table import read_history
from opint.popularity.readers.batch_forecast import forecast_path
from opint.popularity.readers.conferences import read_conferences
from opint.popularity.spark.features import BatchSpec
from opint.popularity.spark.session import session
from opint.popularity.tables import write_table
from opint.popularity.walk_forward import DEFAULT_THRESHOLD


def main(argv: Sequence[str], environ: Mapping[str, str]) -> str:
    """Run the job; returns the path of the forecast. Raises NightshiftError."""
    options = _parser().parse_args(argv)
    calendar = () if options.conferences is None else read_conferences(options.conferences)
    spec = BatchSpec(Label.parse(options.label), options.horizon, calendar)
    engine = {"spark": _on_spark, "local": _on_one_machine}[options.engine]
    return engine(options, spec, environ)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Forecast which datasets will be popular, in batch.")
    parser.add_argument(
        "--input",
        required=True,
        help="weekly accesses: CSV or Parquet (a file or a folder), a CMS series, or ATLAS groups",
    )
    parser.add_argument("--output", required=True, help="folder of forecasts, one file per week")
    parser.add_argument("--model", default="forest", help="forest, logistic, gbt or boosting")
    parser.add_argument("--label", default="naccess > 10", help="what counts as popular (default: naccess > 10)")
    parser.add_argument("--horizon", type=int, choices=range(1, 27), default=1, metavar="1..26", help="weeks ahead")
    parser.add_argument("--conferences", type=Path, help="CSV with the first days of conferences in a column ds")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything that is random")
    parser.add_argument(
        "--trees", type=int, default=100, help="number of trees of a forest or of boosting (default: 100)"
    )
    parser.add_argument("--workers", type=int, default=1, help="number of XGBoost workers; results depend on it")
    engine_help = "local runs in one process without Java, with the models of `nightshift popularity forecast`"
    parser.add_argument("--engine", choices=("spark", "local"), default="spark", help=engine_help)
    return parser


def _warn(line: str) -> None:
    sys.stderr.write(f"warning: {line}\n")


def _on_spark(options: argparse.Namespace, spec: BatchSpec, environ: Mapping[str, str]) -> str:
    spark = session(environ)
    from opint.popularity.spark.batch import run_batch  # noqa: PLC0415 - needs pyspark, which the other engine does not
    from opint.popularity.spark.models import TrainingSpec  # noqa: PLC0415 - as above

    training = TrainingSpec(options.model, options.seed, options.trees, options.workers)
    return run_batch(spark, options.input, options.output, spec, training, _warn)


def _on_one_machine(options: argparse.Namespace, spec: BatchSpec, _: Mapping[str, str]) -> str:
    train = trainer(options.model)
    history = read_history(Path(options.input), _warn)
    task = ForecastTask.of(history, spec.label, spec.horizon, spec.conferences)
    issue_week = history.shape[1] - 1
    dataset, probability = RetrainedModel(train, options.seed)(task, issue_week)
    target = Path(forecast_path(options.output, history.weeks.start(issue_week + spec.horizon)))
    target.parent.mkdir(parents=True, exist_ok=True)
    columns = {
        "dataset": [history.names[row] for row in dataset],
        "issued": pa.array([history.weeks.start(issue_week)] * len(dataset), pa.date32()),
        "label": [str(spec.label)] * len(dataset),
        "horizon": pa.array([spec.horizon] * len(dataset), pa.int32()),
        "model": [options.model] * len(dataset),
        "probability": probability,
        "forecast": probability > DEFAULT_THRESHOLD,
        "new": is_new(history, issue_week)[dataset],
        "was": spec.label.holds(history.measures[spec.label.measure])[dataset, issue_week],
    }
    write_table(pa.table(columns), target)
    return str(target)


if __name__ == "__main__":
    try:
        sys.stdout.write(main(sys.argv[1:], os.environ) + "\n")
    except NightshiftError as fault:
        sys.exit(f"error: {fault}")
