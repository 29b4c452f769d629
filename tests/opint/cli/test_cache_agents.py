"""``nightshift cache train|evaluate|suggest`` as a person types them."""

import json

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

pytest.importorskip("torch")

from conf.errors import NightshiftError
from opint.cli import app
from opint.store import placement, suggestions
from opint.store.engine import Store
from rl_cache.kernels.history import FEATURES
from rl_cache.kernels.network import zero_network
from rl_cache.laboratory.agent import Agent
from rl_cache.policies.eviction.scored import Knobs
from tests.support.cache_traces import whole_datasets

DAYS, PER_DAY = 16, 60


@pytest.fixture
def trace(tmp_path):
    """Every second read is of one of ten files of "good"; the others are never repeated."""
    rng = np.random.default_rng(0)
    rows = ["time,file,size,tier"]
    for n in range(DAYS * PER_DAY):
        file, tier = (f"g{rng.integers(10)}", "good") if rng.random() < 0.5 else (f"o{n}", "once")
        rows.append(f"{n * 86_400 // PER_DAY},{file},10,{tier}")
    path = tmp_path / "x.csv"
    path.write_text("\n".join(rows) + "\n")
    return str(path)


@pytest.fixture
def agent(tmp_path):
    path = tmp_path / "agent.npz"
    Agent(Knobs(share=1.0, recency=-1.0), zero_network(len(FEATURES))).save(path)
    return str(path)


def run(*words):
    done = CliRunner().invoke(app, ["cache", *words], catch_exceptions=True)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_an_agent_is_trained_on_a_trace_and_measured(trace, tmp_path):
    out = str(tmp_path / "made.npz")
    assert "gain over S3-FIFO" in run("train", "--out", out, trace, "--steps", "0")
    scores = json.loads(run("evaluate", "--agent", out, trace, "--json", "--warm-up-days", "2"))
    assert {"agent", "s3fifo", "belady"} <= set(scores)
    assert scores["belady"]["byte_miss_ratio"] <= scores["agent"]["byte_miss_ratio"]
    assert "byte miss ratio" in run("evaluate", "--agent", out, trace)


def test_suggestions_are_printed_and_stored(trace, agent, tmp_path):
    url = f"sqlite:///{tmp_path / 'n.db'}"
    config = tmp_path / "settings.yaml"
    config.write_text(yaml.safe_dump({"database": {"url": url}}))
    assert CliRunner().invoke(app, ["db", "upgrade", "--config", str(config)]).exit_code == 0
    words = ("suggest", "--agent", agent, trace, "--size", "80", "--cache", "rome", "--config", str(config))
    assert "no suggestions are stored" in run("suggestions", "--config", str(config))
    assert "refuse once: saves" in run(*words)
    with Store.open(url).read() as tx:
        rows = suggestions.of_cache(tx, "rome")
    assert ("refuse", "once") in {(row.kind, row.target) for row in rows}
    shown = " ".join(run("suggestions", "--config", str(config)).split())
    assert "rome, against LRU, tried through 1970-01-16" in shown
    assert "refuse once" in shown
    stored = json.loads(run("suggestions", "--cache", "rome", "--json", "--config", str(config)))
    assert [item["target"] for item in stored["rome"]] == [row.target for row in rows]
    assert "bari: no suggestions: none are stored; `nightshift cache suggest --cache bari`" in run(
        "suggestions", "--cache", "bari", "--config", str(config)
    )
    printed = json.loads(run("suggest", "--agent", agent, trace, "--size", "80", "--json"))
    assert {item["target"] for item in printed} == {row.target for row in rows}


def test_what_is_to_be_fetched_ahead_becomes_lines_of_the_plan(agent, tmp_path):
    """Datasets are read as a whole, one an hour; the trace ends in the middle of one."""
    read = whole_datasets(datasets=150, runs=30 * 24, files=20, size=10).part(0, 30 * 24 * 20 - 12)
    rows = zip(read.time_s.tolist(), read.file.tolist(), read.dataset.code[read.file].tolist(), strict=True)
    lines = [f"{time},f{file},10,/d{dataset},T" for time, file, dataset in rows]
    path, url = tmp_path / "whole.csv", f"sqlite:///{tmp_path / 'n.db'}"
    path.write_text("\n".join(["time,file,size,dataset,tier", *lines]) + "\n")
    config = tmp_path / "settings.yaml"
    config.write_text(yaml.safe_dump({"database": {"url": url}}))
    assert CliRunner().invoke(app, ["db", "upgrade", "--config", str(config)]).exit_code == 0
    words = ("suggest", "--agent", agent, str(path), "--size", "30%", "--cache", "rome", "--rse", "T2_IT_Rome")
    printed = " ".join(run(*words, "--config", str(config)).split())
    assert "prefetch T: saves" in printed
    assert "h of waiting a day" in printed
    with Store.open(url).read() as tx:
        (plan,) = placement.newest(tx)
        planned = placement.page(tx, plan, which="planned", limit=100).items
    running = f"/d{read.dataset.code[read.file[-1]]}"
    assert running in [line.dataset for line in planned if "fetched ahead they save" in line.reason]


def test_a_trace_is_not_published_where_nobody_listens(trace, tmp_path):
    config = tmp_path / "settings.yaml"
    config.write_text(yaml.safe_dump({"stream": {"kafka": {"bootstrap_servers": "127.0.0.1:9"}}}))
    with pytest.raises(NightshiftError, match=r"127\.0\.0\.1:9"):
        run("publish", trace, "--cache", "rome", "--config", str(config))


def test_mistakes_are_one_line(trace, agent, tmp_path):
    (tmp_path / "two.csv").write_text("time,file,size\n1,a,1\n2,b,1\n")
    with pytest.raises(NightshiftError, match=r"two\.csv has 2 requests; training needs"):
        run("train", "--out", "x.npz", str(tmp_path / "two.csv"))
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump({"database": {"url": f"sqlite:///{tmp_path / 'none.db'}"}}))
    with pytest.raises(NightshiftError, match="db upgrade"):
        run("suggest", "--agent", agent, trace, "--cache", "rome", "--config", str(tmp_path / "settings.yaml"))
    with pytest.raises(NightshiftError, match="is not there"):
        run("evaluate", "--agent", "nowhere.npz", trace)
    with pytest.raises(NightshiftError, match="warm-up-days"):
        run("evaluate", "--agent", agent, trace, "--warm-up-days", "99")
