"""``nightshift actions``: from an emulated history to a trained model, and what a user can get wrong."""

import json

import pytest

from opint.actions.model import load
from tests.opint.cli.commands import nightshift, printed, refused

CASES = 500


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    path = tmp_path_factory.mktemp("actions") / "history.jsonl"
    nightshift("actions", "simulate", "--out", path, "--cases", CASES, "--weeks", 20)
    return path


def test_a_model_is_trained_from_a_file_and_says_what_predicts(history, tmp_path):
    lines = printed("actions", "train", history, "--out", tmp_path / "model").splitlines()
    assert [line.split(":")[0] for line in lines[:5]] == ["action", "memory", "splitting", "xrootd", "sites"]
    assert f"trained on {CASES} cases" in lines[5]
    assert load(tmp_path / "model").version[:12] in lines[5]


def test_lines_that_cannot_be_read_are_named_and_left_out(history, tmp_path):
    path = tmp_path / "damaged.jsonl"
    path.write_bytes(b"nonsense\n" + history.read_bytes())
    assert f"{path}:1 is left out: not JSON" in nightshift("actions", "scoreboard", path, "--share", 0.8)
    scores = json.loads(printed("actions", "scoreboard", path, "--json"))
    assert {score["method"] for score in scores} == {"model", "rules", "majority", "logistic"}
    assert {score["target"] for score in scores} == {"action", "memory", "splitting", "xrootd"}
    assert {score["cases"] for score in scores} == {CASES // 4}
    assert all(0 <= score["accuracy"] <= 1 for score in scores)


def test_messages_of_text_files_become_classes(tmp_path):
    lines = [f"cannot connect to se{number}.example.org:1094\n" for number in range(30)] + ["disk [full]\n", "\n"]
    (tmp_path / "messages.txt").write_text("".join(lines), encoding="latin-1")
    assert json.loads(printed("actions", "classes", tmp_path / "messages.txt", "--json")) == [
        {"number": 1, "messages": 30, "template": "cannot connect to <host>"},
        {"number": 2, "messages": 1, "template": "disk [full]"},
    ]
    text = printed("actions", "classes", tmp_path / "messages.txt")
    assert "disk [full]" in text
    assert "31 messages in 2 classes" in text


def test_real_messages_become_classes(real_data):
    path = real_data("operator/fts_messages.parquet")
    classes = json.loads(printed("actions", "classes", path, "--json", "--top", 1000))
    assert sum(each["messages"] for each in classes) == 5000
    assert len(classes) < 200


def test_a_line_of_megabytes_is_one_message(tmp_path):
    (tmp_path / "messages.txt").write_text("out of memory " * 1_000_000 + "\nsecond\n")
    classes = json.loads(printed("actions", "classes", tmp_path / "messages.txt", "--json"))
    assert [each["messages"] for each in classes] == [1, 1]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("train", "absent.jsonl", "--out", "model"), "absent.jsonl: no such file"),
        (("train", "--out", "model"), "there are 0 decided cases"),
        (("train", "--with-decisions"), "nightshift db upgrade"),
        (("simulate", "--out", "absent/history.jsonl"), "cannot be written"),
        (("simulate", "--out", "h.jsonl", "--codes-and-sites", "odd.json"), "all_errors"),
        (("classes", "odd.json", "empty.parquet"), "is no Parquet file"),
    ],
)
def test_mistakes_end_with_a_line_that_says_so(tmp_path, monkeypatch, words, reason):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd.json").write_text('{"all_sites": [1]}')
    (tmp_path / "empty.parquet").write_text("")
    assert reason in refused("actions", *words)
