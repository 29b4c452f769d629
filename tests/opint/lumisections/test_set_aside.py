"""A lumisection whose judging fails by a fault of ours is set aside, visibly: the stream goes on, nothing is good."""

import pytest
import structlog.testing
from prometheus_client import CollectorRegistry
from sqlalchemy import select, update

from conf.settings import Settings
from dqm.core.quality import Quality
from dqm.histograms.bundle import load
from dqm.histograms.pipeline import Pipeline
from dqm.simulate.detector import stream
from opint.certification.facts import certify_run
from opint.lumisections.ingest import Arrival, LumisectionIngest
from opint.store import lumisections
from opint.store.tables import audit, dead_letter, incident, ls_score, ls_summary, lumisection
from opint.triggers.handler import rate_handler
from streams.metrics import Metrics
from streams.records import LumisectionKey
from streams.source import Message, Partition
from streams.testing import ScriptedSource
from tests.scripted_rates import DATASET as RATES
from tests.scripted_rates import Scripted, decode, encode, rates
from tests.small import LEVEL, keys

PLACE = Partition("cluster", "dqm.histograms", 0)
SETTINGS = Settings()
KEYS = keys(6)
DATASET = "/Simulated/Detector-v1/DQM"
DAMAGED = KEYS[2]


@pytest.fixture(autouse=True)
def logged():
    """Without it structlog's own default would print every local variable, which takes seconds."""
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture(scope="module")
def pipeline(models):
    return Pipeline(load(models / "histograms"), SETTINGS.dqm, SETTINGS.alerts)


@pytest.fixture
def damaged(store, pipeline, detector):
    """Halves of lumisections wait for the others, and what is stored of one of them is damaged."""
    ingest = LumisectionIngest(store, pipeline, SETTINGS, "me", lambda: 1000.0)
    ingest.claim([PLACE])
    halves = [item.batches[0] for item in stream(detector, [(key, LEVEL) for key in KEYS], (), 3)]
    messages = [Message(PLACE, n, half, {}, 999.0, f"offset {n}") for n, half in enumerate(halves)]
    ingest.apply([Arrival(message, item) for message, item in zip(messages, pipeline.score(halves), strict=True)])
    with store.begin() as tx:
        at = (ls_score.c.run == DAMAGED.run) & (ls_score.c.ls == DAMAGED.ls)
        tx.execute(update(ls_score).where(at).values(p_values=b"\0\0"))
    return ingest


def test_the_others_are_closed_and_an_incident_names_run_lumisection_and_error(store, damaged):
    result = damaged.close_due(everything=True)
    assert [state.key for state in result.closed] == [key for key in KEYS if key != DAMAGED]
    assert result.set_aside == [(DATASET, DAMAGED)]
    (opened,) = [item for item in result.alerts.opened if item.family == "not-judged"]
    assert opened.severity == "critical"
    assert opened.title.startswith(f"run {DAMAGED.run} LS {DAMAGED.ls} could not be judged: ValueError: ")
    again = damaged.close_due(everything=True)
    assert (again.closed, again.set_aside) == ((), ()), "it is not tried at every tick"


def test_nothing_of_it_is_good(store, damaged):
    damaged.close_due(everything=True)
    with store.read() as tx:
        at = (ls_summary.c.run == DAMAGED.run) & (ls_summary.c.ls == DAMAGED.ls)
        (row,) = tx.execute(select(ls_summary).where(at)).all()
        because = tx.scalar(select(lumisection.c.closed_because).where(lumisection.c.ls == DAMAGED.ls))
    assert (row.quality, row.good, row.not_inspected) == (Quality.NOT_INSPECTED, 0, 4)
    assert because == lumisections.SET_ASIDE


def test_more_of_a_run_is_told_by_the_same_incident(store, damaged):
    with store.begin() as tx:
        tx.execute(update(ls_score).where(ls_score.c.ls == KEYS[4].ls).values(p_values=b"\0"))
    damaged.close_due(everything=True)
    with store.read() as tx:
        (result,) = tx.execute(select(incident).where(incident.c.family == "not-judged")).all()
        history = tx.scalars(select(audit.c.detail).where(audit.c.incident_id == result.id)).all()
    assert [f"LS {key.ls} could not be judged" in line for key, line in zip((DAMAGED, KEYS[4]), history, strict=True)]
    assert result.title.endswith("and others before")


class FaultyAt2(Scripted):
    def close(self, state, history, now_s, because):
        if state.key.ls == 2:
            raise ZeroDivisionError("a fault of ours")
        return super().close(state, history, now_s, because)


def test_a_message_that_completes_it_is_taken_in_and_no_dead_letter(store, logged):
    place = Partition("cluster", "trigger.rates", 0)
    metrics = Metrics(CollectorRegistry())
    daemon = rate_handler(SETTINGS, store, FaultyAt2(), decode, ScriptedSource(), metrics, "me")
    daemon.claim([place])
    messages = [Message(place, ls, encode(rates(1, ls)), {}, 1.0, "") for ls in (1, 2, 3)]
    assert daemon.handle(messages) == {place: 4}
    with store.begin() as tx:
        stored = lumisections.load(tx, RATES, [LumisectionKey(1, ls) for ls in (1, 2, 3)])
        assert tx.scalars(select(dead_letter.c.id)).all() == []
        certificate = certify_run(tx, 1, RATES, SETTINGS.certify)
        title = tx.scalars(select(incident.c.title).where(incident.c.family == "not-judged")).one()
    assert {key.ls: bool(state.verdicts) for key, state in stored.items()} == {1: True, 2: False, 3: True}
    assert certificate.good == ((1, 1), (3, 3))
    assert any("this is a fault of nightshift" in line["event"] for line in logged)
    assert title == "run 1 LS 2 could not be judged: ZeroDivisionError: a fault of ours"
    labels = {"stream": "rates", "quality": "NOT_INSPECTED"}
    assert metrics.registry.get_sample_value("nightshift_lumisections_total", labels) == 1
