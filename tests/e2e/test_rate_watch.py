"""Rates, events and histograms over TCP in one daemon: killed, stopped, without its database, with messages lost."""

import time
import uuid
from contextlib import closing

import numpy as np
import pytest
from sqlalchemy import select, true

from conf.stream import KafkaSettings
from dqm.events.bundle import save
from dqm.events.model import live_seconds
from dqm.events.train import fit
from dqm.simulate.conditions import generate
from dqm.simulate.events import stream
from opint.store.engine import Store
from opint.store.hotline import hotline_event, hotline_state
from opint.store.tables import dead_letter, heartbeat, incident, lumisection
from streams.codecs.content_type import ARROW_CONTENT_TYPE
from streams.codecs.events import encode_arrow
from streams.kafka import KafkaPublisher
from tests.e2e.watching import progress, settings_for, wait_until
from tests.scripted_rates import DATASET, encode, rates
from tests.support.traffic import traffic

LUMISECTIONS = 60
PER_HOUR = 120.0
"""Events to be kept: enough of them to be counted."""
SCRIPTED = ("-m", "tests.e2e.scripted_nightshift")


@pytest.fixture(scope="module")
def events():
    """Lumisections of simulated events."""
    conditions = generate(np.random.default_rng(1), fills=2, stable=40)
    return [item.features for item in stream(conditions, 5, 0.0, seed=5)]


@pytest.fixture
def traffic_of_rates():
    """One seed moves from lumisection 20 to 39; one message is nonsense."""
    return [*(encode(rates(1, ls, {"L1_HTT360/": 1.4 if 20 <= ls < 40 else 1.0})) for ls in range(1, 61)), b"{"]


class Site:
    """Topics, a store, daemons."""

    def __init__(self, broker, url, models, daemons_with):
        self.topic = f"rates.{uuid.uuid4().hex}"
        kafka = {"embedded": True, "cluster_id": broker.cluster_id, "max_poll_records": 8}
        self.values = settings_for(broker.bootstrap_servers, f"dqm.{uuid.uuid4().hex}", url, models, **kafka)
        self.values["rates"] = {"watch": True, "topic": self.topic, "group": "r"}
        self.store = Store.open(url)
        self.store.upgrade()
        self.events = f"events.{uuid.uuid4().hex}"
        self.values["hotline"] = {"watch": True, "topic": self.events, "group": "e", "events_per_hour": PER_HOUR}
        self.daemons = daemons_with(self.values)
        self.broker = broker
        for topic in (self.topic, self.events, self.values["stream"]["kafka"]["topic"]):
            with closing(KafkaPublisher(KafkaSettings(**{**self.values["stream"]["kafka"], "topic": topic}))) as item:
                item.ensure_topic(2)

    def close(self):
        self.store.close()

    def publish(self, values, topic=None, headers=None):
        with closing(KafkaPublisher(KafkaSettings(**self.values["stream"]["kafka"]))) as publisher:
            for n, value in enumerate(values):
                publisher.publish_bytes(value, headers or {}, b"%d" % n, topic or self.topic)
            publisher.flush()

    def publish_histograms(self, parts):
        with closing(KafkaPublisher(KafkaSettings(**self.values["stream"]["kafka"]))) as publisher:
            for part in parts:
                publisher.publish(part, ARROW_CONTENT_TYPE)
            publisher.flush()

    def publish_events(self, events):
        self.publish(
            (encode_arrow(event) for event in events),
            self.events,
            {"content-type": ARROW_CONTENT_TYPE},
        )

    def rows(self, *columns, where=None):
        with self.store.read() as tx:
            return sorted(tx.execute(select(*columns).where(true() if where is None else where)).all())


@pytest.fixture
def site(embedded_broker, models, tmp_path, daemons_with):
    with closing(Site(embedded_broker, f"sqlite:///{tmp_path / 'n.db'}", models, daemons_with)) as opened:
        yield opened


@pytest.mark.postgres
def test_killed_and_without_its_database_it_loses_and_doubles_nothing(
    postgres, embedded_broker, models, daemons_with, detector, traffic_of_rates, events
):
    save(fit(events, np.random.default_rng(2), time.time()), models / "hotline")
    with closing(Site(embedded_broker, postgres.url(postgres.database()), models, daemons_with)) as site:
        histograms = traffic(detector, lumisections=40, seed=41)
        first = site.daemons.start(script=SCRIPTED)
        site.publish(traffic_of_rates[:25])
        site.publish_histograms(histograms)
        site.publish_events(events[:40])
        wait_until(lambda: progress(site.store) > 40, 60, f"something is stored\n{site.daemons.logs()[-2000:]}")
        site.daemons.kill(first)
        before = progress(site.store)
        second = site.daemons.start(script=SCRIPTED)
        site.publish(traffic_of_rates[25:40])
        wait_until(lambda: progress(site.store) > before, 60, "the second one is at work")
        postgres.stop()
        site.publish(traffic_of_rates[40:])
        site.publish_events(events[40:])
        wait_until(
            lambda: site.daemons.logs().count("waiting ") >= 3,
            60,
            f"all streams say that they wait\n{site.daemons.logs()[-2000:]}",
        )
        assert second.poll() is None
        postgres.start()
        total = len(traffic_of_rates) + len(histograms) + len(events)
        wait_until(lambda: progress(site.store) == total, 60, f"all is stored\n{site.daemons.logs()[-2000:]}")
        assert site.daemons.stop(second) == 0
        assert "Traceback" not in site.daemons.logs()
        columns = (incident.c.family, incident.c.element_group, incident.c.first_ls, incident.c.last_ls)
        assert ("seed", "L1_HTT360", 20, 39) in site.rows(*columns)
        assert [row[0] for row in site.rows(*columns)].count("seed") == 1
        own = site.rows(lumisection.c.ls, lumisection.c.closed_because, where=lumisection.c.dataset == DATASET)
        assert [row[0] for row in own] == list(range(1, LUMISECTIONS + 1))
        assert {row[1] for row in own} <= {"complete", "revised"}
        assert site.rows(dead_letter.c.reason, dead_letter.c.topic) == [("bad-json", site.topic)]
        assert {tuple(row) for row in site.rows(heartbeat.c.state)} == {("running",), ("stopped",)}
        assert len(site.rows(heartbeat.c.daemon)) == 6, "each stream says that it lives"
        ((ladder,),) = site.rows(hotline_state.c.ladder)
        kept_events = site.rows(hotline_event.c.run, hotline_event.c.event)
        assert ladder["kept_events"] == pytest.approx(len(kept_events), rel=0.01), "each event is counted once"
        assert ladder["watched_s"] == pytest.approx(sum(live_seconds(event.conditions) for event in events), rel=0.01)
        hours = ladder["watched_s"] / 3600
        assert 0.5 * PER_HOUR * hours < len(kept_events) < 2 * PER_HOUR * hours


def test_a_missing_model_is_one_line_that_says_what_to_run(site):
    pytest.importorskip("dqm.rates.pipeline")
    daemon = site.daemons.start()
    assert daemon.wait(60) != 0
    text = site.daemons.logs()
    assert "nightshift train rates" in text
    assert "Traceback" not in text
