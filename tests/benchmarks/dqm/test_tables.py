from pathlib import Path

import pytest

from benchmarks.dqm.__main__ import SEEDS, measure
from benchmarks.dqm.table import DataMissing, files
from benchmarks.report import Result


@pytest.mark.parametrize(("quick", "seeds"), [(False, SEEDS), (True, SEEDS[:1])])
def test_all_tables_are_measured_and_the_absent_are_named(tmp_path, quick, seeds):
    calls = []

    def present(data, quick, seeds, progress):
        progress("at work")
        calls.append((data, quick, tuple(seeds)))
        return {"a": Result(1.0, "x")}

    def absent(data, **_):
        return {"b": Result(float(len(files(data, "nowhere.csv"))), "x")}

    outcome = measure({"one": present, "two": absent, "three": present}, tmp_path, quick)

    assert calls == [(tmp_path, quick, seeds)] * 2
    assert dict(outcome.results) == {"a": Result(1.0, "x")}
    assert "two skipped" in outcome.data
    assert "nowhere.csv" in outcome.data


def test_files_that_are_there_are_returned(tmp_path):
    (tmp_path / "a.csv").touch()
    assert files(tmp_path, "a.csv") == (tmp_path / "a.csv",)
    with pytest.raises(DataMissing, match="NIGHTSHIFT_DATA"):
        files(Path("/nowhere"), "a.csv")
