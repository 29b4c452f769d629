"""``nightshift cache`` as a person types it."""

import builtins
import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

pytest.importorskip("numba")

from conf.errors import NightshiftError
from opint.cli import app

ROWS = "time,file,size,cpu_time,io_time\n" + "".join(f"{60 * n},f{n % 7 % 5},{n % 7 % 5 + 1},3,1\n" for n in range(300))


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(ROWS)
    return str(path)


def run(*words):
    done = CliRunner().invoke(app, ["cache", *words], catch_exceptions=True)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_info_as_table_and_as_json(trace):
    assert "requests  300" in " ".join(run("trace-info", trace).split()).replace("requests 300", "requests  300")
    summary = json.loads(run("trace-info", trace, "--json"))
    assert (summary["requests"], summary["files"], summary["footprint_bytes"]) == (300, 5, 15)
    assert "datasets" in summary


def test_what_was_left_out_of_a_trace_is_on_standard_error(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("time,file,size,op,host\n1,a,10,PUT,me\n2,a,10,GET,me\n")
    done = CliRunner().invoke(app, ["cache", "trace-info", str(path), "--json"])
    assert json.loads(done.stdout)["requests"] == 1
    assert done.stderr.splitlines() == [
        f"nightshift: {path}: not read: column host",
        f"nightshift: {path}: 1 of 2 rows are no reads and not counted: PUT",
    ]


def test_simulate_shows_misses_and_published_metrics(trace):
    shown = run("simulate", trace, "-s", "7", "-p", "lru", "-p", "gdsf", "--bandwidth", "1kB/s", "--warm-up", "10")
    assert "gdsf" in shown
    assert "read on hit" in shown
    assert "ratio of sums" in shown


def test_simulate_as_json_holds_every_policy(trace):
    printed = json.loads(run("simulate", trace, "-s", "50%", "--json", "--watermarks", "0.5", "0.9"))
    assert {"lru", "s3fifo", "belady"} <= {point["policy"] for point in printed["points"]}
    first = printed["points"][0]
    assert first["capacity_bytes"] == 7
    assert first["published_2020"]["cpu_efficiency"]["ratio_of_sums"] == pytest.approx(
        75 - 19 * first["request_miss_ratio"]
    )


def test_what_if_draws_and_always_knows_how_far_belady_is(trace, tmp_path):
    printed = json.loads(
        run("what-if", trace, "-s", "6", "-s", "10", "-p", "fifo", "--json", "--picture", str(tmp_path / "x.png"))
    )
    assert [(point["policy"], point["capacity_bytes"]) for point in printed["points"]] == [
        (name, size) for size in (6, 10) for name in ("fifo", "lru", "belady")
    ]
    assert all("way_to_belady" in point for point in printed["points"])
    assert (tmp_path / "x.png").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["simulate", "{trace}", "-s", "much"], "'much' is no number of bytes"),
        (["simulate", "{trace}", "-s", "9", "-p", "best"], "there is no policy 'best'"),
        (["simulate", "{trace}", "-s", "9", "--bandwidth", "5"], "'5' is no bandwidth"),
        (["simulate", "{trace}", "-s", "9", "--watermarks", "0.9", "0.5"], "watermarks are low 0.9"),
        (["what-if", "{trace}", "--picture", "x.bmp"], "--picture is x.bmp"),
        (["trace-info", "nowhere.csv"], "nowhere.csv: content is unreadable"),
    ],
)
def test_a_mistake_is_one_line(trace, words, message):
    with pytest.raises(NightshiftError, match=message):
        run(*(word.format(trace=trace) for word in words))


def test_a_small_trace_is_simulated_without_pandas_and_matplotlib(trace):
    heavy = "{'pandas', 'matplotlib', 'torch', 'lightgbm'} & set(sys.modules)"
    words = ["nightshift", "cache", "simulate", trace, "-s", "7", "-p", "lru", "--json"]
    code = (
        f"import sys\nsys.argv = {words}\nfrom opint.cli.main import app\ntry: app()\nfinally: sys.exit(len({heavy}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, len(json.loads(done.stdout)["points"])) == (0, 1)


def test_a_missing_extra_says_what_to_install(trace, monkeypatch):
    real = builtins.__import__

    def without_numba(name, *arguments):
        if name == "opint.caches.report":
            raise ModuleNotFoundError("No module named 'numba'", name="numba")
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without_numba)
    with pytest.raises(NightshiftError, match=r"needs numba, .* pip install 'nightshift\[rl\]'"):
        run("trace-info", trace)
