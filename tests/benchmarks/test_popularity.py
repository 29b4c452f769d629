"""Real series and simulated catalogues by one command, small."""

import json

import pytest

from benchmarks.popularity.__main__ import PARTS, main
from opint.popularity.simulate import TIERS

KEYS = {
    "cms_f1",
    "cms_average_precision",
    "atlas_f1",
    "atlas_average_precision",
    *(
        f"{prefix}_{rate}_{model}"
        for prefix in ("cms", "atlas")
        for rate in ("tpr", "tnr")
        for model in ("plain_forest", "forest", "blend", "persistence")
    ),
    *(f"{rate}_{group}" for rate in ("tpr", "tnr") for group in (*(one.name for one in TIERS), "new")),
    "new_tier_tpr",
    "new_tier_tnr",
}


@pytest.mark.benchmark
def test_one_command_measures_series_and_catalogues(real_data, capsys):
    for name in ("cms_weekly_naccess_2013_2015", "atlas_weekly_from_2017"):
        real_data(f"popularity/{name}.csv.gz")
    assert main(["--quick", "--json", "--only", "cms", "atlas", "catalogue"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert "skipped" not in told["data"]
    assert set(PARTS) == {"cms", "atlas", "catalogue", "placement", "cost"}
    found = told["results"]
    assert set(found) >= KEYS
    assert all(0 <= one["value"] <= 1 for one in found.values() if one["unit"] == "share" and "value" in one)
    for key in ("cms_f1", "atlas_f1", "atlas_average_precision"):
        assert found[key]["peer"] in ("plain forest", "persistence")
        assert found[f"{key}_gain"]["value"] == pytest.approx(found[key]["value"] - found[key]["peer_value"])
    assert found["atlas_f1"]["value"] > 0.5
    assert found["tpr_AOD"]["value"] > 0.5
    assert found["new_tier_tpr"]["n"] == 1
