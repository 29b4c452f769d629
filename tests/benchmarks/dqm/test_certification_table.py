"""The tables of certification, in their small versions."""

import os

import numpy as np
import pytest

from benchmarks import checkpoint
from benchmarks.dqm import adbench, certification, decorrelation
from benchmarks.dqm.distance_correlation import distance_correlation
from benchmarks.dqm.table import DataMissing
from benchmarks.intervals import student
from benchmarks.report import data_folder


def test_students_interval_is_the_textbooks():
    low, high = student([1.0, 2.0, 3.0])
    assert (low, high) == pytest.approx((2 - 4.30265 / np.sqrt(3), 2 + 4.30265 / np.sqrt(3)), abs=1e-4)
    assert all(np.isnan(item) for item in student([1.0]))


def test_the_best_peer_is_the_one_that_is_shown():
    results = {adbench.OURS: 0.9, adbench.UNWEIGHTED: 0.95, adbench.VARIATIONAL: 0.99, "ECOD": 0.8, "VAE": 0.85}
    result = adbench._result({name: np.array([value, value + 0.01]) for name, value in results.items()})
    assert result.peer == "PyOD VAE"
    assert result.ratio == pytest.approx(0.905 / 0.855)
    assert all(name in result.note for name in ("ECOD", "VAE", adbench.UNWEIGHTED))


def test_rows_off_the_plane_of_the_others_are_told_apart_by_a_code_that_fits_the_plane():
    rng = np.random.default_rng(3)
    rows = np.concatenate([rng.normal(size=(300, 2)), 0.1 * rng.normal(size=(300, 4))], axis=1)
    out = np.arange(300) < 60
    rows[out, 2:] += 0.3
    rows = rows.astype(np.float32)
    assert adbench._told_apart(rows, out, 2, 0) > 0.95
    assert adbench._told_apart(rows, out, 6, 0) < 0.9


def test_no_training_row_is_judged_and_all_outliers_are():
    rows = np.random.default_rng(0).normal(size=(100, 3))
    labels = np.arange(100) % 10 == 0
    train, judged, bad = adbench._split(rows, labels.astype(np.int64), None, 5)
    assert len(train) == 62
    assert bad.sum() == 10
    assert len(judged) == 38
    assert not {row.tobytes() for row in train} & {row.tobytes() for row in judged}
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-5)


def test_figures_of_a_seed_are_kept_for_a_clean_commit_only(monkeypatch, tmp_path):
    calls = []

    def measured():
        calls.append(1)
        return {"auc": 0.1 + 0.2}

    monkeypatch.setenv("NIGHTSHIFT_BENCH_KEEP", str(tmp_path / "kept"))
    for state, expected in (("abc", 1), ("abc-dirty", 3), ("def", 4)):
        monkeypatch.setattr(checkpoint, "commit", lambda state=state: state)
        assert (
            checkpoint.checkpointed("table", 11, measured)
            == checkpoint.checkpointed("table", 11, measured)
            == {"auc": 0.1 + 0.2}
        )
        assert len(calls) == expected
    monkeypatch.delenv("NIGHTSHIFT_BENCH_KEEP")
    checkpoint.checkpointed("table", 11, measured)
    assert len(calls) == 5


@pytest.mark.benchmark
def test_the_small_table_has_all_its_keys():
    try:
        result = certification.measure(data_folder(os.environ), True, (11,), lambda _text: None)
    except DataMissing as missing:
        pytest.skip(str(missing))
    assert {"certification_auc", "certification_top100_auc", "certification_vae_auc"} <= result.keys()
    assert all(0.5 < result[key].value <= 1 for key in result if key.endswith("_auc"))


def test_the_penalty_is_the_squared_distance_correlation():
    rng = np.random.default_rng(4)
    item, other = rng.normal(size=(60, 1)), rng.normal(size=(60, 2))
    other[:, 0] += item[:, 0] ** 2
    penalty = float(decorrelation._dependence(item.astype(np.float32), other.astype(np.float32)))
    assert penalty == pytest.approx(distance_correlation(item, other) ** 2, abs=1e-3)


@pytest.mark.benchmark
def test_the_small_table_of_the_penalty_has_all_its_keys():
    try:
        result = decorrelation.measure(data_folder(os.environ), True, (11,), lambda _text: None)
    except DataMissing as missing:
        pytest.skip(str(missing))
    for weight in decorrelation.WEIGHTS:
        assert 0.5 < result[f"decorrelation_{weight:g}_auc_inside_luminosity"].value <= 1
        assert 0 < result[f"decorrelation_{weight:g}_dependence"].value < 1
