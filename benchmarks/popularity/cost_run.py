"""One engine on one table, in a process of its own: ``python -m benchmarks.popularity.cost_run ENGINE TABLE TREES``.

Prints seconds as JSON: from the file to the features of all weeks, and from these to a trained forest (with TREES 0
there is none). Engines: spark, pandas (features by pandas, forest by scikit-learn), kernels (features by the kernels
that Spark runs, on one machine). What starts once is not counted: each engine has run on a few rows before.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from opint.popularity.examples import WARM_UP_WEEKS, gather
from opint.popularity.features import features, totals
from opint.popularity.history import Label
from opint.popularity.readers.access_table import read_frame
from opint.popularity.simulate import CatalogueSize, simulate_catalogue
from opint.popularity.tables import write_history

LABEL = Label("naccess", ">", 10)
DEPTH, LEAST_LEAF, FEATURE_SHARE = 8, 10, 0.2
Figures = dict[str, float]


def main(argv: Sequence[str]) -> Figures:
    """Seconds of an engine that has run before, on a few rows."""
    engine, table, trees = argv
    with TemporaryDirectory() as folder:
        few = Path(folder) / "few.parquet"
        write_history(simulate_catalogue(np.random.default_rng(1), CatalogueSize(200, 30)), few)
        ENGINES[engine](few, min(int(trees), 1))
    return ENGINES[engine](Path(table), int(trees))


def on_spark(path: Path, trees: int) -> Figures:
    """The parts of the batch job, one after the other."""
    from opint.popularity.spark.models import TrainingSpec, train
    from opint.popularity.spark.session import session

    spark = session(os.environ)
    start = time.perf_counter()
    table, everything, learned = _examples(spark, path)
    everything.write.format("noop").mode("overwrite").save()
    seconds = {"features_s": time.perf_counter() - start}
    if trees:
        learned.persist().write.format("noop").mode("overwrite").save()
        start = time.perf_counter()
        train(TrainingSpec("forest", 1, trees), learned)
        seconds["fit_s"] = time.perf_counter() - start
        learned.unpersist()
    table.unpersist()
    return seconds


def by_pandas(path: Path, trees: int) -> Figures:
    """Pandas and scikit-learn."""
    from benchmarks.popularity import pandas_peer

    start = time.perf_counter()
    rows = pandas_peer.read(path)
    columns = pandas_peer.features(rows)
    seconds = {"features_s": time.perf_counter() - start}
    if trees:
        popular = (rows["naccess"] > LABEL.limit).groupby(rows["dataset"].cat.codes).shift(-1)
        complete = popular.notna() & (rows["week"] >= WARM_UP_WEEKS)
        seconds["fit_s"] = _forest(columns[complete].to_numpy(), popular[complete].to_numpy(dtype=np.bool_), trees)
    return seconds


def by_kernels(path: Path, _: int) -> Figures:
    """The kernels alone."""
    start = time.perf_counter()
    history = read_frame(path, _nothing_is_left_out)
    columns = features(history, LABEL, totals(history, LABEL))
    gather(columns, history, range(history.shape[1]))
    return {"features_s": time.perf_counter() - start}


def _nothing_is_left_out(line: str) -> None:
    raise AssertionError(line)


ENGINES: Mapping[str, Callable[[Path, int], Figures]] = {"spark": on_spark, "pandas": by_pandas, "kernels": by_kernels}


def _examples(spark: Any, path: Path) -> tuple[Any, Any, Any]:
    """The table in parts, features of all its weeks, and those of which is known what came."""
    from opint.popularity.spark.features import BatchSpec, examples, shared_totals
    from opint.popularity.spark.table import read_table

    table, spec = read_table(spark, str(path), _nothing_is_left_out), BatchSpec(LABEL)
    shared = shared_totals(table, LABEL)
    weeks = range(table.span.weeks)
    every = examples(table, spec, shared, weeks)
    return table.parts, every, examples(table, spec, shared, weeks[WARM_UP_WEEKS:-1])


def _forest(values: Any, popular: Any, trees: int) -> float:
    """Seconds of a forest with the settings of the one on Spark, in as many threads as there are cores."""
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(
        trees, max_depth=DEPTH, min_samples_leaf=LEAST_LEAF, max_features=FEATURE_SHARE, random_state=1, n_jobs=-1
    )
    start = time.perf_counter()
    forest.fit(values, popular)
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1:])) + "\n")
