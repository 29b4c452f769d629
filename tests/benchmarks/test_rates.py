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
    report = json.loads(capsys.readouterr().out)
    assert "skipped" not in report["data"]
    assert set(PARTS) == {"real", "published", "culprits", "speed", "hotline"}
    result = report["results"]
    assert set(result) >= KEYS
    assert all(0 <= item["value"] <= 1 for key, item in result.items() if item["unit"] in ("AUC", "share"))
    assert result["type_a_auc"]["value"] > 0.95
    assert result["false_incidents_per_shift"]["peer_value"] == 1.0


@pytest.mark.benchmark
def test_real_rates_are_measured_beside_the_quadratic(real_data, capsys):
    for name in ("rates/hlt_Run2024B-v1.parquet", "rates/hlt_Run2024E-v1.parquet", "rates/hlt_Run2024I-v1.parquet"):
        real_data(name)
    assert main(["--quick", "--json", "--only", "real"]) == 0
    results = json.loads(capsys.readouterr().out)["results"]
    assert results["real_rate_coverage"]["value"] > 0.96
    assert results["real_rate_faults_found"]["value"] > 0.7
    assert results["real_rate_x0_7_in_10_ls_beside_quadratic_5_sigma"]["peer"] == "quadratics at 5"
    assert results["real_rate_x0_5_in_3_ls_poisson_bound"]["value"] > 0.9
    assert {"real_rate_false_incidents_per_shift", "real_rate_one_ls_recorded", "real_rate_judged"} <= set(results)
