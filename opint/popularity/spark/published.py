"""Forecasts as a table of Parquet files, one for each week: ``week=2026-11-30/forecast.parquet``.

Columns: dataset, made (first day of the last week that was known), label, horizon (weeks), model, probability,
forecast (yes or no), new (with hardly any history) and was (popular in the week made). ``nightshift popularity keep``
puts a file into the store.

A file takes the place of an older one of its week in one step, so that a reader finds the one or the other. Only the
table of that week is touched, and a job that fails leaves it as it was.
"""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def place(folder: str, week: date) -> str:
    """Of the file of a week."""
    return f"{folder.rstrip('/')}/week={week.isoformat()}/forecast.parquet"


def publish(rows: "DataFrame", folder: str, week: date) -> str:
    """Write the forecasts of a week, sorted by dataset; where they are."""
    context = rows.sparkSession.sparkContext
    java: Any = context._jvm  # Spark's Python has no other way to Hadoop's file systems
    path = java.org.apache.hadoop.fs.Path
    # Names that begin with a dot are no part of a table, for Spark and for others.
    unfinished = path(f"{folder.rstrip('/')}/.unfinished-{context.applicationId}")
    target = path(place(folder, week))
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
    """In one step; Hadoop's own way would first delete on a local disk."""
    if files.getScheme() == "file":
        Path(part.toUri().getPath()).replace(target.toUri().getPath())
        return
    hadoop = context._jvm.org.apache.hadoop.fs
    how = context._gateway.new_array(hadoop.Options.Rename, 1)
    how[0] = hadoop.Options.Rename.OVERWRITE
    hadoop.FileContext.getFileContext(target.toUri(), context._jsc.hadoopConfiguration()).rename(part, target, how)
