"""Table in, forecast out, on a session of Spark."""

import re

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import functions as f

from opint.popularity.errors import PopularityError, Warn
from opint.popularity.spark.asked import Asked, Training
from opint.popularity.spark.forecast import forecast
from opint.popularity.spark.published import publish
from opint.popularity.spark.table import read
from opint.popularity.threshold import UNTRIED

_IN_A_WORKER = re.compile(r"opint\.popularity\.errors\.\w+: (.+)")


def run(session: SparkSession, source: str, folder: str, spec: Asked, training: Training, warn: Warn) -> str:
    """Forecast the week after the table at ``source`` and write it into ``folder``; where it is.

    ``warn`` hears which rows are left out.

    Raises:
        PopularityError: the table cannot be used, or nothing can be learned from it.
    """
    try:
        table = read(session, source, warn)
        made = forecast(table, spec, training)
        rows = made.rows.select(
            "dataset",
            f.lit(made.made).alias("made"),
            f.lit(str(spec.label)).alias("label"),
            f.lit(spec.horizon).alias("horizon"),
            f.lit(training.model).alias("model"),
            "probability",
            (f.col("probability") > UNTRIED).alias("forecast"),
            "new",
            "was",
        )
        where = publish(rows, folder, made.week)
        table.parts.unpersist()
        return where
    except PySparkException as error:
        match = _IN_A_WORKER.search(str(error))
        if match is None:
            raise
        raise PopularityError(match[1]) from None
