"""The hotline on the command line: simulated, learned from, judged, listed."""

import json

import numpy as np
import pytest
import yaml

from opint.store.engine import Store
from streams.files.arrow_file import write_recording
from tests.opint.cli.commands import nightshift, refused
from tests.support.records import EVENTS, RATES


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Settings, and the model that was learned from a recording."""
    path = tmp_path_factory.mktemp("hotline")
    url = f"sqlite:///{path / 'n.db'}"
    values = {"database": {"url": url}, "dqm": {"models": str(path / "models")}, "hotline": {"events_per_hour": 60}}
    (path / "settings.yaml").write_text(yaml.safe_dump(values))
    store = Store.open(url)
    store.upgrade()
    store.close()
    sample = ("--rate", 4, "--rare", 0, "--lumisections", 200, "--out", path / "events.arrow")
    assert "200 lumisections" in nightshift("hotline", "simulate", *sample)
    text = nightshift("train", "hotline", path / "events.arrow", "--config", path / "settings.yaml")
    assert str(path / "models" / "hotline") in text
    return path


def test_a_recording_is_judged_once_and_its_unusual_events_are_listed(folder, tmp_path):
    config, truth = ("--config", folder / "settings.yaml"), tmp_path / "rare.jsonl"
    assert "No events are kept" in nightshift("hotline", "list", *config)
    sample = ("--rate", 4, "--rare", 0.01, "--skip", 200, "--lumisections", 100, "--truth", truth)
    nightshift("hotline", "simulate", *sample, "--out", tmp_path / "new.arrow")
    rare = {(row["run"], row["event"]) for row in map(json.loads, truth.read_text().splitlines())}
    assert rare
    text = nightshift("score", tmp_path / "new.arrow", "--keep", *config)
    assert "kept events, newest first" in text
    assert "usually" in text
    listed = nightshift("hotline", "list", "--limit", 2, *config)
    oldest = int(listed.rpartition("--before")[2])
    assert nightshift("hotline", "list", "--limit", 2, "--before", oldest, *config) != listed
    before = nightshift("hotline", "list", "--limit", 1000, *config)
    assert before.count("run ") == pytest.approx(60 * 100 * 23.31 / 3600, rel=0.6)
    nightshift("score", tmp_path / "new.arrow", "--keep", *config)
    assert nightshift("hotline", "list", "--limit", 1000, *config) == before, "it was read before"


def test_what_cannot_be_learned_from_or_judged_is_one_line(folder, tmp_path):
    config = ("--config", folder / "settings.yaml")
    write_recording(tmp_path / "rates.arrow", [RATES])
    write_recording(tmp_path / "few.arrow", [EVENTS])
    assert "event features are needed" in refused("train", "hotline", tmp_path / "rates.arrow", *config)
    assert "at least 5000" in refused("train", "hotline", tmp_path / "few.arrow", *config)
    assert "one folder" in refused("train", "hotline", tmp_path / "few.arrow", "--as", "a/b", *config)
    assert "--out" in refused("hotline", "simulate", *config)
    assert refused("score", tmp_path / "few.arrow", *config).startswith("other-features")


def test_equal_seeds_give_equal_recordings(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        nightshift("hotline", "simulate", "--lumisections", 40, "--seed", seed, "--out", tmp_path / name)
    a, b, c = (np.frombuffer((tmp_path / name).read_bytes(), dtype=np.uint8) for name in "abc")
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)
