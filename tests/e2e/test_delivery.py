"""Killed at any moment, the daemon loses nothing and does nothing twice."""

import random
import time
import uuid
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from sqlalchemy import func, select

from conf.settings import KafkaSettings, Settings
from dqm.bundle import load
from dqm.pipeline import Pipeline
from dqm.simulate.plan import plan_faults
from dqm.simulate.stream import stream
from opint.ingest import Arrival, Ingest
from opint.store.engine import Store
from opint.store.tables import incident, ls_score, lumisection, occurrence, source_offset
from streams.kafka import KafkaPublisher
from streams.records import Catalogue
from streams.source import Message, Partition
from tests.small import LEVEL, keys

ARROW = "application/vnd.apache.arrow.stream"


def halves(batch):
    """The same histograms in two messages."""
    even = np.arange(len(batch.catalogue)) % 2 == 0
    return [part_of(batch, even), part_of(batch, ~even)]


def part_of(batch, rows):
    blocks = zip(batch.catalogue.blocks, batch.counts, strict=True)
    counts = [matrix[rows[block.start : block.stop]] for block, matrix in blocks]
    return replace(
        batch,
        catalogue=chosen(batch.catalogue, tuple(rows)),
        counts=tuple(matrix for matrix in counts if len(matrix)),
        flow=batch.flow[rows],
        entries=batch.entries[rows],
    )


@cache
def chosen(catalogue, rows):
    return Catalogue.of([me for me, wanted in zip(catalogue.elements, rows, strict=True) if wanted])


def traffic(detector, lumisections, seed):
    """Messages of faulty lumisections: in parts, some twice, some late, keeping to a partition's watermark."""
    wanted = keys(lumisections)
    faults = plan_faults(np.random.default_rng(seed), detector.catalogues, wanted, count=lumisections // 100, length=15)
    rng = random.Random(seed)
    parts = [
        part
        for one in stream(detector, [(key, LEVEL) for key in wanted], faults, seed)
        for batch in one.batches
        for part in halves(batch)
    ]
    twice = [(place + rng.randint(1, 8), part) for place, part in enumerate(parts) if rng.random() < 0.02]
    late = [(place + (rng.randint(1, 8) if rng.random() < 0.05 else 0), part) for place, part in enumerate(parts)]
    return [part for _, part in sorted([*late, *twice], key=lambda pair: pair[0])]


def judged_at_once(parts, models, folder):
    """The same messages through the same pipeline in one quiet process: what is right."""
    store = Store.open(f"sqlite:///{folder / 'right.db'}")
    store.upgrade()
    settings = Settings()
    pipeline = Pipeline(load(models / "histograms"), settings.dqm, settings.alerts)
    ingest = Ingest(store, pipeline, settings, "right", lambda: 1.7e9)
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


def verdicts(store):
    """Reasons and qualities of every ME in every lumisection."""
    columns = (
        ls_score.c.subsystem,
        ls_score.c.run,
        ls_score.c.ls,
        ls_score.c.present,
        ls_score.c.digests,
        ls_score.c.verdict_qualities,
        ls_score.c.verdict_reasons,
    )
    with store.read() as tx:
        return {tuple(row[:3]): tuple(row[3:]) for row in tx.execute(select(*columns))}


def incidents(store):
    """Every incident by what it is about, with the lumisections it is made of."""
    query = select(
        incident.c.fingerprint, incident.c.id, incident.c.lumisections, occurrence.c.run, occurrence.c.ls
    ).join_from(incident, occurrence)
    found = {}
    with store.read() as tx:
        for fingerprint, number, count, run, ls in tx.execute(query):
            found.setdefault((fingerprint, number, count), []).append((run, ls))
    assert all(count == len(where) for (_, _, count), where in found.items())
    return sorted((fingerprint, tuple(sorted(where))) for (fingerprint, _, _), where in found.items())


def settings_for(bootstrap, topic, url, models, **kafka):
    return {
        "stream": {
            "kafka": {"bootstrap_servers": bootstrap, "topic": topic, "group": "g", "session_timeout_s": 6.0, **kafka},
            "lumisection_timeout_s": 3.0,
        },
        "database": {"url": url},
        "dqm": {"models": str(models)},
        "metrics": {"port": 0},
    }


def done(store, messages):
    """Whether all messages are behind us and all lumisections closed."""
    with store.read() as tx:
        offset = tx.scalar(select(func.coalesce(func.sum(source_offset.c.next_offset), 0)))
        waiting = tx.scalar(select(func.count()).select_from(lumisection).where(lumisection.c.closed_s.is_(None)))
    return offset >= messages and waiting == 0


def progress(store):
    with store.read() as tx:
        return int(tx.scalar(select(func.coalesce(func.sum(source_offset.c.next_offset), 0))) or 0)


def wait_until(condition, timeout_s, what):
    """Poll a condition; fail with ``what`` when time is over."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.2)
    pytest.fail(f"after {timeout_s:.0f} s still not: {what}")


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_kills_and_broker_restarts_lose_and_double_nothing(own_apache_kafka, detector, models, tmp_path, daemons_with):
    parts = traffic(detector, lumisections=5_000, seed=11)
    assert len(parts) >= 20_000
    right = judged_at_once(parts, models, tmp_path)

    topic = f"dqm.{uuid.uuid4().hex}"
    url = f"sqlite:///{tmp_path / 'daemon.db'}"
    store = Store.open(url)
    store.upgrade()
    daemons = daemons_with(settings_for(own_apache_kafka.bootstrap_servers, topic, url, models, max_poll_records=64))
    publisher = KafkaPublisher(KafkaSettings(bootstrap_servers=own_apache_kafka.bootstrap_servers, topic=topic))
    publisher.ensure_topic(partitions=4)
    for part in parts:
        publisher.publish(part, ARROW)
    publisher.flush()
    publisher.close()

    rng = random.Random(12)
    pair = [daemons.start(), daemons.start()]
    for kill in range(6):
        before = progress(store)
        goal = min(before + rng.randint(500, 2500), len(parts))
        wait_until(lambda goal=goal: progress(store) >= goal, 120, f"{goal} messages processed")
        victim = rng.randrange(2)
        daemons.kill(pair[victim])
        if kill in {1, 4}:
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
