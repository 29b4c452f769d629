"""The tables of certification, in their small versions."""

import os

import numpy as np
import pytest

from benchmarks.dqm import adbench, certification
from benchmarks.dqm.table import DataMissing
from benchmarks.intervals import student
from benchmarks.report import data_folder


def test_students_interval_is_the_textbooks():
    low, high = student([1.0, 2.0, 3.0])
    assert (low, high) == pytest.approx((2 - 4.30265 / np.sqrt(3), 2 + 4.30265 / np.sqrt(3)), abs=1e-4)
    assert all(np.isnan(one) for one in student([1.0]))


def test_the_best_peer_is_the_one_that_is_shown():
    found = {adbench.OURS: 0.9, adbench.WEIGHTED: 0.95, adbench.VARIATIONAL: 0.99, "ECOD": 0.8, "VAE": 0.85}
    result = adbench._result({name: np.array([value, value + 0.01]) for name, value in found.items()})
    assert result.peer == "PyOD VAE"
    assert result.ratio == pytest.approx(0.905 / 0.855)
    assert all(name in result.note for name in ("ECOD", "VAE", adbench.WEIGHTED))


def test_no_training_row_is_judged_and_all_outliers_are():
    rows = np.random.default_rng(0).normal(size=(100, 3))
    labels = np.arange(100) % 10 == 0
    train, judged, bad = adbench._split(rows, labels.astype(np.int64), None, 5)
    assert len(train) == 62
    assert bad.sum() == 10
    assert len(judged) == 38
    assert not {row.tobytes() for row in train} & {row.tobytes() for row in judged}
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-5)


@pytest.mark.slow
def test_the_small_table_has_all_its_keys():
    try:
        found = certification.measure(data_folder(os.environ), True, (11,), lambda _text: None)
    except DataMissing as missing:
        pytest.skip(str(missing))
    assert {"certification_auc", "certification_top100_auc", "certification_vae_auc"} <= found.keys()
    assert all(0.5 < found[key].value <= 1 for key in found if key.endswith("_auc"))
