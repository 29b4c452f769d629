"""Killed at any moment, the daemon loses nothing and does nothing twice."""

import random
import uuid
from collections import Counter
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import select

from conf.settings import Settings
from conf.stream import KafkaSettings
from dqm.histograms.bundle import load
from dqm.histograms.pipeline import Pipeline
from opint.lumisections.ingest import Arrival, LumisectionIngest
from opint.store.engine import Store
from opint.store.outbox import CALLS, ENDS, outbox
from opint.store.tables import audit, incident
from streams.codecs.content_type import ARROW_CONTENT_TYPE
from streams.kafka import KafkaPublisher
from streams.source import Message, Partition
from tests.e2e.watching import done, incidents, progress, settings_for, verdicts, wait_until
from tests.support.traffic import traffic


def judged_at_once(parts, models, folder):
    """The same messages through the same pipeline in one quiet process: what is right."""
    store = Store.open(f"sqlite:///{folder / 'right.db'}")
    store.upgrade()
    settings = Settings()
    pipeline = Pipeline(load(models / "histograms"), settings.dqm, settings.alerts)
    ingest = LumisectionIngest(store, pipeline, settings, "right", lambda: 1.7e9)
    partition = Partition("right", "messages", 0)
    ingest.claim([partition])
    for start in range(0, len(parts), 256):
        batches = parts[start : start + 256]
        messages = [
            Message(partition, start + n, batch, {}, 1.7e9, f"message {start + n}") for n, batch in enumerate(batches)
        ]
        scored = pipeline.score(batches)
        ingest.apply([Arrival(m, s) for m, s in zip(messages, scored, strict=True)])
    ingest.close_due(everything=True)
    return store


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_kills_and_a_broker_restart_lose_and_double_nothing(own_apache_kafka, detector, models, tmp_path, daemons_with):
    parts = traffic(detector, lumisections=300, seed=11)
    assert len(parts) >= 1_200
    right = judged_at_once(parts, models, tmp_path)

    topic = f"dqm.{uuid.uuid4().hex}"
    url = f"sqlite:///{tmp_path / 'daemon.db'}"
    store = Store.open(url)
    store.upgrade()
    daemons = daemons_with(settings_for(own_apache_kafka.bootstrap_servers, topic, url, models, max_poll_records=64))
    publisher = KafkaPublisher(KafkaSettings(bootstrap_servers=own_apache_kafka.bootstrap_servers, topic=topic))
    publisher.ensure_topic(partitions=4)
    for part in parts:
        publisher.publish(part, ARROW_CONTENT_TYPE)
    publisher.flush()
    publisher.close()

    rng = random.Random(12)
    pair = [daemons.start(), daemons.start()]
    for kill in range(4):
        before = progress(store)
        goal = min(before + rng.randint(80, 240), len(parts))
        wait_until(lambda goal=goal: progress(store) >= goal, 120, f"{goal} messages processed")
        victim = kill % 2  # The other one has just started: this one is at work.
        daemons.kill(pair[victim])
        if kill == 1:
            own_apache_kafka.kill()
            own_apache_kafka.start()
        pair[victim] = daemons.start()
    wait_until(lambda: done(store, len(parts)), 180, f"everything processed\n{daemons.logs()[-3000:]}")
    for daemon in pair:
        assert daemons.stop(daemon) == 0

    assert "Traceback" not in daemons.logs()
    assert verdicts(store) == verdicts(right)
    assert incidents(store) == incidents(right)
    assert incidents(right), "the faults that were injected made no incident: this test would prove nothing"


@contextmanager
def embedded(broker, url, models, daemons_with):
    """A store, daemons and a publisher around the embedded broker, on a topic of their own."""
    kafka = {"embedded": True, "cluster_id": broker.cluster_id, "max_poll_records": 16}
    values = settings_for(broker.bootstrap_servers, f"dqm.{uuid.uuid4().hex}", url, models, **kafka)
    store = Store.open(url)
    store.upgrade()
    with closing(KafkaPublisher(KafkaSettings(**values["stream"]["kafka"]))) as publisher:
        publisher.ensure_topic(4)
        yield store, daemons_with(values), publisher
    store.close()


def assert_every_change_has_its_call(store):
    """What concerns people stands in the outbox as often as in the history, and each incident opened."""
    concerns = audit.c.action.in_(sorted(CALLS | ENDS))
    with store.read() as tx:
        history = Counter(map(tuple, tx.execute(select(audit.c.incident_id, audit.c.action).where(concerns))))
        calls = Counter(map(tuple, tx.execute(select(outbox.c.incident_id, outbox.c.change))))
        numbers = set(tx.scalars(select(incident.c.id)))
    assert history == calls
    assert numbers == {number for number, change in calls if change == "opened"}


def test_kills_with_the_embedded_broker(embedded_broker, detector, models, tmp_path, daemons_with):
    parts = traffic(detector, lumisections=200, seed=21)
    right = judged_at_once(parts, models, tmp_path)
    url = f"sqlite:///{tmp_path / 'daemon.db'}"
    with embedded(embedded_broker, url, models, daemons_with) as (store, daemons, publisher):
        daemon = daemons.start()
        for number, part in enumerate(parts):
            publisher.publish(part, ARROW_CONTENT_TYPE)
            if number in {len(parts) // 3, 2 * len(parts) // 3}:
                publisher.flush()
                wait_until(lambda number=number: progress(store) > number // 2, 120, "messages processed")
            if number == len(parts) // 3:
                daemons.kill(daemon)
                daemon = daemons.start()
            if number == 2 * len(parts) // 3:
                daemons.kill_fetching(daemon)
        publisher.flush()
        wait_until(lambda: done(store, len(parts)), 120, "everything processed")
        assert daemons.stop(daemon) == 0
        assert "another one was started" in daemons.logs()
        assert verdicts(store) == verdicts(right)
        assert incidents(store) == incidents(right) != []
        assert_every_change_has_its_call(store)


@pytest.mark.postgres
def test_a_database_that_is_killed_and_returns(postgres, embedded_broker, detector, models, tmp_path, daemons_with):
    parts = traffic(detector, lumisections=200, seed=31)
    right = judged_at_once(parts, models, tmp_path)
    half = len(parts) // 2
    url = postgres.url(postgres.database())
    with embedded(embedded_broker, url, models, daemons_with) as (store, daemons, publisher):
        daemon = daemons.start()
        for part in parts[:half]:
            publisher.publish(part, ARROW_CONTENT_TYPE)
        publisher.flush()
        wait_until(lambda: progress(store) > 50, 120, "messages processed")
        postgres.kill()
        for part in parts[half:]:
            publisher.publish(part, ARROW_CONTENT_TYPE)
        publisher.flush()
        wait_until(lambda: "waiting" in daemons.logs(), 60, "the daemon says that it waits")
        assert daemon.poll() is None
        postgres.start()
        wait_until(lambda: done(store, len(parts)), 120, "everything processed")
        assert daemons.stop(daemon) == 0
        assert "Traceback" not in daemons.logs()
        assert verdicts(store) == verdicts(right)
        assert incidents(store) == incidents(right)
        assert_every_change_has_its_call(store)
