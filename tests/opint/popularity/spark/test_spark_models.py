"""Every model on Spark: it learns something, and is the same however the rows of its table lie."""

import numpy as np
import pytest
from pyarrow import parquet

from opint.popularity.errors import PopularityError
from opint.popularity.history import Label
from opint.popularity.spark.features import BatchSpec
from opint.popularity.spark.models import TrainingSpec

SPEC = BatchSpec(Label("naccess", ">", 10))
MODELS = ("forest", "logistic", "gbt", "boosting")


@pytest.fixture(scope="module")
def learned(spark, weekly, tmp_path_factory):
    """Examples of the same table, once as it is and once with its rows in another order."""
    from opint.popularity.spark.features import examples, shared_totals
    from opint.popularity.spark.table import read_table

    rows = parquet.read_table(weekly)
    other = tmp_path_factory.mktemp("shuffled") / "weekly.parquet"
    parquet.write_table(rows.take(np.random.default_rng(1).permutation(len(rows))), other, row_group_size=1000)
    batches = []
    for path in (weekly, other):
        table = read_table(spark, str(path), pytest.fail)
        batches.append(examples(table, SPEC, shared_totals(table, SPEC.label), range(4, 29)).persist())
    return batches


@pytest.mark.parametrize("model", MODELS)
def test_a_model_separates_the_classes_and_is_the_same_for_any_order_of_rows(learned, model):
    from opint.popularity.spark.models import probabilities, train

    outcomes = []
    for frame in learned:
        rows = probabilities(train(TrainingSpec(model, 7, trees=5), frame), learned[0]).toArrow()
        outcomes.append(rows["probability"].to_numpy())
    popular = learned[0].select("popular").toArrow()["popular"].to_numpy(zero_copy_only=False).astype(bool)
    np.testing.assert_allclose(outcomes[0], outcomes[1], rtol=0, atol=1e-9)
    assert ((outcomes[0] >= 0) & (outcomes[0] <= 1)).all()
    assert outcomes[0][popular].mean() > 1.5 * outcomes[0][~popular].mean()


def test_the_models_are_those_that_are_tested():
    from opint.popularity.spark.models import ESTIMATORS, check_name

    assert tuple(ESTIMATORS) == MODELS
    with pytest.raises(PopularityError, match="model is 'oracle'; known on Spark are forest, logistic, gbt, boosting"):
        check_name("oracle")
