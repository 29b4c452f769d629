"""The commands of failing workflows: what the page does, at a terminal."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from conf.errors import NightshiftError
from opint.actions.deciding import decided_cases
from opint.cli.main import app
from streams.codecs.workflows import encode_workflows
from streams.workflows import FailureReport
from tests.opint.actions.reports import failing
from tests.opint.actions.seed_workflows import seed_workflows

TASK = failing(1).task


@pytest.fixture
def url(sqlite_template, tmp_path, open_store, monkeypatch):
    url = f"sqlite:///{tmp_path / 'n.db'}"
    shutil.copy(sqlite_template, tmp_path / "n.db")
    store = open_store(url)
    with store.begin() as tx:
        seed_workflows(tx, [failing(1), failing(2)])
    monkeypatch.setenv("NIGHTSHIFT_DATABASE__URL", url)
    monkeypatch.setenv("COLUMNS", "200")
    return url


def run(*words):
    done = CliRunner().invoke(app, ["actions", *words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_tasks_are_listed_decided_ended_and_exported(url, open_store, tmp_path):
    assert TASK in run("list")
    words = ("--action", "clone", "--memory", "10-16k", "--exclude", "T2_US_MIT", "--cores", "8")
    run("decide", TASK, "changed", "--actor", "Ada", *words)
    run("decide", failing(2).task, "rejected", "--actor", "Ada", "--reason", "on hold")
    run("outcome", TASK, "--failed", "--actor", "Ada")
    assert [item["task"] for item in json.loads(run("list", "--which", "ended", "--json"))["items"]] == [TASK]
    run("export", "--out", str(tmp_path / "actions.json"))
    exported = json.loads((tmp_path / "actions.json").read_text())
    assert list(exported) == [TASK]
    assert exported[TASK]["parameters"]["cores"] == 8
    with open_store(url).read() as tx:
        (case,) = decided_cases(tx)
    assert (case.failures, case.action.memory, case.succeeded) == (failing(1), "10-16k", False)
    with pytest.raises(NightshiftError, match="there are 1 decided cases"):
        run("train", "--with-decisions")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("decide", "none", "accepted"), "there is no task none"),
        (("decide", TASK, "maybe"), "the decision is 'maybe'"),
        (("decide", TASK, "rejected"), "needs a reason"),
        (("decide", TASK, "changed"), "--action"),
        (("decide", TASK, "changed", "--action", "pray"), "action is 'pray'"),
        (("list", "--which", "all"), "--which is 'all'"),
    ],
)
def test_mistakes_are_named(url, words, message):
    actor = ("--actor", "Ada") if words[0] == "decide" else ()
    with pytest.raises(NightshiftError, match=message):
        run(*words, *actor)


def test_files_are_suggested_about_by_the_rules_where_no_model_is_trained(url, tmp_path):
    path = tmp_path / "failures.json"
    path.write_bytes(encode_workflows(FailureReport((failing(1),)), "application/json") + b"\nnonsense\n")
    lines = run("predict", str(path), "--json").splitlines()
    (suggested,) = [json.loads(line) for line in lines if line.startswith("{")]
    assert (suggested["task"], suggested["action"]["action"]) == (TASK, "acdc")
    assert any("left out" in line for line in lines)
    table = run("predict", str(path))
    assert "unsure" in next(line for line in table.splitlines() if TASK in line and "acdc" in line)
