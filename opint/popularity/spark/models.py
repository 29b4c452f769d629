"""Models on Spark by name: random forest, logistic regression and boosted trees of Spark ML, and XGBoost's.

Each is trained on examples as they lie in parts; how a table is cut depends on the table alone, so that a model is the
same on a laptop and on a cluster.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.ml.classification import GBTClassifier, LogisticRegression, RandomForestClassifier
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as f
from xgboost.spark import SparkXGBClassifier

from opint.popularity.errors import PopularityError

DEPTH = 8
BOOSTED_DEPTH = 3
LEAST_LEAF = 10
FEATURE_SHARE = 0.2
RATE = 0.1
ROW_SHARE = 0.7
PENALTY = 1e-4
ITERATIONS = 30


@dataclass(frozen=True, slots=True)
class TrainingSpec:
    """Which model is trained; ``trees`` of a forest or of boosting, ``workers`` that XGBoost trains in.

    There must be free slots for as many workers.
    """

    model: str
    seed: int
    trees: int = 100
    workers: int = 1


def forest(training: TrainingSpec) -> Any:
    """Random forest (L. Breiman, Mach. Learn. 45 (2001) 5)."""
    return RandomForestClassifier(
        numTrees=training.trees,
        maxDepth=DEPTH,
        minInstancesPerNode=LEAST_LEAF,
        featureSubsetStrategy=str(FEATURE_SHARE),
        seed=training.seed,
    )


def logistic(_: TrainingSpec) -> Any:
    """Logistic regression with a quadratic penalty, on features in units of their standard deviation."""
    return LogisticRegression(regParam=PENALTY, maxIter=ITERATIONS)


def gbt(training: TrainingSpec) -> Any:
    """Gradient-boosted trees (J. H. Friedman, Ann. Stat. 29 (2001) 1189)."""
    return GBTClassifier(
        maxIter=training.trees,
        maxDepth=BOOSTED_DEPTH,
        stepSize=RATE,
        subsamplingRate=ROW_SHARE,
        minInstancesPerNode=LEAST_LEAF,
        featureSubsetStrategy=str(FEATURE_SHARE),
        seed=training.seed,
    )


def boosting(training: TrainingSpec) -> Any:
    """Gradient-boosted trees by XGBoost (T. Chen and C. Guestrin, KDD 2016)."""
    return SparkXGBClassifier(
        num_workers=training.workers,
        n_estimators=training.trees,
        max_depth=BOOSTED_DEPTH,
        learning_rate=RATE,
        subsample=ROW_SHARE,
        colsample_bytree=FEATURE_SHARE,
        min_child_weight=LEAST_LEAF,
        random_state=training.seed,
        verbosity=0,
        verbose=False,
    )


ESTIMATORS: Mapping[str, Callable[[TrainingSpec], Any]] = {
    "forest": forest,
    "logistic": logistic,
    "gbt": gbt,
    "boosting": boosting,
}


def check_name(model: str) -> None:
    """Raise PopularityError for an unknown model."""
    if model not in ESTIMATORS:
        raise PopularityError(f"model is {model!r}; known on Spark are {', '.join(ESTIMATORS)}")


def train(training: TrainingSpec, examples: DataFrame) -> Any:
    """A trained model; ``examples`` as :mod:`opint.popularity.spark.features` makes them."""
    check_name(training.model)
    return ESTIMATORS[training.model](training).fit(vectors(examples))


def probabilities(model: Any, examples: DataFrame, *columns: str) -> DataFrame:
    """Columns dataset, probability (double) and the ``columns`` columns of the examples, one row per example."""
    probability = vector_to_array(f.col("probability"))[1]
    return model.transform(vectors(examples, *columns)).select("dataset", probability.alias("probability"), *columns)  # type: ignore[no-any-return]


def vectors(examples: DataFrame, *columns: str) -> DataFrame:
    """Examples in the form of Spark ML: ``features`` as a vector, and ``label`` 1 for popular datasets."""
    features, label = array_to_vector(f.col("features")), f.col("popular").cast("double")
    return examples.select("dataset", features.alias("features"), label.alias("label"), *columns)
