"""The benchmark of placement, small."""

import json

import pytest

from benchmarks.popularity.__main__ import main

KEYS = {
    "plan_cold_read_reduction",
    *(
        f"{figure}_{name}"
        for figure in ("cold_reads", "remote_reads", "tb_weeks", "copied")
        for name in ("keep_everything", "lru", "persistence", "forecast", "greedy", "foreknown")
    ),
    "plan_s_1e4",
    "plan_s_1e5",
}


@pytest.mark.benchmark
def test_one_command_measures_all_of_it(capfd):
    assert main(["--quick", "--json", "--only", "placement"]) == 0
    load = json.loads(capfd.readouterr().out)["results"]
    assert set(load) >= KEYS
    assert load["plan_cold_read_reduction"]["peer"] == "LRU deletion"
    cold = {name: load[f"cold_reads_{name}"]["value"] for name in ("lru", "forecast", "foreknown")}
    assert load["plan_cold_read_reduction"]["value"] == pytest.approx(1 - cold["forecast"] / cold["lru"])
    assert cold["foreknown"] < cold["forecast"]
    assert all(load[f"tb_weeks_{name}"]["ratio"] < 0.5 for name in ("lru", "persistence", "forecast"))
    assert load["plan_s_1e4"]["value"] > 0
