"""One batch on Spark: read a table, learn from its weeks, forecast the week ``horizon`` after its last, publish it.

A forecast replaces an older one of its week in one step, so that a reader finds either the old or the new file. Only
that week is touched, and a job that fails leaves the older file as it was. ``nightshift popularity keep`` stores a
file.
"""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from opint.popularity.errors import PopularityError, Warn
from opint.popularity.examples import TRAINING_WEEKS, FeatureTable, check_both_classes, check_leakage, training_weeks
from opint.popularity.features import features, totals
from opint.popularity.history import Weeks
from opint.popularity.predictors import NEW_WEEKS
from opint.popularity.readers.batch_forecast import forecast_path
from opint.popularity.spark.features import (
    LOCAL_KINDS,
    BatchSpec,
    PartitionedTable,
    empty_history,
    examples,
    shared_totals,
)
from opint.popularity.spark.models import TrainingSpec, check_name, probabilities, train
from opint.popularity.spark.table import read_table
from opint.popularity.walk_forward import DEFAULT_THRESHOLD

CHECKED_ROWS = 100_000
"""Number of examples, roughly, that are checked for a feature that contains the label."""
_IN_A_WORKER = re.compile(r"opint\.popularity\.errors\.\w+: (.+)")


@dataclass(frozen=True, slots=True)
class SparkForecast:
    """The forecast issued at the end of week ``issued`` for week ``week`` (first days).

    ``rows`` has columns dataset, probability, ``new`` (hardly any history) and ``was`` (popular when ``issued``).
    """

    rows: DataFrame
    issued: date
    week: date


def forecast(table: PartitionedTable, spec: BatchSpec, training: TrainingSpec) -> SparkForecast:
    """Train on the weeks of the table and forecast all datasets in it.

    Raises:
        PopularityError: there are too few weeks, or nothing or everything was popular in them.
        LeakError: a feature contains the future.
    """
    check_name(training.model)
    nothing = empty_history(table)
    spec.label.require(nothing)
    last = table.span.weeks - 1
    weeks = training_weeks(last, spec.horizon, TRAINING_WEEKS)
    shared = shared_totals(table, spec.label)
    learned = examples(table, spec, shared, weeks).persist()
    columns = tuple(features(nothing, spec.label, {**shared, **totals(nothing, spec.label, LOCAL_KINDS)}))
    _check_examples(learned, weeks, spec, columns)
    trained = train(training, learned)
    learned.unpersist()
    now = examples(table, spec, shared, [last]).withColumns(
        {
            "new": f.col("features")[columns.index("age_weeks")] < NEW_WEEKS,
            "was": f.col("features")[columns.index("weeks_since_popular")] == 0,
        }
    )
    rows = probabilities(trained, now, "new", "was")
    grid = Weeks(table.span.first)
    return SparkForecast(rows, grid.start(last), grid.start(last + spec.horizon))


def _check_examples(learned: DataFrame, weeks: range, spec: BatchSpec, columns: tuple[str, ...]) -> None:
    """Raise PopularityError if there is nothing to learn, and LeakError if a feature contains the label."""
    counts = {bool(row["popular"]): int(row["count"]) for row in learned.groupBy("popular").count().collect()}
    rows = sum(counts.values())
    check_both_classes(counts.get(True, 0), rows, weeks, spec.label)
    share = min(1.0, CHECKED_ROWS / rows)
    drawn = learned.select("popular", "features").sample(fraction=share, seed=0).toArrow()
    values = drawn["features"].combine_chunks().flatten().to_numpy().reshape(len(drawn), len(columns))
    nowhere = np.zeros(len(drawn), dtype=np.intp)
    sample = FeatureTable(columns, values, (0,) * len(columns), nowhere, nowhere)
    check_leakage(sample, drawn["popular"].to_numpy(zero_copy_only=False).astype(np.bool_))


def publish(rows: DataFrame, folder: str, week: date) -> str:
    """Write the forecasts of a week, sorted by dataset; returns the path."""
    context = rows.sparkSession.sparkContext
    java: Any = context._jvm  # Spark's Python has no other way to Hadoop's file systems
    path = java.org.apache.hadoop.fs.Path
    # Names that begin with a dot are no part of a table, for Spark and for others.
    unfinished = path(f"{folder.rstrip('/')}/.unfinished-{context.applicationId}")
    target = path(forecast_path(folder, week))
    files = target.getFileSystem(context._jsc.hadoopConfiguration())
    try:
        rows.repartition(1).sortWithinPartitions("dataset").write.mode("overwrite").parquet(unfinished.toString())
        (part,) = (status.getPath() for status in files.globStatus(path(unfinished, "part-*.parquet")))
        files.mkdirs(target.getParent())
        _rename(context, files, part, target)
    finally:
        files.delete(unfinished, True)
    return str(target.toString())


def _rename(context: Any, files: Any, part: Any, target: Any) -> None:
    """Rename atomically; on a local disk Hadoop's own rename would delete the target first."""
    if files.getScheme() == "file":
        Path(part.toUri().getPath()).replace(target.toUri().getPath())
        return
    hadoop = context._jvm.org.apache.hadoop.fs
    how = context._gateway.new_array(hadoop.Options.Rename, 1)
    how[0] = hadoop.Options.Rename.OVERWRITE
    hadoop.FileContext.getFileContext(target.toUri(), context._jsc.hadoopConfiguration()).rename(part, target, how)


def run_batch(
    session: SparkSession, source: str, folder: str, spec: BatchSpec, training: TrainingSpec, warn: Warn
) -> str:
    """Forecast the week after the table at ``source`` and write it into ``folder``; returns the path.

    ``warn`` is called with what is left out.

    Raises:
        PopularityError: the table cannot be used, or nothing can be learned from it.
    """
    try:
        table = read_table(session, source, warn)
        result = forecast(table, spec, training)
        rows = result.rows.select(
            "dataset",
            f.lit(result.issued).alias("issued"),
            f.lit(str(spec.label)).alias("label"),
            f.lit(spec.horizon).alias("horizon"),
            f.lit(training.model).alias("model"),
            "probability",
            (f.col("probability") > DEFAULT_THRESHOLD).alias("forecast"),
            "new",
            "was",
        )
        where = publish(rows, folder, result.week)
        table.parts.unpersist()
        return where
    except PySparkException as error:
        match = _IN_A_WORKER.search(str(error))
        if match is None:
            raise
        raise PopularityError(match[1]) from None
