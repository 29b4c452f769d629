"""A new kind of stream is one object: registered, it is published, watched, stored, checked and counted."""

import re
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import select

from conf.settings import Settings
from opint import stream_kinds
from opint.daemon.doctor import examine
from opint.daemon.run import run_daemon
from opint.demo.publish import Topics
from opint.store.tables import dead_letter, heartbeat
from streams.kafka import KafkaPublisher
from tests.e2e.watching import progress, wait_until
from tests.opint.stream_kinds.thermometer import NEWEST, Temperature, TemperatureKind

READINGS = [Temperature("b1", 1.9), Temperature("b2", 4.5), Temperature("b1", 2.1)]


@pytest.fixture
def kind(monkeypatch):
    monkeypatch.setattr(stream_kinds, "KINDS", dict(stream_kinds.KINDS))
    registered = TemperatureKind(f"temperatures.{uuid.uuid4().hex}")
    stream_kinds.register(registered)
    return registered


@pytest.fixture
def settings(embedded_broker, tmp_path, models, sqlite_template):
    database = tmp_path / "n.db"
    database.write_bytes(sqlite_template.read_bytes())
    kafka = {
        "bootstrap_servers": embedded_broker.bootstrap_servers,
        "cluster_id": embedded_broker.cluster_id,
        "embedded": True,
        "topic": f"dqm.{uuid.uuid4().hex}",
    }
    return Settings.model_validate(
        {
            "stream": {"kafka": kafka},
            "database": {"url": SecretStr(f"sqlite:///{database}")},
            "dqm": {"models": models},
            "metrics": {"port": 0},
        }
    )


def test_a_new_kind_is_published_watched_stored_checked_and_counted(kind, settings, open_store, capsys):
    store = open_store(settings.database.url.get_secret_value())
    with store.begin() as tx:
        NEWEST.create(tx)
    with closing(Topics(settings)) as topics:
        for reading in READINGS:
            topics.publish(reading, "application/json")
        topics.flush()
    with closing(KafkaPublisher(kind.kafka(settings))) as publisher:
        publisher.publish_bytes(b"{}", {}, b"b1")
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        daemon = pool.submit(run_daemon, settings, store, stop)
        try:
            wait_until(lambda: daemon.done() or progress(store) == len(READINGS) + 1, 60, "all messages are stored")
            address = re.search(r"http://127\.0\.0\.1:\d+", "".join(capsys.readouterr())).group()
            counted = httpx.get(f"{address}/metrics").text
        finally:
            stop.set()
        daemon.result()
    assert 'nightshift_messages_total{stream="temperatures"} 4.0' in counted
    assert 'nightshift_dead_letters_total{reason="bad-temperature",stream="temperatures"} 1.0' in counted
    with store.read() as tx:
        assert dict(tx.execute(select(NEWEST)).all()) == {"b1": 2.1, "b2": 4.5}
        assert tx.scalars(select(dead_letter.c.topic)).all() == [kind.topic]
        signs = {row.daemon.rpartition(":")[2]: (row.state, row.messages) for row in tx.execute(select(heartbeat))}
    assert signs == {"histograms": ("stopped", 0), "temperatures": ("stopped", 4)}
    findings = {finding.what: finding for finding in examine(settings)}
    assert "its newest message" in findings["temperatures source"].detail
