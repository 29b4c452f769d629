"""Trigger rates on the command line: emulated, recorded, published, learned from and judged."""

import json
import time
import uuid
from dataclasses import replace

import pytest
import yaml
from sqlalchemy import select

from conf.settings import Settings
from conf.stream import KafkaSettings
from opint.recordings import good_records
from opint.store.engine import Store
from opint.store.tables import incident
from opint.stream_kinds import reader_of_any
from streams.codecs.events import EventLimits, decode_events
from streams.codecs.rates import RateLimits, decode_rates
from streams.files.arrow_file import write_recording
from streams.kafka import KafkaSource
from streams.records import Conditions
from tests.opint.cli.commands import nightshift, refused
from tests.support.records import EVENTS, RATES

LEARNED = 300
"""Lumisections of the training: fewer leave p-values too coarse for causes."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Settings, a recording of good rates, and the model that was learned from it."""
    path = tmp_path_factory.mktemp("trigger")
    url = f"sqlite:///{path / 'n.db'}"
    (path / "settings.yaml").write_text(
        yaml.safe_dump({"database": {"url": url}, "dqm": {"models": str(path / "models")}})
    )
    store = Store.open(url)
    store.upgrade()
    store.close()
    sample = ("--good-only", "--lumisections", LEARNED, "--faults", 0, "--out", path / "good.arrow")
    assert f"{LEARNED} lumisections" in nightshift("trigger", "simulate", *sample)
    text = nightshift("train", "rates", path / "good.arrow", "--config", path / "settings.yaml")
    assert str(path / "models" / "rates") in text
    return path


def test_each_fault_of_a_recording_is_found_and_named(folder):
    truth, config = folder / "truth.jsonl", ("--config", folder / "settings.yaml")
    sample = ("--good-only", "--skip", LEARNED, "--lumisections", 100, "--truth", truth, "--out", folder / "bad.arrow")
    nightshift("trigger", "simulate", *sample)
    text = nightshift("score", folder / "bad.arrow", "--keep", *config)
    faults = {row["kind"]: row for row in map(json.loads, truth.read_text().splitlines())}
    assert len(faults) == 8, "one of each kind"
    with Store.open(f"sqlite:///{folder / 'n.db'}").read() as tx:
        results = [tuple(row) for row in tx.execute(select(incident.c.family, incident.c.element_group))]
    assert {family for family, _ in results} >= {"all-rates", "prescales", "seed", "frozen", "missing", "path"}
    assert {group for family, group in results if family == "seed"} >= {
        faults[kind]["seed_name"] for kind in ("seed", "seed-paths")
    }
    assert "incident opened" in text
    assert "incident opened" not in nightshift("score", folder / "bad.arrow", "--keep", *config), "it was read before"


def test_rates_are_of_the_same_lumisections_as_histograms(tmp_path):
    nightshift("simulate", "--lumisections", 15, "--truth", tmp_path / "t", "--out", tmp_path / "histograms.arrow")
    for name in ("rates.arrow", "again.arrow"):
        nightshift("trigger", "simulate", "--lumisections", 15, "--out", tmp_path / name)
    assert (tmp_path / "rates.arrow").read_bytes() == (tmp_path / "again.arrow").read_bytes()

    read = [
        list(good_records([tmp_path / f"{name}.arrow"], reader_of_any(Settings()))) for name in ("histograms", "rates")
    ]
    histograms, rates = ({(record.key, record.conditions.pileup) for record in records} for records in read)
    assert histograms == rates


@pytest.fixture
def topics(embedded_broker, tmp_path):
    """Settings with topics of their own, by section, and the broker's."""
    kafka = {
        "bootstrap_servers": embedded_broker.bootstrap_servers,
        "cluster_id": embedded_broker.cluster_id,
        "embedded": True,
    }
    names = {section: f"{section}.{uuid.uuid4().hex}" for section in ("histograms", "rates", "hotline")}
    values = {"stream": {"kafka": kafka | {"topic": names["histograms"]}}}
    values |= {section: {"topic": names[section]} for section in ("rates", "hotline")}
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump(values))
    return names, kafka, tmp_path / "settings.yaml"


def messages_on(topic, kafka, count):
    source = KafkaSource(KafkaSettings(**kafka, topic=topic, group=topic))
    results, deadline = [], time.monotonic() + 30
    while len(results) < count and time.monotonic() < deadline:
        results += source.poll(0.3)
        for partition in source.claimed():
            source.start_at(partition, None)
    source.close()
    return results


def test_a_replay_brings_each_kind_to_its_topic(topics, tmp_path):
    names, kafka, config = topics
    nightshift("simulate", "--lumisections", 1, "--faults", 0, "--out", tmp_path / "a.arrow")
    write_recording(tmp_path / "b.arrow", [RATES])
    write_recording(tmp_path / "c.arrow", [EVENTS])
    files = [tmp_path / f"{item}.arrow" for item in "abc"]
    assert "published 2 lumisections" in nightshift("replay", *files, "--as", "json", "--config", config)
    assert messages_on(names["histograms"], kafka, 1)
    (rates,) = messages_on(names["rates"], kafka, 1)
    (events,) = messages_on(names["hotline"], kafka, 1)
    assert rates.key == events.key == b"386000:120"
    assert decode_rates(rates, RateLimits(1 << 20, 100)).menu == RATES.menu
    assert decode_events(events, EventLimits(1 << 20, 100, 100)).features == EVENTS.features


def test_emulated_rates_are_published(topics):
    names, kafka, config = topics
    text = nightshift("trigger", "simulate", "--publish", "--lumisections", 3, "--faults", 0, "--config", config)
    assert "published 3 lumisections" in text
    results = [decode_rates(item, RateLimits(1 << 20, 1000)) for item in messages_on(names["rates"], kafka, 3)]
    assert {item.key.ls for item in results} == {1, 2, 3}


def test_what_cannot_be_learned_from_or_judged_is_one_line(folder, tmp_path):
    config = ("--config", folder / "settings.yaml")
    nightshift("simulate", "--lumisections", 1, "--faults", 0, "--out", tmp_path / "histograms.arrow")
    write_recording(tmp_path / "events.arrow", [EVENTS])
    write_recording(tmp_path / "few.arrow", [RATES, replace(RATES, conditions=Conditions())])
    assert "trigger rates are needed" in refused("train", "rates", tmp_path / "histograms.arrow", *config)
    assert "histograms are needed" in refused("train", "histograms", folder / "good.arrow", *config)
    few = refused("train", "rates", tmp_path / "few.arrow", *config)
    assert "1 usable lumisections of 2 are too few; a model needs 200; 1: pileup is not told" in few
    assert "missing.arrow" in refused("train", "rates", tmp_path / "missing.arrow", *config)
    assert "one folder" in refused("train", "rates", folder / "good.arrow", "--as", "a/b", *config)
    assert "nightshift train hotline" in refused("score", tmp_path / "events.arrow", *config)
    assert "--out" in refused("trigger", "simulate", *config)
    assert "cannot be written" in refused("trigger", "simulate", "--out", tmp_path / "none" / "a.arrow", *config)


def test_rates_without_a_model_say_what_to_run(tmp_path):
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump({"dqm": {"models": str(tmp_path / "models")}}))
    write_recording(tmp_path / "few.arrow", [RATES, replace(RATES, conditions=Conditions())])
    assert "nightshift train rates" in refused("score", tmp_path / "few.arrow", "--config", tmp_path / "settings.yaml")
