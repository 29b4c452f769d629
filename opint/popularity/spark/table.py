"""The tables of :mod:`opint.popularity.readers.access_table`, read and cut into parts by Spark."""

import tempfile
from datetime import date
from pathlib import Path
from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as f

from opint.popularity.assemble import WeekSpan
from opint.popularity.errors import TableError, Warn
from opint.popularity.history import EARLIEST_DAY, LATEST_DAY, MOST_NAME_CHARACTERS, NAME_PATTERN
from opint.popularity.readers.access_table import (
    ATLAS_GROUPS_MARK,
    CMS_SERIES_MARK,
    NEEDED_COLUMNS,
    OPTIONAL_COLUMNS,
    check_odd_names,
    read_history,
)
from opint.popularity.spark.features import LEAST_PARTS, ROWS_PER_PART, PartitionedTable
from opint.popularity.tables import history_table

TEXT_ENDINGS = (".csv", ".csv.gz", ".txt", ".txt.gz", ".gz")
DAY = r"\d{4}-\d{2}-\d{2}([ T]\d{2}:.*)?|\d{8}"
HALF_A_DAY_US, DAY_US = 43_200_000_000, 86_400_000_000
NANOSECONDS = 1e15
"""A number of days, or a day as 20261125, is smaller; one of nanoseconds since 1970 is larger."""


def read_table(session: SparkSession, path: str, warn: Warn) -> PartitionedTable:
    """The table in a text file (plain or gzip), a Parquet file, or a folder of either, wherever Spark can read.

    CMS series and tables of ATLAS groups are read whole on the driver. ``warn`` is called with what is left out. Spark
    keeps the parts until they are unpersisted.

    Raises:
        TableError: there is no file, a column is missing, or a cell holds no day or number.
    """
    try:
        raw = _csv(session, path, warn) if _is_text(session, path) else session.read.parquet(path)
        missing = [name for name in NEEDED_COLUMNS if name not in raw.columns]
        if missing:
            hint = f"{missing[0]} is missing; needed are {', '.join(NEEDED_COLUMNS)}"
            raise TableError(path, "columns", ", ".join(raw.columns[:20]), hint)
        cells = {name: _typed(raw, name) for name in (*NEEDED_COLUMNS, *OPTIONAL_COLUMNS) if name in raw.columns}
        rows, span, named = _checked(raw, cells, path, warn)
    except PySparkException as error:
        first = str(error).strip().splitlines()[0]
        raise TableError(path, "file", first, "a CSV or Parquet table is needed") from None
    typed = raw.select(*(cell.alias(name) for name, cell in cells.items()))
    if named:
        typed = typed.where(_is_name(f.col("dataset")))
    # All datasets of one primary lie in one part, so that what they did together is counted there.
    by = f.split("dataset", "/")[1] if named else f.col("dataset")
    return PartitionedTable(
        typed.repartition(max(LEAST_PARTS, -(-rows // ROWS_PER_PART)), by).persist(), span, rows, path, named
    )


def _is_text(session: SparkSession, path: str) -> bool:
    """Whether the files are texts, by their names; raises TableError for a folder of both kinds, or without files."""
    context = session.sparkContext
    java: Any = context._jvm  # Spark's Python has no other way to Hadoop's file systems
    where = java.org.apache.hadoop.fs.Path(path)
    files = where.getFileSystem(context._jsc.hadoopConfiguration())
    matching = files.globStatus(where)
    file_names = [name for status in matching or () for name in _names(files, status)]
    if not file_names:
        raise TableError(path, "files", 0, "there is none: a CSV or Parquet table is needed")
    texts = {name.lower().endswith(TEXT_ENDINGS) for name in file_names}
    if len(texts) > 1:
        raise TableError(path, "files", ", ".join(sorted(file_names)[:4]), "a folder holds either CSV or Parquet")
    return texts.pop()


def _names(files: Any, status: Any) -> list[str]:
    """Names of the files: one file, or all files below a folder that belong to its table."""
    if not status.isDirectory():
        return [status.getPath().getName()]
    children = [child for child in files.listStatus(status.getPath()) if child.getPath().getName()[0] not in "._"]
    return [name for child in children for name in _names(files, child)]


def _csv(session: SparkSession, path: str, warn: Warn) -> DataFrame:
    head = "\n".join(row["value"] for row in session.read.text(path).head(5))
    if CMS_SERIES_MARK.decode() in head or ATLAS_GROUPS_MARK.decode() in head.partition("\n")[0]:
        return _converted(session, path, warn)
    raw = session.read.csv(path, header=True)
    return raw.toDF(*(name.removeprefix("\ufeff") for name in raw.columns))


def _converted(session: SparkSession, path: str, warn: Warn) -> DataFrame:
    """A CMS series or ATLAS table as a frame; such tables are small single files."""
    (content,) = session.read.format("binaryFile").load(path).select("content").collect()
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / Path(path).name
        local.write_bytes(content["content"])
        history = read_history(local, warn)
    return session.createDataFrame(history_table(history))


def _typed(raw: DataFrame, name: str) -> Column:
    """A column with its type; null where a cell is invalid."""
    if name == "dataset":
        return f.col(name).cast("string")
    return _day(raw, name) if name == "week" else f.col(name).try_cast("double")


def _day(raw: DataFrame, name: str) -> Column:
    """The day of a week's beginning.

    Spark knows of a timestamp when it is, not in which zone it was written: a week that begins at midnight somewhere
    begins on the day whose midnight in UTC is nearest.
    """
    cell, kind = f.col(name), dict(raw.dtypes)[name]
    if kind in ("date", "timestamp_ntz"):
        return cell.cast("date")
    if kind == "timestamp":
        return _nearest_day(f.unix_micros(cell))
    text = cell.cast("string")
    iso_text = f.when(text.rlike(f"^({DAY})$"), f.regexp_replace(text, r"^(\d{4})-?(\d{2})-?(\d{2}).*$", "$1-$2-$3"))
    days = iso_text.try_cast("date")
    return f.when(cell > NANOSECONDS, _nearest_day(cell / 1000)).otherwise(days) if kind == "bigint" else days


def _nearest_day(microseconds: Column) -> Column:
    return f.date_from_unix_date(f.floor((microseconds + HALF_A_DAY_US) / DAY_US).cast("int"))


def _is_name(dataset: Column) -> Column:
    return dataset.rlike(f"^{NAME_PATTERN}$") & (f.length(dataset) <= MOST_NAME_CHARACTERS)


def _checked(raw: DataFrame, cells: dict[str, Column], path: str, warn: Warn) -> tuple[int, WeekSpan, bool]:
    """Number of rows, their weeks, and whether datasets have names; raises TableError naming an invalid cell."""
    wrong = [
        f.max(f.when(cell.isNull() & f.col(name).isNotNull(), f.col(name).cast("string"))).alias(f"wrong_{name}")
        for name, cell in cells.items()
    ]
    day, dataset = cells["week"], f.coalesce(cells["dataset"], f.lit(""))
    totals: Any = raw.agg(
        f.count("*").alias("rows"),
        f.min(day).alias("first"),
        f.max(day).alias("last"),
        f.max(f.when(day.isNull(), dataset)).alias("timeless"),
        f.count_if(~_is_name(dataset)).alias("odd"),
        f.min(f.when(~_is_name(dataset), dataset)).alias("odd_name"),
        f.count_if(dataset.contains("/") | (dataset == "")).alias("tried"),
        *wrong,
    ).first()
    rows, odd = totals["rows"], totals["odd"]
    if not rows:
        raise TableError(path, "rows", 0, "a table of weekly accesses is needed")
    for name in cells:
        if totals[f"wrong_{name}"] is not None:
            hint = "a day is needed, as 2026-11-25" if name == "week" else "a number is needed"
            raise TableError(path, name, repr(totals[f"wrong_{name}"]), hint)
    if odd == rows and not totals["tried"]:
        return rows, _span(totals, path), False
    if odd:
        check_odd_names(odd, rows, "one of them", totals["odd_name"], path, warn)
    return rows - odd, _span(totals, path), True


def _span(totals: Any, path: str) -> WeekSpan:
    if totals["timeless"] is not None:
        hint = "a day is needed, as 2026-11-25"
        raise TableError(f"{path}, dataset {totals['timeless']!r}", "week", "empty", hint)
    first: date = totals["first"]
    last: date = totals["last"]
    for day in (first, last):
        if not EARLIEST_DAY <= day < LATEST_DAY:
            raise TableError(path, "week", day, "a day is needed, as 2026-11-25")
    return WeekSpan.between(first, last, path)
