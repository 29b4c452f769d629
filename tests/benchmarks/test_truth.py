"""Verdicts on labelled runs."""

import json

import numpy as np
import pytest

from benchmarks.truth import __main__ as truth
from benchmarks.truth import peers
from benchmarks.truth.labelled import later_runs, whole_runs


@pytest.mark.benchmark
def test_a_quick_run_has_the_keys_and_calls_nothing_bad_good(real_data, monkeypatch, capsys):
    folder = real_data("csc/bad_runs.csv").parents[1]
    real_data("labelled_ls/pxlayer1_charge_2017B.parquet")
    monkeypatch.setenv("NIGHTSHIFT_DATA", str(folder))
    assert truth.main("truth", truth.measure, ["--quick", "--json"]) == 0
    results = json.loads(capsys.readouterr().out)["results"]
    assert {"labels_auc", "csc_auc", "csc_inspected", "longrun_false_rate_ratio", "autodqm_bad_caught_at_5pct"} < set(
        results
    )
    for name in ("csc", "labels"):
        assert results[f"{name}_bad_called_good"]["value"] == 0.0
        assert results[f"{name}_good_alarmed"]["value"] <= 0.075
    assert results["csc_170_bad_alarmed"]["value"] >= 0.9


def test_nothing_that_is_learned_is_judged(real_data):
    labelled = whole_runs(real_data("csc/bad_runs.csv").parents[1])
    split = later_runs(labelled, 50)
    assert not labelled.bad[split.learned].any()
    assert split.learned.max() < split.judged.min()


@pytest.mark.parametrize("peer", [peers.principal, peers.largest, peers.nearest, peers.forest, peers.tails])
def test_each_peer_ranks_a_gross_fault_above_good_ones(peer):
    rng = np.random.default_rng(0)
    rows = peers.roots(rng.poisson(1000, size=(60, 20)).astype(float))
    broken = rows[-1:].copy()
    broken[0, :10] = 0.0
    scores = peer(rows[:40], np.concatenate([rows[40:], broken]))
    assert scores[-1] > scores[:-1].max()
