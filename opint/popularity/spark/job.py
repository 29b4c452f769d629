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
from opint.popularity.cold_start import is_new
from opint.popularity.label import Label
from opint.popularity.models import trainer
from opint.popularity.readers import any_table, conferences
from opint.popularity.rolling import Learned, Question
from opint.popularity.spark.asked import Asked, Training
from opint.popularity.spark.published import place
from opint.popularity.spark.session import session
from opint.popularity.threshold import UNTRIED
from opint.popularity.written import write_table


def main(argv: Sequence[str], environ: Mapping[str, str]) -> str:
    """Run the job; where the forecast is. Raises NightshiftError."""
    options = _parser().parse_args(argv)
    calendar = () if options.conferences is None else conferences.read(options.conferences)
    spec = Asked(Label.parse(options.label), options.horizon, calendar)
    engine = {"spark": _on_spark, "local": _on_one_machine}[options.engine]
    return engine(options, spec, environ)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Forecast which datasets will be popular, in batch.")
    parser.add_argument(
        "--input",
        required=True,
        help="weekly accesses: CSV or Parquet (a file or a folder), a CMS series, or ATLAS groups",
    )
    parser.add_argument("--output", required=True, help="folder of forecasts, a file for each week")
    parser.add_argument("--model", default="forest", help="forest, logistic, gbt or boosting")
    parser.add_argument("--label", default="naccess > 10", help="what counts as popular (default: naccess > 10)")
    parser.add_argument("--horizon", type=int, choices=range(1, 27), default=1, metavar="1..26", help="weeks ahead")
    parser.add_argument("--conferences", type=Path, help="CSV with the first days of conferences in a column ds")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything that is random")
    parser.add_argument("--trees", type=int, default=100, help="of a forest or of boosting (default: 100)")
    parser.add_argument("--workers", type=int, default=1, help="that XGBoost trains in; results depend on how many")
    engine_help = "local needs no Java: one process, and the models of `nightshift popularity forecast`"
    parser.add_argument("--engine", choices=("spark", "local"), default="spark", help=engine_help)
    return parser


def _warn(line: str) -> None:
    sys.stderr.write(f"warning: {line}\n")


def _on_spark(options: argparse.Namespace, spec: Asked, environ: Mapping[str, str]) -> str:
    spark = session(environ)
    from opint.popularity.spark.batch import run  # noqa: PLC0415 - needs pyspark, which the other engine does not

    training = Training(options.model, options.seed, options.trees, options.workers)
    return run(spark, options.input, options.output, spec, training, _warn)


def _on_one_machine(options: argparse.Namespace, spec: Asked, _: Mapping[str, str]) -> str:
    train = trainer(options.model)
    history = any_table.read(Path(options.input), _warn)
    question = Question.of(history, spec.label, spec.horizon, spec.conferences)
    made = history.shape[1] - 1
    dataset, probability = Learned(train, options.seed)(question, made)
    target = Path(place(options.output, history.weeks.start(made + spec.horizon)))
    target.parent.mkdir(parents=True, exist_ok=True)
    columns = {
        "dataset": [history.names[row] for row in dataset],
        "made": pa.array([history.weeks.start(made)] * len(dataset), pa.date32()),
        "label": [str(spec.label)] * len(dataset),
        "horizon": pa.array([spec.horizon] * len(dataset), pa.int32()),
        "model": [options.model] * len(dataset),
        "probability": probability,
        "forecast": probability > UNTRIED,
        "new": is_new(history, made)[dataset],
        "was": spec.label.holds(history.measures[spec.label.measure])[dataset, made],
    }
    write_table(pa.table(columns), target)
    return str(target)


if __name__ == "__main__":
    try:
        sys.stdout.write(main(sys.argv[1:], os.environ) + "\n")
    except NightshiftError as fault:
        sys.exit(f"error: {fault}")
