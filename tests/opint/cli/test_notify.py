"""``nightshift notify`` and ``nightshift silence`` on a real store and a real receiver."""

import json
import time

import pytest
import yaml

from opint.store import messages
from opint.store.engine import Store
from streams.records import Conditions
from tests.opint.cli.commands import nightshift, printed, refused
from tests.support.incidents import open_incident, publish
from tests.support.receivers import web_receiver


@pytest.fixture
def web():
    with web_receiver() as item:
        yield item


@pytest.fixture
def config(tmp_path, web):
    hook = {"name": "room", "kind": "webhook", "url": web.url, "timeout_s": 1.0}
    route = {"name": "all", "receivers": "room"}
    values = {
        "database": {"url": f"sqlite:///{tmp_path / 'night.db'}"},
        "notifications": {"receivers": [hook], "routes": [route]},
    }
    path = tmp_path / "night.yaml"
    path.write_text(yaml.safe_dump(values))
    nightshift("db", "upgrade", "--config", path)
    return path


@pytest.fixture
def store(config, tmp_path):
    opened = Store.open(f"sqlite:///{tmp_path / 'night.db'}")
    yield opened
    opened.close()


def test_a_receiver_is_tested_at_once(config, web):
    assert "receiver 'room' accepted the test message in" in nightshift("notify", "test", "room", "--config", config)
    assert web.bodies[0]["subject"] == "[nightshift] test"
    web.answers = ["500"]
    assert "did not accept the test message: answered 500" in refused("notify", "test", "room", "--config", config)
    assert "'rom' is no receiver of notifications.receivers; there are: room" in refused(
        "notify", "test", "rom", "--config", config
    )


def test_dead_messages_are_listed_and_sent_again(config, store):
    with store.begin() as tx:
        number = messages.add(tx, "k", "room", "subject", {"text": "t"}, 1, 1000.0)
        messages.claim(tx, "d", "room", 1000.0, 9.0, 1)
        messages.mark_failed(tx, number, "d", "answered 404", None)
    assert "answered 404" in nightshift("notify", "list", "--state", "dead", "--config", config)
    assert f"will be sent again: {number}" in nightshift("notify", "resend", number, "--config", config)
    assert json.loads(printed("notify", "list", "--json", "--config", config))["state"] == "waiting"
    assert "only dead messages" in refused("notify", "resend", number, "--config", config)


def test_why_nobody_was_called_is_explained(config, store):
    with store.begin() as tx:
        number = open_incident(tx)
    assert "no dispatcher has looked at it yet" in nightshift("notify", "explain", number, "--config", config)
    assert json.loads(printed("notify", "explain", number, "--json", "--config", config))["change"] == "opened"
    assert "there is no incident 99" in refused("notify", "explain", 99, "--config", config)


def test_what_an_incident_follows_from_is_told_with_it(config, store):
    with store.begin() as tx:
        publish(tx, Conditions(beams_stable=False))
        number = open_incident(tx, family="starved", first_run=7, first_ls=1, last_run=7, last_ls=1)
    cause = "no stable beams since 01:01:40 UTC, run 7 LS 1"
    assert f"follows from {cause}" in nightshift("notify", "explain", number, "--config", config)
    assert f"follows from {cause}" in nightshift("incidents", "show", number, "--config", config)
    assert json.loads(printed("incidents", "show", number, "--json", "--config", config))["follows_from"] == cause


def test_a_silence_from_its_preview_to_its_end(config, store):
    with store.begin() as tx:
        number = open_incident(tx, at_s=time.time())
    about = ("--subsystem", "Muon", "--severity", "warning")
    assert "would hide now: 1; would have hidden in the past week: 1" in nightshift(
        "silence", "preview", *about, "--config", config
    )
    how = ("--reason", "works", "--by", "ada", "--config", config)
    assert "silence 1: hides 1 active incidents" in nightshift("silence", "add", *about, "--until", "8h", *how)
    assert "silence 2: hides 1" in nightshift("silence", "add", *about, "--until", "resolved", *how)
    listed = [json.loads(line) for line in printed("silence", "list", "--json", "--config", config).splitlines()]
    assert [(entry["silence"]["id"], entry["hides"]) for entry in listed] == [(1, [number]), (2, [number])]
    assert "subsystem Muon" in nightshift("silence", "list", "--config", config)
    assert "silence 1: ended" in nightshift("silence", "expire", 1, "--by", "ben", "--config", config)
    assert "ended by ben" in nightshift("silence", "list", "--all", "--config", config)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--subsystem", "Muon", "--until", "tomorrow"), "--until is 'tomorrow'; write 30min"),
        (("--subsystem", "Muon", "--until", "99d"), "at most 31 days"),
        (("--severity", "bad", "--until", "1h"), "severity is 'bad'"),
        (("--until", "1h"), "would hide everything"),
    ],
)
def test_a_silence_that_cannot_be_is_refused_in_one_line(arguments, expected, config):
    assert expected in refused("silence", "add", *arguments, "--reason", "x", "--config", config)


def test_without_receivers_there_is_nobody_to_notify(tmp_path):
    path = tmp_path / "bare.yaml"
    path.write_text(f"database: {{url: 'sqlite:///{tmp_path / 'bare.db'}'}}")
    assert "notifications.receivers is empty" in refused("notify", "run", "--config", path)
