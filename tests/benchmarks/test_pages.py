"""The benchmark of pages, small: each page answers on a store that it fills itself."""

import json

import pytest

from benchmarks.pages import PAGES, main, measure


@pytest.mark.benchmark
def test_one_command_times_every_page(capsys):
    assert main("pages", measure, ["--quick", "--json"]) == 0
    results = json.loads(capsys.readouterr().out)["results"]
    assert results.keys() == {f"{page}_{figure}" for page in PAGES for figure in ("p95_s", "cpu_s")}
    assert all(row["value"] > 0 for row in results.values())
    assert all(results[f"{page}_p95_s"]["peer_value"] > 0 for page in PAGES)
