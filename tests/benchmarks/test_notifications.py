"""The benchmark of notifications, small: nothing is lost, and a storm makes few calls."""

import json

import pytest

from benchmarks.notifications.__main__ import main, measure


@pytest.mark.benchmark
@pytest.mark.slow
def test_one_command_measures_every_part(capsys):
    assert main("notifications", measure, ["--quick", "--json"]) == 0
    results = json.loads(capsys.readouterr().out)["results"]
    assert results["lost"]["value"] == 0
    assert results["duplicated_without_same_key"]["value"] == 0
    assert results["storm_notifications"]["value"] <= 3
    for key in ("notified_p50_s", "notified_p99_s", "silence_preview_p95_s", "overview_signed_in_per_s"):
        assert results[key]["value"] > 0
