"""Trained models in files: the same afterwards, and nothing in them is executed."""

import numpy as np
import pytest
import skops.io

from opint.popularity import trained as files
from opint.popularity.label import Label
from opint.popularity.models import NAMES, trainer
from opint.popularity.next_week import forecast, train
from opint.popularity.rolling import Question
from opint.popularity.simulate import Size, simulate
from opint.popularity.trained import TrainedError, load, save


@pytest.fixture(scope="module")
def question():
    return Question.of(simulate(np.random.default_rng(5), Size(150, 40)), Label("naccess", ">=", 11.5), 2)


@pytest.fixture(scope="module")
def sgd(question, tmp_path_factory):
    path = tmp_path_factory.mktemp("trained") / "sgd.skops"
    save(train(question, 39, "sgd", trainer("sgd"), 3), path)
    return path


@pytest.mark.parametrize("model", NAMES)
def test_every_model_is_the_same_when_it_is_loaded(question, tmp_path, model):
    heard = []
    made = train(question, 39, model, trainer(model), 3, heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    save(made, tmp_path / "model")
    found = load(tmp_path / "model")
    assert (found.model, found.label, found.horizon, found.newest) == (model, question.label, 2, made.newest)
    assert (found.curve, found.columns, found.seed) == (made.curve, made.columns, 3)
    first, second = (forecast(question, 39, one, 0.8) for one in (made, found))
    np.testing.assert_array_equal(first.probability, second.probability)


class Harmful:
    """Something that would run when it is unpickled."""

    def __reduce__(self):
        return print, ("executed",)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"about": "{}", "model": Harmful()}, "nothing was loaded"),
        (["a", "list"], "holds list, not a trained model"),
        ({"about": "{}", "model": None}, "not a trained model"),
        ({"model": None}, "not a trained model"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, capsys, content, told):
    skops.io.dump(content, tmp_path / "model")
    with pytest.raises(TrainedError, match=told):
        load(tmp_path / "model")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('"format":1', '"format":0', "format is 0, not 1; train it again"),
        ('"scikit-learn":"1', '"scikit-learn":"0', "made by scikit-learn 0"),
        ('"label":"naccess', '"label":"nothing', "not a trained model"),
    ],
)
def test_a_model_of_another_time_is_refused(sgd, tmp_path, before, after, told):
    found = skops.io.load(sgd, trusted=list(files.TRUSTED))
    assert before in found["about"]
    skops.io.dump(found | {"about": found["about"].replace(before, after)}, tmp_path / "model")
    with pytest.raises(TrainedError, match=told):
        load(tmp_path / "model")


def test_a_damaged_or_huge_file_is_refused(sgd, tmp_path, monkeypatch):
    (tmp_path / "model").write_bytes(sgd.read_bytes()[:-500])
    with pytest.raises(TrainedError, match="damaged"):
        load(tmp_path / "model")
    monkeypatch.setattr(files, "MOST_BYTES", 1000)
    with pytest.raises(TrainedError, match="more than 1000"):
        load(sgd)
