"""Real series and simulated catalogues by one command, small."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.popularity.__main__ import PARTS, main
from benchmarks.popularity.compared import WeeklyAveragePrecision
from opint.popularity.metrics import average_precision
from opint.popularity.simulate import TIERS
from opint.popularity.walk_forward import WeekForecast

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
    *(f"{rate}_{group}" for rate in ("tpr", "tnr") for group in (*(tier.name for tier in TIERS), "new")),
    "new_tier_tpr",
    "new_tier_tnr",
}


@pytest.mark.benchmark
def test_one_command_measures_series_and_catalogues(real_data, capsys):
    for name in ("cms_weekly_naccess_2013_2015", "atlas_weekly_from_2017"):
        real_data(f"popularity/{name}.csv.gz")
    assert main(["--quick", "--json", "--only", "cms", "atlas", "catalogue"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert "skipped" not in report["data"]
    assert set(PARTS) == {"cms", "atlas", "catalogue", "placement", "cost"}
    results = report["results"]
    assert set(results) >= KEYS
    assert all(
        0 <= result["value"] <= 1 for result in results.values() if result["unit"] == "share" and "value" in result
    )
    for key in ("cms_f1", "atlas_f1", "atlas_average_precision"):
        assert results[key]["peer"] in ("plain forest", "persistence")
        assert results[f"{key}_gain"]["value"] == pytest.approx(results[key]["value"] - results[key]["peer_value"])
    assert results["atlas_f1"]["value"] > 0.5
    assert results["tpr_AOD"]["value"] > 0.5
    assert results["new_tier_tpr"]["n"] == 1


@given(st.lists(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=6), min_size=1, max_size=5))
def test_average_precision_of_weeks_drawn_once_is_that_of_all_together(pairs):
    weeks = []
    for outcomes in pairs:
        yes, popular = (np.array(column) for column in zip(*outcomes, strict=True))
        weeks.append(WeekForecast(0, 1, np.arange(len(yes)), yes.astype(float), yes, popular, 0.5))
    probability, popular = (
        np.concatenate([getattr(week, name) for week in weeks]) for name in ("probability", "popular")
    )
    once = np.ones(len(weeks), dtype=np.int64)
    np.testing.assert_allclose(WeeklyAveragePrecision(weeks)(once), average_precision(probability, popular))
