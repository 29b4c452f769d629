"""All parts of the benchmark of rates by one command, small."""

import json

import pytest

from benchmarks.rates.__main__ import PARTS, main
from dqm.simulate.rate_faults import RateFaultKind

KEYS = {
    "type_a_auc",
    "type_b_auc",
    "vae_type_b_auc",
    "fit_type_a_auc",
    "false_incidents_per_shift",
    "culprit_named",
    "lumisections_per_s",
    "hotline_rate_error",
    "hotline_anomalous_kept",
    *(f"found_{kind.replace('-', '_')}" for kind in RateFaultKind),
}


@pytest.mark.benchmark
def test_one_command_measures_every_part(real_data, capsys):
    real_data("oms/Run2024E-v1.parquet")
    assert main(["--quick", "--json", "--only", "published", "culprits", "speed", "hotline"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert "skipped" not in told["data"]
    assert set(PARTS) == {"published", "culprits", "speed", "hotline"}
    found = told["results"]
    assert set(found) >= KEYS
    assert all(0 <= one["value"] <= 1 for key, one in found.items() if one["unit"] in ("AUC", "share"))
    assert found["type_a_auc"]["value"] > 0.95
    assert found["false_incidents_per_shift"]["peer_value"] == 1.0
