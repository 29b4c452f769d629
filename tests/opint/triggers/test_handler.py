"""Rates on the way of histograms: judged with their message, on both databases."""

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from conf.settings import Settings
from dqm.core.quality import Quality, Reason
from opint.lumisections.ingest import Arrival, LumisectionIngest
from opint.store import deadletters, lumisections, trigger_rates
from opint.store.tables import dead_letter, heartbeat, incident, source_offset
from opint.triggers.handler import rate_handler
from streams.metrics import Metrics
from streams.records import LumisectionKey
from streams.source import Loss, Message, Partition
from streams.testing import ScriptedSource
from tests.scripted_rates import DATASET, MENU, PER_SEED, Scripted, decode, encode, rates

PLACE = Partition("cluster", "trigger.rates", 0)
SETTINGS = Settings()


class Watched:
    """The daemon of rates and what is published to it."""

    def __init__(self, store):
        self.store = store
        self.source = ScriptedSource()
        self.metrics = Metrics(CollectorRegistry())
        self.daemon = rate_handler(SETTINGS, store, Scripted(), decode, self.source, self.metrics, "me")
        self.daemon.claim([PLACE])
        self.offset = 0

    def send(self, *records):
        values = [record if isinstance(record, bytes) else encode(record) for record in records]
        messages = [Message(PLACE, self.offset + n, value, {}, 1.0, f"offset {n}") for n, value in enumerate(values)]
        self.offset += len(values)
        return self.daemon.handle(messages)

    def state(self, run, ls):
        key = LumisectionKey(run, ls)
        with self.store.begin() as tx:
            return lumisections.load(tx, DATASET, [key])[key]

    def incidents(self):
        with self.store.read() as tx:
            return tx.execute(select(incident).order_by(incident.c.id)).all()


@pytest.fixture
def watched(store):
    return Watched(store)


def test_a_message_is_a_whole_lumisection(watched):
    assert watched.send(*(rates(1, ls) for ls in (1, 2, 3))) == {PLACE: 3}
    item = watched.state(1, 2)
    assert (item.closed_because, item.verdicts["Trigger"].quality) == ("complete", Quality.GOOD)
    published = np.concatenate([rates(1, 2).l1, rates(1, 2).hlt])
    np.testing.assert_array_equal(item.parts["Trigger"].bands.observed[MENU.rows], published.astype(np.float32))
    with watched.store.read() as tx:
        assert trigger_rates.recent(tx, 5) == [(DATASET, 1)]
        report = trigger_rates.run_rates(tx, DATASET, 1)
    assert report.lumisections == [1, 2, 3]
    row = report.elements.index("L1_HTT360/L1_HTT360")
    assert report.bands.observed[row, 1] == np.float32(rates(1, 2).l1[2])
    assert watched.metrics.registry.get_sample_value("nightshift_histograms_total", {"stream": "rates"}) == 3 * 21


def test_what_the_database_refuses_is_a_dead_letter_and_the_rest_is_judged(watched):
    unstorable = "/" + "\N{HATCHING CHICK}" * 500
    assert watched.send(rates(1, 1), rates(1, 2, dataset=unstorable), rates(1, 3)) == {PLACE: 3}
    assert [watched.state(1, ls).verdicts["Trigger"].quality for ls in (1, 3)] == [Quality.GOOD] * 2
    with watched.store.read() as tx:
        (letter,) = deadletters.list_(tx).items
    assert (letter.reason, letter.offset) == ("refused-by-database", 1)
    assert "has 2001 bytes in UTF-8; at most 512 are kept" in letter.detail


def test_what_is_not_in_the_message_is_missing_at_once(watched):
    gone = MENU.hlt[3]
    watched.send(*(rates(1, ls, left_out=(gone,)) for ls in (1, 2)))
    verdict = watched.state(1, 2).verdicts["Trigger"]
    (row,) = np.flatnonzero(verdict.reasons == Reason.MISSING)
    assert MENU.catalogue.names[row] == f"L1_SingleMu22/{gone}"
    assert [item.family for item in watched.incidents()] == ["missing"]


def test_a_seed_is_one_incident_not_forty(watched):
    watched.send(*(rates(1, ls, {"L1_SingleMu22/": 1.5 if ls > 5 else 1.0}) for ls in range(1, 12)))
    (result,) = watched.incidents()
    assert (result.family, result.element_group, result.elements) == ("seed", "L1_SingleMu22", PER_SEED + 1)
    assert (result.first_ls, result.last_ls) == (6, 11)


def test_rates_that_repeat_are_stuck(watched):
    item = rates(1, 1)
    watched.send(*(encode(item).replace(b'"ls": 1', b'"ls": %d' % ls) for ls in range(1, 7)))
    assert {item.family for item in watched.incidents()} == {"frozen"}


def test_the_same_again_changes_nothing_and_other_content_is_a_dead_letter(watched):
    watched.send(rates(1, 1), rates(1, 1))
    assert watched.state(1, 1).revision == 1
    watched.send(rates(1, 1, seed=6), b"{")
    with watched.store.read() as tx:
        assert sorted(tx.scalars(select(dead_letter.c.reason))) == ["bad-json", "conflict"]
        assert tx.scalar(select(source_offset.c.next_offset)) == 4


def test_open_histograms_are_left_alone(watched, store, detector, models):
    from dqm.histograms.bundle import load
    from dqm.histograms.pipeline import Pipeline
    from dqm.simulate.detector import stream
    from tests.small import LEVEL

    pipeline = Pipeline(load(models / "histograms"), SETTINGS.dqm, SETTINGS.alerts)
    (item,) = stream(detector, [(LumisectionKey(1, 1), LEVEL)], (), 1)
    half = item.batches[0]
    place = Partition("cluster", "dqm.histograms", 0)
    ingest = LumisectionIngest(store, pipeline, SETTINGS, "other", lambda: 1.0)
    ingest.claim([place])
    ingest.apply([Arrival(Message(place, 0, half, {}, 1.0, ""), pipeline.score([half])[0])])
    watched.daemon.tick()
    watched.daemon.finish()
    with store.begin() as tx:
        assert lumisections.load(tx, half.dataset, [half.key])[half.key].closed_s is None
    # Nor may rates come under the name of histograms.
    watched.send(rates(1, 1, dataset=half.dataset))
    with store.read() as tx:
        assert tx.scalar(select(dead_letter.c.detail)).endswith("each stream needs datasets of its own")


def test_lost_messages_and_a_stalled_partition_are_incidents(watched, monkeypatch):
    watched.daemon.lost(Loss(PLACE, 0, 4))
    monkeypatch.setattr(watched.source, "lag", lambda: {PLACE: 2})
    now_s = 1e9
    monkeypatch.setattr(watched.daemon._heartbeat, "_clock", lambda: now_s)
    watched.daemon.tick()
    now_s += SETTINGS.stream.stalled_after_s
    watched.daemon.tick()
    assert [(item.family, item.element_group) for item in watched.incidents()] == [
        ("data-lost", "cluster/trigger.rates[0]"),
        ("stalled", "cluster/trigger.rates[0]"),
    ]


def test_it_says_that_it_lives(watched):
    watched.daemon.tick()
    with watched.store.read() as tx:
        assert tx.scalar(select(heartbeat.c.state)) == "running"
