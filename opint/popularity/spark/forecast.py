"""The forecast of one week on Spark: learn from the weeks of a table, forecast the one ``horizon`` after its last."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from opint.popularity.cold_start import NEW_WEEKS
from opint.popularity.examples import FeatureTable, check_honest
from opint.popularity.features import features
from opint.popularity.rolling import TRAINING_WEEKS, check_both, training_weeks
from opint.popularity.spark.asked import Asked, Training
from opint.popularity.spark.features import OWN, Weekly, empty, examples, shared_totals
from opint.popularity.spark.models import check_name, probabilities, train
from opint.popularity.totals import totals
from opint.popularity.weeks import Weeks

CHECKED_ROWS = 100_000
"""About so many examples are looked at for a feature that is the label in disguise: it would be in any of them."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was said at the end of week ``made`` of week ``week`` (first days).

    ``rows`` have dataset, probability, ``new`` for those with hardly any history, and whether each ``was`` popular in
    the week ``made``.
    """

    rows: DataFrame
    made: date
    week: date


def forecast(table: Weekly, spec: Asked, training: Training) -> Told:
    """Train on the weeks of the table and forecast all datasets in it.

    Raises:
        PopularityError: there are too few weeks, or nothing or everything was popular in them.
        LeakError: a feature tells the future.
    """
    check_name(training.model)
    nothing = empty(table)
    spec.label.require(nothing)
    last = table.span.weeks - 1
    weeks = training_weeks(last, spec.horizon, TRAINING_WEEKS)
    shared = shared_totals(table, spec.label)
    learned = examples(table, spec, shared, weeks).persist()
    columns = tuple(features(nothing, spec.label, {**shared, **totals(nothing, spec.label, OWN)}))
    _check(learned, weeks, spec, columns)
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
    return Told(rows, grid.start(last), grid.start(last + spec.horizon))


def _check(learned: DataFrame, weeks: range, spec: Asked, columns: tuple[str, ...]) -> None:
    """Raise PopularityError or LeakError if there is nothing to learn, or a feature that nobody can know."""
    counts = {bool(row["popular"]): int(row["count"]) for row in learned.groupBy("popular").count().collect()}
    rows = sum(counts.values())
    check_both(counts.get(True, 0), rows, weeks, spec.label)
    share = min(1.0, CHECKED_ROWS / rows)
    drawn = learned.select("popular", "features").sample(fraction=share, seed=0).toArrow()
    values = drawn["features"].combine_chunks().flatten().to_numpy().reshape(len(drawn), len(columns))
    nowhere = np.zeros(len(drawn), dtype=np.intp)
    sample = FeatureTable(columns, values, (0,) * len(columns), nowhere, nowhere)
    check_honest(sample, drawn["popular"].to_numpy(zero_copy_only=False).astype(np.bool_))
