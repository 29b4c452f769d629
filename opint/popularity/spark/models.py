"""Models on Spark by name: random forest, logistic regression and boosted trees of Spark ML, and XGBoost's.

Each is trained on examples as they lie in parts; how a table is cut depends on the table alone, so that a model is the
same on a laptop and on a cluster.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opint.popularity.errors import PopularityError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

DEPTH = 8
BOOSTED_DEPTH = 3
LEAST_LEAF = 10
FEATURE_SHARE = 0.2
RATE = 0.1
ROW_SHARE = 0.7
PENALTY = 1e-4
ITERATIONS = 100
COLUMNS = {"featuresCol": "vector", "labelCol": "label"}


@dataclass(frozen=True, slots=True)
class Settings:
    """``trees`` of a forest or of boosting; ``workers`` that XGBoost trains in, at most as many as there are slots."""

    seed: int
    trees: int = 100
    workers: int = 1


def forest(settings: Settings) -> Any:
    """Random forest (L. Breiman, Mach. Learn. 45 (2001) 5)."""
    from pyspark.ml.classification import RandomForestClassifier  # noqa: PLC0415 - heavy, and an extra

    return RandomForestClassifier(
        **COLUMNS,
        numTrees=settings.trees,
        maxDepth=DEPTH,
        minInstancesPerNode=LEAST_LEAF,
        featureSubsetStrategy=str(FEATURE_SHARE),
        seed=settings.seed,
    )


def logistic(_: Settings) -> Any:
    """Logistic regression with a quadratic penalty, on features in units of their standard deviation."""
    from pyspark.ml.classification import LogisticRegression  # noqa: PLC0415 - heavy, and an extra

    return LogisticRegression(**COLUMNS, regParam=PENALTY, maxIter=ITERATIONS)


def gbt(settings: Settings) -> Any:
    """Gradient-boosted trees (J. H. Friedman, Ann. Stat. 29 (2001) 1189)."""
    from pyspark.ml.classification import GBTClassifier  # noqa: PLC0415 - heavy, and an extra

    return GBTClassifier(
        **COLUMNS,
        maxIter=settings.trees,
        maxDepth=BOOSTED_DEPTH,
        stepSize=RATE,
        subsamplingRate=ROW_SHARE,
        minInstancesPerNode=LEAST_LEAF,
        featureSubsetStrategy=str(FEATURE_SHARE),
        seed=settings.seed,
    )


def boosting(settings: Settings) -> Any:
    """Gradient-boosted trees by XGBoost (T. Chen and C. Guestrin, KDD 2016)."""
    from xgboost.spark import SparkXGBClassifier  # noqa: PLC0415 - heavy, and an extra

    return SparkXGBClassifier(
        features_col=COLUMNS["featuresCol"],
        label_col=COLUMNS["labelCol"],
        num_workers=settings.workers,
        n_estimators=settings.trees,
        max_depth=BOOSTED_DEPTH,
        learning_rate=RATE,
        subsample=ROW_SHARE,
        colsample_bytree=FEATURE_SHARE,
        min_child_weight=LEAST_LEAF,
        random_state=settings.seed,
        verbosity=0,
    )


ESTIMATORS: Mapping[str, Callable[[Settings], Any]] = {
    "forest": forest,
    "logistic": logistic,
    "gbt": gbt,
    "boosting": boosting,
}


def check_name(name: str) -> None:
    """Raise PopularityError for a model that is not there."""
    if name not in ESTIMATORS:
        raise PopularityError(f"model is {name!r}; known on Spark are {', '.join(ESTIMATORS)}")


def train(name: str, settings: Settings, examples: "DataFrame") -> Any:
    """The trained model of this name; ``examples`` as :mod:`opint.popularity.spark.features` makes them."""
    check_name(name)
    return ESTIMATORS[name](settings).fit(vectors(examples))


def probabilities(model: Any, examples: "DataFrame") -> "DataFrame":
    """Columns dataset, week and probability (double), one row for each example."""
    from pyspark.ml.functions import vector_to_array  # noqa: PLC0415 - heavy, and an extra
    from pyspark.sql import functions as f  # noqa: PLC0415 - heavy, and an extra

    told = vector_to_array(f.col("probability"))[1]
    return model.transform(vectors(examples)).select("dataset", "week", told.alias("probability"))  # type: ignore[no-any-return]


def vectors(examples: "DataFrame") -> "DataFrame":
    """Examples as Spark ML wants them: ``vector`` of the features, and ``label`` 1 for popular ones."""
    from pyspark.ml.functions import array_to_vector  # noqa: PLC0415 - heavy, and an extra
    from pyspark.sql import functions as f  # noqa: PLC0415 - heavy, and an extra

    return examples.select(
        "dataset", "week", array_to_vector("features").alias("vector"), f.col("popular").cast("double").alias("label")
    )
