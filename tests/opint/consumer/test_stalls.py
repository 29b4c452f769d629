"""What falls silent without any histogram showing it."""

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from opint.consumer.heartbeat import StreamHeartbeat
from opint.consumer.stalls import DAY_S, JudgingModel, StallDetector
from opint.store import heartbeats, incident_pages, offsets
from opint.store.tables import audit, incident
from streams.metrics import Metrics
from streams.source import Partition
from streams.testing import ScriptedSource

ONE, OTHER = Partition("c", "dqm.histograms", 0), Partition("c", "dqm.histograms", 1)
NOW = 1_000_000.0


class Watched:
    """A daemon's watch over two partitions, with the offsets that the daemon would store."""

    def __init__(self, store, trained_s=NOW):
        self.store = store
        self.stalls = StallDetector(
            JudgingModel("histograms", "0123456789abcdef", trained_s), "night", 300.0, 90 * DAY_S
        )
        with store.begin() as tx:
            for item in (ONE, OTHER):
                offsets.claim(tx, item, "night", "me", NOW)

    def check(self, at_s, one=0, other=0, away=""):
        with self.store.begin() as tx:
            return self.stalls.check(tx, {ONE: one, OTHER: other}, NOW + at_s, away)

    def advance(self, partition, offset):
        with self.store.begin() as tx:
            offsets.advance(tx, partition, "night", "me", offset, NOW)

    def incidents(self):
        with self.store.read() as tx:
            return [
                (row.family, row.element_group, row.state)
                for row in tx.execute(select(incident).order_by(incident.c.id))
            ]


@pytest.fixture
def watched(store):
    return Watched(store)


def test_messages_that_wait_too_long_are_an_incident_until_they_move(watched):
    assert not watched.check(0, one=5).opened
    assert not watched.check(299, one=5).opened
    (opened,) = watched.check(300, one=7).opened
    assert opened.title == "dqm.histograms[0]: 7 messages waiting, none processed for 300 s"
    assert opened.severity == "critical"
    assert not watched.check(310, one=7).opened
    assert watched.incidents() == [("stalled", "c/dqm.histograms[0]", "open")]
    watched.advance(ONE, 3)
    (cleared,) = watched.check(320, one=4).cleared
    assert cleared.id == opened.id
    assert watched.incidents() == [("stalled", "c/dqm.histograms[0]", "resolved")]
    with watched.store.read() as tx:
        assert tx.execute(select(audit.c.action).order_by(audit.c.id)).scalars().all() == ["opened", "cleared"]


def test_a_partition_that_moves_never_stalls_however_far_behind(watched):
    for step in range(10):
        watched.advance(ONE, step + 1)
        assert not watched.check(200.0 * step, one=1000).opened


def test_a_message_after_a_quiet_day_is_no_stall(watched):
    assert not watched.check(0).opened
    assert not watched.check(DAY_S, one=1).opened
    assert not watched.check(DAY_S + 10).opened


def test_a_partition_that_stalls_again_is_a_new_incident(watched):
    watched.check(0, one=1)
    watched.check(301, one=1)
    watched.check(310)
    watched.check(320, one=1)
    assert len(watched.check(630, one=1).opened) == 1
    assert [state for *_, state in watched.incidents()] == ["resolved", "open"]


def test_partitions_stall_one_by_one(watched):
    watched.check(0, one=1, other=1)
    watched.advance(OTHER, 4)
    assert [item.element_group for item in watched.check(301, one=1, other=1).opened] == ["c/dqm.histograms[0]"]


def test_a_broker_that_is_away_too_long_is_an_incident_until_it_is_back(watched):
    assert not watched.check(0, away="no broker at broker:9092").opened
    assert not watched.check(299, away="no broker at broker:9092").opened
    (opened,) = watched.check(300, away="no broker at broker:9092").opened
    assert opened.title == "consumer group night: nothing received for 300 s: no broker at broker:9092"
    assert (opened.family, opened.severity) == ("stalled", "critical")
    assert not watched.check(310, away="no broker at broker:9092").opened
    (cleared,) = watched.check(320).cleared
    assert cleared.id == opened.id
    assert not watched.check(325).cleared


def test_a_daemon_that_starts_after_the_broker_came_back_clears_what_another_left_open(watched, store):
    watched.check(0, away="no broker")
    (opened,) = watched.check(300, away="no broker").opened
    (cleared,) = Watched(store).check(400).cleared
    assert cleared.id == opened.id


def test_the_heartbeat_of_a_stream_that_waits_opens_the_incident_and_ends_it(store):
    at = {"now_s": NOW}
    heartbeat = StreamHeartbeat(
        "me",
        "rates",
        ScriptedSource(),
        store,
        Metrics(CollectorRegistry()),
        StallDetector(None, "night", 300.0, 1.0),
        lambda: at["now_s"],
    )
    states = []
    for seconds, reason in ((0.0, "no broker"), (300.0, None), (301.0, "")):
        at["now_s"] = NOW + seconds
        heartbeat.tick() if reason is None else heartbeat.waiting(reason)
        with store.read() as tx:
            (sign,) = heartbeats.newest(tx)
            states.append((sign.state, incident_pages.counts(tx)))
    assert states == [("waiting", {}), ("waiting", {"open": 1}), ("running", {"resolved": 1})]


def test_no_partitions_are_no_trouble(store):
    with store.begin() as tx:
        assert not StallDetector(JudgingModel("m", "v", None), "night", 1.0, 1.0).check(tx, {}, NOW).opened


def test_an_old_model_is_an_incident_until_a_new_one_judges(store):
    old = Watched(store, trained_s=NOW - 91 * DAY_S)
    (opened,) = old.check(0).opened
    assert (opened.family, opened.title, opened.severity) == (
        "stale-model",
        "model histograms: trained 91 days ago",
        "warning",
    )
    assert not old.check(5).opened
    (cleared,) = Watched(store, trained_s=NOW - DAY_S).check(10).cleared
    assert cleared.id == opened.id


def test_a_model_ages_while_it_judges(watched):
    assert not watched.check(90 * DAY_S).opened
    assert len(watched.check(90 * DAY_S + 1).opened) == 1


def test_a_model_of_unknown_age_wakes_nobody(store):
    assert not Watched(store, trained_s=None).check(1000 * DAY_S).opened
