"""All tables by one command, small."""

import json

import pytest

from benchmarks.dqm.__main__ import TABLES, main
from benchmarks.dqm.csc import SEVERITIES
from dqm.histograms.scorers import REGISTRY

KEYS = {
    "autodqm_bad_caught_at_5pct",
    "autodqm_auc_in_size_bins",
    "dinamo_auc",
    "certification_auc",
    "certification_top100_auc",
    "occupancy_auc",
    "adbench_mnist_auc",
    "adbench_musk_auc",
    *(f"csc_detected_{kind}_{severity:g}" for kind, sample in SEVERITIES.items() for severity in sample[-2:]),
}
PEERS = KEYS - {"certification_auc"}


@pytest.mark.benchmark
@pytest.mark.timeout(1800)
def test_one_command_measures_every_table(real_data, capsys):
    pytest.importorskip("pyod")
    real_data("autodqm/pca_scores.csv")
    assert main(["--quick", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert "skipped" not in report["data"]
    assert all(name in report["data"] for name in TABLES)
    result = report["results"]
    assert set(result) >= KEYS
    assert {f"scoring_us_per_histogram_{name}" for name in ("pull", "chi2", "all")} <= set(result)
    assert {name.removeprefix("scoring_us_per_histogram_") for name in result if name.startswith("scoring_us")} <= {
        *REGISTRY,
        "features",
        "all",
    }
    assert all({"peer", "peer_value"} <= result[key].keys() for key in PEERS)
    assert all(isinstance(item["value"], float | int) for item in result.values())
