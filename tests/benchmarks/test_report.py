import json

import pytest

from benchmarks.report import Outcome, Result, frame, main, table


def test_json_is_one_object_and_leaves_absent_fields_out(capsys):
    ticks = iter([10.0, 12.5])
    outcome = Outcome({"rate": Result(3.0, "1/s", low=2.5, n=4), "bad": Result(float("inf"), "s")}, "made up")

    status = main("demo", lambda _: outcome, ["--json", "--quick"], clock=lambda: next(ticks))

    printed = json.loads(capsys.readouterr().out)
    assert status == 0
    assert printed["results"] == {"rate": {"value": 3.0, "unit": "1/s", "low": 2.5, "n": 4}, "bad": {"unit": "s"}}
    assert (printed["benchmark"], printed["data"], printed["wall_s"]) == ("demo", "made up", 2.5)
    assert set(printed) == {"benchmark", "commit", "versions", "machine", "data", "wall_s", "results"}
    assert printed["versions"]["numpy"]


@pytest.mark.parametrize("quick", [True, False])
def test_quick_reaches_the_benchmark(quick, capsys):
    flags = []

    def run(flag):
        flags.append(flag)
        return Outcome({"a": Result(1.0, "x")}, "none")

    main("demo", run, ["--quick"] if quick else [])

    assert flags == [quick]
    assert "demo" in capsys.readouterr().out


def test_table_shows_every_result():
    outcome = Outcome({f"key{n}": Result(n, "s", 0.0, 9.0, 3, "peer", 2.0, n / 2, "why") for n in range(3)}, "none")

    assert table(frame("demo", outcome, 1.0)).row_count == 3
