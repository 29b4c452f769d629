"""Old lumisections go, incidents stay."""

from dataclasses import replace

from sqlalchemy import func, insert, select

from opint.store import deadletters, heartbeats, lumisections, models, retention
from opint.store.engine import Store
from opint.store.heartbeats import Heartbeat
from opint.store.tables import (
    dead_letter,
    evidence,
    heartbeat,
    incident,
    ls_score,
    ls_summary,
    lumisection,
    model_version,
    shadow_summary,
)
from streams.source import Partition

DAY = 86_400.0


def _counts(store: Store) -> dict[str, int]:
    tables = (lumisection, ls_score, ls_summary, shadow_summary, evidence, dead_letter, heartbeat)
    with store.read() as tx:
        return {t.name: tx.execute(select(func.count()).select_from(t)).scalar_one() for t in tables}


def test_what_is_older_than_the_retention_goes(store: Store, make_state, evidence_of, monkeypatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    states = [make_state(1, ls, {"DT": 5, "CSC": 3}, closed=True) for ls in range(1, 11)]
    part = replace(states[0].parts["DT"], evidence={"a": evidence_of("a")})
    states[0] = replace(states[0], parts={**states[0].parts, "DT": part})
    letter = deadletters.DeadLetter(Partition("c", "t", 0), 1, "r", "f", "", "", {}, None, b"", 0, 0.0)
    with store.begin() as tx:
        for age, state in enumerate(states):
            lumisections.save(tx, [state], {}, age * DAY)
            lumisections.save_shadow(tx, [replace(state, model_version="shadow")])
        deadletters.add(tx, [letter, replace(letter, offset=2, received_s=9 * DAY)])
        heartbeats.beat(tx, Heartbeat("old", 0.0, 0.0, "running"))
        heartbeats.beat(tx, Heartbeat("new", 0.0, 9 * DAY, "running"))
    assert retention.sweep(store, 10.5 * DAY, 2.5) == 8
    assert _counts(store) == {
        "lumisection": 2,
        "ls_score": 8,
        "ls_summary": 4,
        "shadow_summary": 4,
        "evidence": 0,
        "dead_letter": 1,
        "heartbeat": 1,
    }
    assert retention.sweep(store, 10.5 * DAY, 2.5) == 0


def test_incidents_are_never_deleted(store: Store) -> None:
    words = ("fingerprint", "dataset", "subsystem", "family", "element_group", "kind", "title", "explanation")
    row = dict.fromkeys((*words, "severity", "state", "model_version"), "")
    with store.begin() as tx:
        tx.execute(insert(incident), row | {"lumisections": 0, "elements": 0, "opened_s": 0.0, "updated_s": 0.0})
    retention.sweep(store, 1000 * DAY, 1.0)
    with store.read() as tx:
        assert tx.execute(select(func.count()).select_from(incident)).scalar_one() == 1


def test_the_last_heartbeat_of_a_daemon_stands(store: Store) -> None:
    with store.begin() as tx:
        heartbeats.beat(tx, Heartbeat("d", 1.0, 2.0, "running", lag={"t[0]": 5}))
        heartbeats.beat(tx, Heartbeat("d", 1.0, 7.0, "stopped", messages=3, lag={}))
        (row,) = tx.execute(select(heartbeat))
    assert row._asdict() == {
        "daemon": "d",
        "started_s": 1.0,
        "at_s": 7.0,
        "state": "stopped",
        "detail": "",
        "messages": 3,
        "histograms": 0,
        "lag": {},
    }


def test_a_model_version_is_recorded_at_its_first_use(store: Store) -> None:
    with store.begin() as tx:
        models.record(tx, "m1", "histograms", "var/models/histograms", {"data": "abc"}, 1.0)
        models.record(tx, "m1", "histograms", "elsewhere", {}, 2.0)
        (row,) = tx.execute(select(model_version))
    assert (row.path, row.manifest, row.first_used_s) == ("var/models/histograms", {"data": "abc"}, 1.0)
