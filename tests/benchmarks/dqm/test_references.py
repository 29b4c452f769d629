"""The tables of adaptive references and of AutoDQM's runs, on data small enough to know the answer."""

import csv
import os

import numpy as np
import pytest

from benchmarks.dqm import autodqm, autodqm_head, autodqm_runs, dinamo
from benchmarks.dqm.autodqm_forms import FORMS, KINDS, Form
from benchmarks.dqm.table import DataMissing
from benchmarks.report import data_folder
from dqm.statistics.classification import auc


def test_auc_counts_pairs():
    bad = np.array([True, False, True, False])
    assert auc(np.array([3.0, 1.0, 2.0, 0.0]), bad) == 1.0
    assert auc(np.array([1.0, 1.0, 1.0, 1.0]), bad) == 0.5
    assert auc(np.array([3.0, 1.0, 0.0, 2.0]), bad) == 0.5


@pytest.fixture
def toy_files(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "dinamo").mkdir()
    x = np.arange(50)
    for seed in range(2):
        bad = rng.random(300) < 0.1
        bad[:10] = False
        means = np.exp(-0.5 * ((x - np.linspace(20, 30, 300)[:, None]) / 6) ** 2) * 300
        means[bad, 24] = 0.0
        np.savez(tmp_path / f"dinamo/toy_seed{seed}.npz", counts=rng.poisson(means).astype(np.uint32), bad=bad)
    return tmp_path


def test_the_drifting_table_ranks_dead_bins_above_drift(toy_files):
    result = dinamo.measure(toy_files, True, (1,), lambda _: None)
    assert result["dinamo_auc"].value > 0.99
    assert result["dinamo_auc"].value == pytest.approx(
        np.mean([result[f"dinamo_auc_seed{seed}"].value for seed in range(2)])
    )
    assert result["dinamo_distance_auc"].peer_value < 0.9
    assert result["dinamo_bad_taken"].value == 0.0


def test_labels_reach_the_peers_only(toy_files):
    with np.load(toy_files / "dinamo/toy_seed0.npz") as toy:
        counts, bad = toy["counts"].astype(float), toy["bad"]
    assert not np.array_equal(
        dinamo.label_fed(counts, bad, dinamo.chi2), dinamo.label_fed(counts, np.zeros_like(bad), dinamo.chi2)
    )


def write_runs(folder, deviation):
    """Runs whose scores follow their size; bad ones deviate by ``deviation`` more."""
    rng = np.random.default_rng(1)
    (folder / "autodqm").mkdir()
    size = rng.uniform(3, 9, 100)
    bad = np.arange(100) % 8 == 0
    names = [f"me{at}" for at in range(6)]
    betab, pca = [], []
    for run in rng.permutation(100):
        noise = rng.normal(size=(3, 6)) * 0.2 + deviation * bad[run]
        scores = np.exp(0.5 * size[run] + noise)
        items = {"run_number": 1000 + run, "label": int(bad[run])}
        other = dict(items, algo="pca")
        for at, name in enumerate(names):
            items |= {f"{name}_chi2_score_beta": scores[0, at], f"{name}_pull_score_beta": scores[1, at]}
            other |= {f"{name}_chi2prime": scores[2, at], f"{name}_integral": np.exp(size[run])}
        betab.append(items)
        pca.append(other)
    betab[0] |= {"me0_chi2_score_beta": -99.0, "me0_pull_score_beta": -99.0}
    for name, rows in (("betab_scores", betab), ("pca_scores", sorted(pca, key=lambda row: row["run_number"]))):
        with (folder / f"autodqm/{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


@pytest.mark.parametrize(("deviation", "least", "most"), [(1.5, 0.95, 1.0), (0.0, 0.0, 0.35)])
def test_deviations_are_caught_and_nothing_is_caught_by_size(tmp_path, deviation, least, most):
    write_runs(tmp_path, deviation)
    result = autodqm.measure(tmp_path, True, (1,), lambda _: None)
    assert least <= result["autodqm_bad_caught_at_5pct"].value <= most
    assert result["autodqm_good_flagged"].value < 0.15


def test_forms_summarise_the_kinds_that_they_name():
    deviations = np.zeros((2, len(KINDS), 40))
    deviations[0, KINDS.index("pull"), :4] = [-8, 6, 4, 2]
    deviations[:, KINDS.index("pca")] = 100
    pull = lambda both, summary: Form(("pull",), both, summary).score(deviations)  # noqa: E731
    np.testing.assert_allclose(pull(True, "mean"), [0.5, 0])
    np.testing.assert_allclose(pull(False, "mean"), [0.3, 0])
    np.testing.assert_allclose(pull(True, "square"), [np.sqrt(3), 0])
    np.testing.assert_allclose(pull(True, "tenth"), [5, 0])
    np.testing.assert_allclose(pull(True, "third"), [4, 0])
    assert len(set(FORMS)) == 120


def test_the_form_is_chosen_without_the_held_out_runs():
    """Only ``pca`` tells bad runs, and no fold needs to see its own bad runs to find that out."""
    rng = np.random.default_rng(3)
    bad = np.arange(120) % 6 == 0
    pca = np.exp(0.2 * rng.normal(size=(120, 6)) + bad[:, None])
    noise = [np.exp(rng.normal(size=(120, 6))) for _ in range(3)]
    runs = autodqm_runs.Runs(noise[0], noise[1], pca, noise[2] * 1000, bad)
    result = autodqm.validate(runs, rng, FORMS)
    assert all("pca" in form.kinds for form in result.chosen)
    assert (result.scores[bad] > 1).mean() > 0.9
    assert (result.scores[~bad] > 1).mean() < 0.15
    (only,) = set(autodqm.validate(runs, rng, FORMS[:1]).chosen)
    assert only is FORMS[0]


def test_the_head_learns_which_histograms_tell_bad_runs_from_good_ones():
    """Half of the histograms deviate in any run, the others only in bad ones: the labels of other folds say which."""
    rng = np.random.default_rng(4)
    bad = np.arange(120) % 6 == 0
    loud = 0.2 * rng.standard_t(1.5, size=(120, 6))
    away = np.concatenate([loud, 0.2 * rng.normal(size=(120, 6)) + 0.5 * bad[:, None]], axis=1)
    score = np.exp(away)
    runs = autodqm_runs.Runs(score, score, score, np.full((120, 12), 1000.0), bad)
    validated = autodqm_head.validate(runs, rng, 0.05, repeats=1)
    assert (validated.scores[bad] > 1).mean() > 0.9
    assert (validated.scores[~bad] > 1).mean() < 0.15
    assert len(validated.chosen) == autodqm_runs.FOLDS


def test_runs_are_held_out_once_each():
    bad = np.arange(40) % 5 == 0
    folds = autodqm_runs.folds(bad, np.arange(40), np.random.default_rng(0))
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(40))
    for train, test in folds:
        assert not set(train) & set(test)
        assert bad[test].sum() in (1, 2)


def test_tables_of_different_runs_are_refused(tmp_path):
    write_runs(tmp_path, 0.0)
    path = tmp_path / "autodqm/pca_scores.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))
    with pytest.raises(ValueError, match="same runs"):
        autodqm_runs.read(tmp_path / "autodqm/betab_scores.csv", path)


def test_the_real_tables_reach_what_is_claimed():
    try:
        result = dinamo.measure(data_folder(os.environ), True, (1,), lambda _: None)
    except DataMissing as missing:
        pytest.skip(str(missing))
    assert result["dinamo_auc"].value > max(0.97, result["dinamo_auc"].peer_value)
