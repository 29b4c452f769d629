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
    *(f"csc_detected_{kind}_{severity:g}" for kind, some in SEVERITIES.items() for severity in some[-2:]),
}
PEERS = KEYS - {"certification_auc"}


@pytest.mark.benchmark
@pytest.mark.timeout(1800)
def test_one_command_measures_every_table(real_data, capsys):
    pytest.importorskip("pyod")
    real_data("autodqm/pca_scores.csv")
    assert main(["--quick", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert "skipped" not in told["data"]
    assert all(name in told["data"] for name in TABLES)
    found = told["results"]
    assert set(found) >= KEYS
    assert {f"scoring_us_per_histogram_{name}" for name in ("pull", "chi2", "all")} <= set(found)
    assert {name.removeprefix("scoring_us_per_histogram_") for name in found if name.startswith("scoring_us")} <= {
        *REGISTRY,
        "features",
        "all",
    }
    assert all({"peer", "peer_value"} <= found[key].keys() for key in PEERS)
    assert all(isinstance(one["value"], float | int) for one in found.values())
