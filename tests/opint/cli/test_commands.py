"""The commands as a person types them: what they do, and one clear line for what went wrong."""

import json
import re
import shutil
import time
from contextlib import closing

import pytest
import yaml
from sqlalchemy import insert, update
from typer.testing import CliRunner

from conf.errors import NightshiftError, SettingsError
from conf.stream import KafkaSettings
from opint.cli import app
from opint.cli.common import runs_of
from opint.store import deadletters
from opint.store.deadletters import DeadLetter
from opint.store.engine import Store
from opint.store.tables import incident, occurrence
from streams.kafka import KafkaPublisher, KafkaSource
from streams.source import Partition
from tests.opint.cli.commands import WIDE, nightshift, refused

ROW = {
    "fingerprint": "f",
    "dataset": "/A/B/C",
    "subsystem": "Muon",
    "family": "content",
    "element_group": "Muon/Part1",
    "kind": "dead",
    "title": "Muon/Part1: dead channels",
    "explanation": "12 of 24 bins empty",
    "severity": "critical",
    "state": "open",
    "lumisections": 3,
    "elements": 1,
    "model_version": "m",
    "opened_s": 1.7e9,
    "updated_s": 1.7e9,
}


@pytest.fixture
def settings(tmp_path):
    """``settings(**sections)``: a settings file with a database of its own."""

    def write(**sections):
        file = tmp_path / "settings.yaml"
        url = f"sqlite:///{tmp_path / 'n.db'}"
        file.write_text(
            yaml.safe_dump({"database": {"url": url}, "dqm": {"models": str(tmp_path / "models")}} | sections)
        )
        return str(file)

    return write


@pytest.fixture
def opened(sqlite_template, tmp_path):
    """The store of these settings, with one open incident."""
    shutil.copy(sqlite_template, tmp_path / "n.db")
    store = Store.open(f"sqlite:///{tmp_path / 'n.db'}")
    with store.begin() as tx:
        tx.execute(insert(incident).values(ROW))
    yield store
    store.close()


def test_the_tables_are_made_once(settings):
    file = settings()
    assert "empty -> " in nightshift("db", "upgrade", "--config", file)
    assert "empty" not in nightshift("db", "upgrade", "--config", file)


def test_a_database_without_tables_says_what_to_do(settings):
    assert "nightshift db upgrade" in refused("incidents", "list", "--config", settings())


def test_incidents_are_listed_acknowledged_and_resolved(settings, opened):
    file = settings()
    assert "dead channels" in nightshift("incidents", "list", "--config", file)
    assert "No incidents" in nightshift("incidents", "list", "--subsystem", "Calo", "--config", file)
    nightshift("incidents", "ack", 1, "--by", "Ada", "--note", "calling the expert", "--config", file)
    assert "acknowledged" in nightshift("incidents", "list", "--state", "acknowledged", "--config", file)
    nightshift("incidents", "resolve", 1, "--by", "Ada", "--config", file)
    assert "No incidents" in nightshift("incidents", "list", "--state", "open", "--config", file)
    nightshift("incidents", "reopen", 1, "--by", "Ada", "--note", "too early", "--config", file)
    assert "dead channels" in nightshift("incidents", "list", "--state", "acknowledged", "--config", file)
    nightshift("incidents", "resolve", 1, "--by", "Ada", "--config", file)
    assert "99" in refused("incidents", "ack", 99, "--config", file)
    assert "resolved" in refused("incidents", "ack", 1, "--config", file)


def test_incidents_are_called_true_and_false(settings, opened):
    file = settings()
    assert "confirmed" in nightshift("incidents", "confirm", 1, "--by", "Ada", "--config", file)
    assert "false alarm" in nightshift("incidents", "false-alarm", 1, "--by", "Ada", "--config", file)
    assert "by Ada already" in refused("incidents", "false-alarm", 1, "--config", file)


def test_an_incident_is_accepted_as_the_new_reference_and_that_is_revoked(settings, opened):
    file = settings()
    assert "has no lumisection to learn from" in refused("incidents", "accept", 1, "--reason", "x", "--config", file)
    with opened.begin() as tx:
        place = {"first_run": 1, "first_ls": 5, "last_run": 1, "last_ls": 5}
        tx.execute(update(incident).values(place))
        row = {"incident_id": 1, "run": 1, "ls": 5, "elements": ["a"], "p_value": None, "kind": "dead"}
        tx.execute(insert(occurrence).values(row))
    assert "the reason is empty" in refused("incidents", "accept", 1, "--reason", " ", "--config", file)
    accepted = nightshift("incidents", "accept", 1, "--reason", "new masks", "--by", "Ada", "--config", file)
    assert accepted == "incident 1: accepted as the new reference\n"
    assert "by Ada already" in refused("incidents", "accept", 1, "--reason", "again", "--config", file)
    assert "no longer accepted" in nightshift("incidents", "revoke", 1, "--by", "Ada", "--config", file)
    assert "nothing to revoke" in refused("incidents", "revoke", 1, "--config", file)


def test_a_run_is_certified(settings, seeded_store, tmp_path):
    file = settings(database={"url": f"sqlite:///{tmp_path / 'nightshift.db'}"})
    out, report = tmp_path / "good.json", tmp_path / "report.json"
    arguments = ["certify", 379415, 379412, "--config", file]
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})
    assert json.loads(result.stdout) == {"379415": [[2, 21]], "379412": [[40, 49], [54, 61]]}
    assert "Calo: incident 2; Muon: incident 3" in result.stderr
    assert "20 of 62 lumisections certified" in result.stderr
    nightshift(*arguments, "--out", out, "--report", report)
    assert json.loads(out.read_text()) == json.loads(result.stdout)
    (reports, _) = json.loads(report.read_text()).values()
    assert reports["excluded"][0]["why"][0]["cause"] == "not inspected"
    assert "cannot be written" in refused(*arguments, "--out", tmp_path / "none" / "good.json")
    assert "no run 5" in refused("certify", 5, "--config", file)


def letter(raw, size, topic="t"):
    return DeadLetter(
        Partition("c", topic, 0),
        5,
        "bad-json",
        "message",
        "bad-json: message is b'{'",
        "t[0] offset 5",
        {"content-type": "application/json"},
        b"1:2",
        raw,
        size,
        time.time(),
    )


@pytest.mark.parametrize("accesses", [False, True])
def test_a_dead_letter_is_listed_and_published_again(settings, opened, embedded_broker, accesses):
    """To the topic that it came from: histograms, or file accesses."""
    topic = f"letters-{time.time_ns()}"
    kafka = {
        "bootstrap_servers": embedded_broker.bootstrap_servers,
        "cluster_id": embedded_broker.cluster_id,
        "embedded": True,
    }
    file = settings(
        stream={"kafka": kafka | {"topic": f"other-{topic}" if accesses else topic}},
        cache={"topic": topic if accesses else f"other-{topic}"},
    )
    with opened.begin() as tx:
        deadletters.add(tx, [letter(b"{}", 2, topic if accesses else "an-old-topic")])
    assert "bad-json" in nightshift("deadletters", "list", "--config", file)
    nightshift("deadletters", "replay", 1, "--config", file)
    source = KafkaSource(KafkaSettings(**kafka, topic=topic))
    result, deadline = [], time.monotonic() + 30
    while not result and time.monotonic() < deadline:
        result = source.poll(0.5)
        for partition in source.claimed():
            source.start_at(partition, None)
    source.close()
    assert [(item.value, item.key, item.headers["content-type"]) for item in result] == [
        (b"{}", b"1:2", "application/json")
    ]
    with opened.read() as tx:
        assert deadletters.get(tx, 1).replayed_s is not None


def test_a_cut_letter_is_not_published(settings, opened):
    with opened.begin() as tx:
        deadletters.add(tx, [letter(b"{", 2000)])
    assert "stream.dead_letter_bytes" in refused("deadletters", "replay", 1, "--config", settings())


def test_no_broker_is_one_line(settings, tmp_path):
    nightshift("simulate", "--lumisections", 1, "--faults", 0, "--out", tmp_path / "a.arrow", "--config", settings())
    kafka = {"bootstrap_servers": "127.0.0.1:9"}
    file = settings(stream={"kafka": kafka})
    assert "127.0.0.1:9" in refused("replay", tmp_path / "a.arrow", "--config", file)


@pytest.mark.parametrize("command", ["score", "replay", "train histograms", "train rates", "train hotline"])
def test_a_file_that_is_not_there_is_told_before_anything_is_done(settings, tmp_path, command):
    (tmp_path / "there.arrow").touch()
    for absent, why in (("missing.root", "missing.root: no such file"), (".", "is a folder; name the files in it")):
        arguments = [*command.split(), tmp_path / "there.arrow", tmp_path / absent, "--config", settings()]
        assert refused(*arguments).endswith(why)


@pytest.mark.usefixtures("opened")
def test_files_in_which_nothing_is_usable_are_refused(settings, models, tmp_path):
    (tmp_path / "bad.uhi.json").write_text("{}")
    file = settings(dqm={"models": str(models)})
    assert refused("score", tmp_path / "bad.uhi.json", "--config", file).startswith("bad.uhi.json: missing-envelope")
    for _ in range(2):
        text = refused("score", "--keep", tmp_path / "bad.uhi.json", "--config", file)
        assert text.startswith("bad.uhi.json: missing-envelope")


def test_no_model_says_what_to_do(settings, tmp_path):
    nightshift("simulate", "--lumisections", 1, "--faults", 0, "--out", tmp_path / "a.arrow", "--config", settings())
    assert "train" in refused("score", tmp_path / "a.arrow", "--config", settings())


def test_simulate_wants_one_destination(settings, tmp_path):
    assert "--out" in refused("simulate", "--config", settings())
    assert "--out" in refused("simulate", "--publish", "--out", tmp_path / "a.arrow", "--config", settings())


def test_equal_seeds_simulate_equal_files(settings, tmp_path):
    for name in ("a", "b"):
        nightshift("simulate", "--lumisections", 20, "--out", tmp_path / name, "--config", settings())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_doctor_names_what_is_missing(settings):
    file = settings(stream={"source": "folder", "folder": {"path": "/nowhere/at/all"}})
    result = CliRunner().invoke(app, ["doctor", "--config", file], env={"COLUMNS": "300"})
    assert result.exit_code == 1
    for word in ("nightshift db upgrade", "/nowhere/at/all", "ok", "settings"):
        assert word in result.output


def test_the_doctor_is_content(settings, models, tmp_path, opened):
    file = settings(dqm={"models": str(models)}, stream={"source": "folder", "folder": {"path": str(tmp_path)}})
    assert "FAILS" not in nightshift("doctor", "--config", file)


def test_the_doctor_reads_the_newest_message(settings, models, embedded_broker, opened):
    kafka = {
        "bootstrap_servers": embedded_broker.bootstrap_servers,
        "cluster_id": embedded_broker.cluster_id,
        "embedded": True,
        "topic": f"doctor.{time.time_ns()}",
    }
    file = settings(dqm={"models": str(models)}, stream={"kafka": kafka})
    with closing(KafkaPublisher(KafkaSettings(**kafka))) as publisher:
        publisher.ensure_topic(4)
        assert "no message yet" in nightshift("doctor", "--config", file)
        nightshift("simulate", "--lumisections", 1, "--publish", "--config", file)
        assert "its newest message is readable" in nightshift("doctor", "--config", file)
        publisher.publish_bytes(b"{}", {"content-type": "application/json"}, None)
    result = CliRunner().invoke(app, ["doctor", "--config", file], env={"COLUMNS": "400"})
    assert result.exit_code == 1
    assert "is unusable: missing-envelope" in result.output


def test_the_doctor_looks_at_the_model_of_rates_where_they_are_watched(settings, tmp_path):
    pytest.importorskip("dqm.rates.model")
    file = settings(rates={"watch": True}, dqm={"models": str(tmp_path)})
    result = CliRunner().invoke(app, ["doctor", "--config", file], env={"COLUMNS": "300"})
    assert result.exit_code == 1
    assert "rates model" in result.output
    assert "nightshift train rates" in result.output


@pytest.mark.parametrize("text", ["5", "a-b", "9-5", "-5"])
def test_ranges_of_runs_are_checked(text):
    with pytest.raises(NightshiftError, match="--runs"):
        runs_of(text)


def test_ranges_of_runs_hold_both_ends():
    assert list(runs_of("3-5")) == [3, 4, 5]
    assert 10**9 in runs_of("")


@pytest.mark.parametrize("command", [("simulate",), ("trigger", "simulate"), ("hotline", "simulate")])
def test_a_truth_that_cannot_be_written_is_told_in_one_line(command, tmp_path):
    nowhere = tmp_path / "none" / "truth.jsonl"
    text = refused(*command, "--lumisections", 3, "--truth", nowhere, "--out", tmp_path / "out.arrow")
    assert f"truth file {nowhere} cannot be written: No such file or directory" in text


@pytest.mark.parametrize(
    "command",
    [
        ("incidents", "ack", 2**63),
        ("incidents", "list", "--run", 10**20),
        ("incidents", "list", "--subsystem", "\udcff"),
        ("deadletters", "list", "--reason", "\udcff"),
        ("deadletters", "replay", 10**20),
        ("hotline", "list", "--before", 10**20),
        ("certify", 10**20),
    ],
)
def test_what_no_database_can_hold_is_refused_by_name(command):
    result = CliRunner().invoke(app, [str(item) for item in command], catch_exceptions=False, env=WIDE)
    assert result.exit_code == 2
    assert "Invalid value for" in result.output


@pytest.mark.parametrize("runs", ["1-99999999999999999999", "5-4", "one"])
def test_a_range_of_runs_that_cannot_be_is_refused(runs):
    with pytest.raises(SettingsError, match="--runs is "):
        runs_of(runs)


def test_beside_the_demo_a_command_without_settings_says_where_its_database_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NIGHTSHIFT_CONFIG", raising=False)
    assert "make run" not in refused("incidents", "list")
    (tmp_path / "var" / "demo").mkdir(parents=True)
    (tmp_path / "var" / "demo" / "nightshift.yaml").touch()
    assert "export NIGHTSHIFT_CONFIG=var/demo/nightshift.yaml" in refused("incidents", "list")


def test_the_paragraphs_of_help_flow_in_any_width():
    """Lines of the source are no lines of the terminal."""
    assert "Killed at any moment, it goes on where it was: nothing is lost" in nightshift("run", "--help")


def test_a_narrow_terminal_folds_no_time(settings, opened):
    listed = CliRunner().invoke(app, ["incidents", "list", "--config", str(settings())], env={"COLUMNS": "80"}).output
    assert re.search(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", listed)
    assert max(map(len, listed.splitlines())) <= 80
