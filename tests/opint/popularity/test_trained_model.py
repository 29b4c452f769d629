"""Trained models in files: the same afterwards, and nothing in them is executed."""

import numpy as np
import pytest
import skops.io

from opint.popularity.forecasting import forecast, train_model
from opint.popularity.history import Label
from opint.popularity.models import NAMES, trainer
from opint.popularity.predictors import ForecastTask
from opint.popularity.simulate import CatalogueSize, simulate_catalogue
from opint.popularity.trained_model import TRUSTED_TYPES, TrainedModelError, load_model, save_model


@pytest.fixture(scope="module")
def task():
    return ForecastTask.of(
        simulate_catalogue(np.random.default_rng(5), CatalogueSize(150, 40)), Label("naccess", ">=", 11.5), 2
    )


@pytest.fixture(scope="module")
def sgd(task, tmp_path_factory):
    path = tmp_path_factory.mktemp("trained") / "sgd.skops"
    save_model(train_model(task, 39, "sgd", trainer("sgd"), 3), path)
    return path


@pytest.mark.parametrize("model", NAMES)
def test_every_model_is_the_same_when_it_is_loaded(task, tmp_path, model):
    heard = []
    saved = train_model(task, 39, model, trainer(model), 3, heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    save_model(saved, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert (loaded.model, loaded.label, loaded.horizon, loaded.newest) == (model, task.label, 2, saved.newest)
    assert (loaded.calibration, loaded.columns, loaded.seed) == (saved.calibration, saved.columns, 3)
    first, second = (forecast(task, 39, trained, 0.8) for trained in (saved, loaded))
    np.testing.assert_array_equal(first.probability, second.probability)


class Harmful:
    """Something that would run when it is unpickled."""

    def __reduce__(self):
        return print, ("executed",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"about": "{}", "model": Harmful()}, "nothing was loaded"),
        (["a", "list"], "holds list, not a trained model"),
        ({"about": "{}", "model": None}, "not a trained model"),
        ({"model": None}, "not a trained model"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, capsys, content, message):
    skops.io.dump(content, tmp_path / "model")
    with pytest.raises(TrainedModelError, match=message):
        load_model(tmp_path / "model")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('"format":1', '"format":0', "format is 0, not 1; train it again"),
        ('"scikit-learn":"1', '"scikit-learn":"0', "made by scikit-learn 0"),
        ('"label":"naccess', '"label":"nothing', "not a trained model"),
    ],
)
def test_a_model_of_another_time_is_refused(sgd, tmp_path, before, after, message):
    content = skops.io.load(sgd, trusted=list(TRUSTED_TYPES))
    assert before in content["about"]
    skops.io.dump(content | {"about": content["about"].replace(before, after)}, tmp_path / "model")
    with pytest.raises(TrainedModelError, match=message):
        load_model(tmp_path / "model")


def test_a_damaged_or_huge_file_is_refused(sgd, tmp_path, monkeypatch):
    (tmp_path / "model").write_bytes(sgd.read_bytes()[:-500])
    with pytest.raises(TrainedModelError, match="damaged"):
        load_model(tmp_path / "model")
    monkeypatch.setattr("opint.popularity.trained_model.MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(TrainedModelError, match="more than 1000"):
        load_model(sgd)
