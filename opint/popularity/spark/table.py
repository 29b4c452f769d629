"""Tables of weekly accesses as :mod:`opint.popularity.readers.frames` has them, read and cut into parts by Spark."""

from datetime import date
from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as f

from opint.popularity.assemble import Span
from opint.popularity.errors import TableError
from opint.popularity.readers.frames import NEEDED, WANTED
from opint.popularity.spark.features import LEAST_PARTS, ROWS_PER_PART, Weekly
from opint.popularity.weeks import EARLIEST, LATEST

TEXT_ENDINGS = (".csv", ".csv.gz")


def read(session: SparkSession, path: str) -> Weekly:
    """The table in a CSV file (plain or gzip), or in a Parquet file or folder, wherever Spark can read.

    Its parts are kept by Spark once they are made, until they are unpersisted.

    Raises:
        TableError: there is none, a column is missing, or a cell holds no day or number.
    """
    try:
        text = path.lower().endswith(TEXT_ENDINGS)
        raw = session.read.csv(path, header=True) if text else session.read.parquet(path)
        missing = [name for name in NEEDED if name not in raw.columns]
        if missing:
            hint = f"{missing[0]} is missing; needed are {', '.join(NEEDED)}"
            raise TableError(path, "columns", ", ".join(raw.columns[:20]), hint)
        types = {"dataset": "string", "week": "date"}
        kept = [*NEEDED, *(name for name in WANTED if name in raw.columns)]
        typed = raw.select(*(f.col(name).try_cast(types.get(name, "double")).alias(name) for name in kept))
        rows, span = _checked(raw, [f.col(name).try_cast(types.get(name, "double")) for name in kept], kept, path)
    except PySparkException as error:
        first = str(error).strip().splitlines()[0]
        raise TableError(path, "file", first, "a CSV or Parquet table is needed") from None
    parts = max(LEAST_PARTS, -(-rows // ROWS_PER_PART))
    return Weekly(typed.repartition(parts, "dataset").persist(), span, rows, path)


def _checked(raw: DataFrame, cast: list[Column], kept: list[str], path: str) -> tuple[int, Span]:
    """How many rows there are, and of which weeks; raises TableError naming a cell that is not what it should be."""
    wrong = [
        f.max(f.when(one.isNull() & f.col(name).isNotNull(), f.col(name).cast("string"))).alias(f"wrong_{name}")
        for name, one in zip(kept, cast, strict=True)
    ]
    day = cast[kept.index("week")]
    found: Any = raw.agg(
        f.count("*").alias("rows"),
        f.min(day).alias("first"),
        f.max(day).alias("last"),
        f.max(f.when(day.isNull(), f.coalesce(f.col("dataset"), f.lit("")))).alias("timeless"),
        *wrong,
    ).first()
    if not found["rows"]:
        raise TableError(path, "rows", 0, "a table of weekly accesses is needed")
    for name in kept:
        if found[f"wrong_{name}"] is not None:
            hint = "a day is needed, as 2026-11-25" if name == "week" else "a number is needed"
            raise TableError(path, name, repr(found[f"wrong_{name}"]), hint)
    return found["rows"], _span(found, path)


def _span(found: Any, path: str) -> Span:
    if found["timeless"] is not None:
        hint = "a day is needed, as 2026-11-25"
        raise TableError(f"{path}, dataset {found['timeless']!r}", "week", "empty", hint)
    first: date = found["first"]
    last: date = found["last"]
    for day in (first, last):
        if not EARLIEST <= day < LATEST:
            raise TableError(path, "week", day, "a day is needed, as 2026-11-25")
    return Span.between(first, last, path)
