"""Events as messages: each is judged once, whoever is killed, fenced or late, and offset and ladder move together."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import func, select
from typer.testing import CliRunner

from conf.settings import Settings
from dqm.core.bundle_files import BundleError
from dqm.events.bundle import save
from dqm.events.level import Ladder
from dqm.events.model import live_seconds
from dqm.events.train import fit
from dqm.simulate.conditions import generate
from dqm.simulate.events import stream
from opint.cli.main import app
from opint.hotline.handler import _update_rate_incident, open_hotline
from opint.hotline.handler import event_handler as hotline_of
from opint.incidents.families import HOTLINE_RATE
from opint.store import hotline as store_of
from opint.store import hotline as view
from opint.store.hotline import EventCount, hotline_state
from opint.store.retention import sweep
from opint.store.tables import dead_letter, heartbeat, incident, model_version, source_offset
from streams import loop
from streams.errors import DecodeError, FencedError
from streams.metrics import Metrics
from streams.records import LumisectionKey, Partition
from streams.source import Loss
from streams.testing import ScriptedSource

PLACE = Partition("cluster", "events.features", 0)
PER_HOUR = 60.0


@pytest.fixture(scope="module")
def messages():
    conditions = generate(np.random.default_rng(1), fills=3, stable=40)
    return [item.features for item in stream(conditions, 4, 0.0, seed=5) if len(item.kinds)]


@pytest.fixture(scope="module")
def model(messages):
    return replace(fit(messages, np.random.default_rng(2), 0.0), version="v1")


def handler(store, model, messages, owner="me", now_s=100.0):
    """Messages are the places of lumisections in ``taken``."""

    def decode(message):
        try:
            return messages[int(message.value)]
        except ValueError as error:
            raise DecodeError("bad-event", "value", message.value) from error

    values = {"hotline": {"group": "g", "events_per_hour": PER_HOUR}, "stream": {"dead_letter_bytes": 1000}}
    metrics = Metrics(CollectorRegistry())
    return hotline_of(
        Settings.model_validate(values), store, model, decode, ScriptedSource(7), metrics, owner, lambda: now_s
    )


def source_of(count, *more):
    source = ScriptedSource(7)
    for value in (*(str(place).encode() for place in range(count)), *more):
        source.publish(PLACE, value)
    source.give(PLACE)
    return source


def go(source, watching):
    source.end()
    loop.run(source, watching, threading.Event(), np.random.default_rng(0), notify=lambda _: None)


def content(store):
    """All that was kept, the ladder, and how far it is."""
    with store.read() as tx:
        results = [(item.run, item.ls, item.event, item.once_in_hours) for item in view.page(tx, limit=1000).items]
        ladder = tx.scalars(select(hotline_state.c.ladder)).one()
        return results, ladder, tx.scalars(select(source_offset.c.next_offset)).one()


def test_events_are_kept_with_the_offset_and_what_is_unusual(store, model, messages):
    go(source_of(len(messages)), handler(store, model, messages))
    kept_events, ladder, offset = content(store)
    assert offset == len(messages)
    hours = sum(1 for _ in messages) * 23.31 / 3600
    assert 0.3 * PER_HOUR * hours < len(kept_events) < 3 * PER_HOUR * hours
    assert ladder["counts"]
    with store.read() as tx:
        item = view.page(tx, limit=1).items[0]
    assert set(item.features) == set(model.features)
    assert 0 < item.p_value < 0.01
    for each in item.unusual:
        assert item.features[each.feature] == each.value
        assert item.usual[each.feature] == (each.low, each.high)
    assert set(item.usual) == set(model.features)
    of = {events.key: events.conditions for events in messages}[LumisectionKey(item.run, item.ls)]
    assert (item.conditions["pileup"], item.conditions["fill"]) == (of.pileup, of.fill)


def test_the_ladder_can_be_looked_at(store, model, messages):
    go(source_of(30), handler(store, model, messages))
    with store.begin() as tx:
        dataset = messages[0].dataset
        present, locked = store_of.present(tx, dataset, "v1"), store_of.ladder(tx, dataset, "v1", model.start, 1.0)
        assert store_of.present(tx, dataset, "v2") is None
    assert present.level(PER_HOUR) == locked.level(PER_HOUR)
    assert present.recent == locked.recent


def test_a_message_that_comes_again_changes_nothing(store, model, messages):
    go(source_of(30), handler(store, model, messages))
    before = content(store)
    again = handler(store, model, messages)
    again.claim([PLACE])
    replay = replayed(30)
    assert again.handle(replay[10:])[PLACE] == 30
    assert content(store) == before


def replayed(count):
    source = source_of(count)
    source.poll(0)
    list(source.claimed())
    source.start_at(PLACE, 0)
    results = []
    while batch := source.poll(0):
        results += batch
    return results


@pytest.fixture
def other_url(tmp_path):
    return f"sqlite:///{tmp_path / 'other.db'}"


@pytest.fixture
def other(open_store, other_url):
    """A second store, in a file."""
    store = open_store(other_url)
    store.upgrade()
    return store


def test_cut_anywhere_the_end_is_the_same(store, other, model, messages):
    whole, parts = other, store
    go(source_of(40), handler(whole, model, messages))
    for count in (3, 17, 40):
        go(source_of(count), handler(parts, model, messages, owner=f"daemon {count}"))
    assert content(parts) == content(whole)


def test_who_was_fenced_writes_nothing(store, model, messages):
    first, second = handler(store, model, messages, "first"), handler(store, model, messages, "second")
    first.claim([PLACE])
    second.claim([PLACE])
    with pytest.raises(FencedError):
        first.handle(replayed(5))
    with store.read() as tx:
        assert tx.scalar(select(func.count()).select_from(hotline_state)) == 0
    second.handle(replayed(5))
    assert content(store)[2] == 5


def test_bad_messages_and_other_features_are_dead_letters(store, model, messages):
    other = [*messages[:3], replace(messages[3], features=tuple(f"x{feature}" for feature in messages[3].features))]
    go(source_of(4, b"nonsense"), handler(store, model, other))
    with store.read() as tx:
        assert sorted(tx.scalars(select(dead_letter.c.reason))) == ["bad-event", "other-features"]
    assert content(store)[2] == 5


def test_lost_messages_raise_an_incident(store, model, messages):
    watching = handler(store, model, messages)
    watching.claim([PLACE])
    watching.lost(Loss(PLACE, 0, 9))
    with store.read() as tx:
        assert tx.scalars(select(incident.c.family)).all() == ["data-lost"]


@pytest.mark.parametrize(("kept_events", "word"), [(100.0, "many"), (0.0, "few")])
def test_a_rate_that_is_not_held_is_an_incident_until_it_is(store, kept_events, word):
    def incidents_with(kept_events):
        ladder = replace(Ladder.empty(), kept_events=kept_events, watched_s=40 / 3.0 * 3600)
        with store.begin() as tx:
            _update_rate_incident(tx, "/A/B/C", ladder, 3.0, 1.0)
            return tx.execute(select(incident.c.family, incident.c.state, incident.c.title)).all()

    assert incidents_with(40.0) == []
    ((family, state, title),) = incidents_with(kept_events)
    assert (family, state) == (HOTLINE_RATE, "open")
    assert word in title
    assert len(incidents_with(kept_events)) == 1
    assert incidents_with(42.0)[0].state == "resolved"


def test_hours_of_live_time_count_what_is_seen_and_kept(store, model, messages):
    go(source_of(len(messages)), handler(store, model, messages))
    again = handler(store, model, messages, "another")
    again.claim([PLACE])
    again.handle(replayed(len(messages)))
    with store.read() as tx:
        report, kept_events = view.newest_hours(tx, 1000), view.page(tx, limit=1000).items
        assert view.newest_hours(tx, 1000, "/Another/Run2024I-v1/RAW") is None
    hours = report.hours
    assert (report.dataset, report.model_version, report.model_name) == (messages[0].dataset, "v1", "")
    assert sum(hour.kept_events for hour in hours) == len(kept_events)
    assert sum(hour.judged_events for hour in hours) == sum(len(item.events) for item in messages)
    live = [live_seconds(item.conditions) for item in messages]
    assert sum(hour.live_s for hour in hours) == pytest.approx(sum(live))


def test_an_hour_is_full_before_the_next_begins(store):
    with store.begin() as tx:
        for _ in range(9):
            store_of.count(tx, "/A/B/C", "v1", [EventCount(1000.0, 10, 1), EventCount(0.0, 5, 0)], 7.0)
        hours = view.newest_hours(tx, 100).hours
        assert view.newest_hours(tx, 1).hours == hours[-1:]
    assert [(hour.live_s, hour.judged_events, hour.kept_events) for hour in hours] == [
        (4000.0, 55, 4),
        (4000.0, 60, 4),
        (1000.0, 20, 1),
    ]


def test_old_events_are_forgotten_unless_somebody_has_marked_them(store, model, messages):
    go(source_of(len(messages)), handler(store, model, messages))
    with store.begin() as tx:
        last = view.page(tx, limit=1).items[0].id
        assert store_of.mark(tx, last, "interesting", "Ada", "two pairs", 200.0)
        assert not store_of.mark(tx, last + 1, "known", "Ada", "", 200.0)
        assert store_of.mark(tx, last, "detector", "Ben", "", 300.0)
    sweep(store, 100.0 + 2 * 86_400, 3.0)
    assert len(content(store)[0]) > 1
    sweep(store, 100.0 + 2 * 86_400, 1.0)
    with store.read() as tx:
        assert [item.id for item in view.page(tx, limit=9).items] == [last]
        report = view.detail(tx, last)
        assert view.newest_hours(tx, 9) is None
    assert report.event.marking == "detector"
    assert [(marking.actor, marking.marking, marking.note) for marking in report.markings] == [
        ("Ben", "detector", ""),
        ("Ada", "interesting", "two pairs"),
    ]


def test_the_command_lists_them(other_url, other, model, messages, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_DATABASE__URL", other_url)
    monkeypatch.setenv("COLUMNS", "200")
    assert "No events are kept" in CliRunner().invoke(app, ["hotline", "list"]).output
    go(source_of(len(messages)), handler(other, model, messages))
    shown = CliRunner().invoke(app, ["hotline", "list", "--limit", "2"]).output
    with other.read() as tx:
        for item in view.page(tx, limit=2).items:
            assert str(item.event) in shown
            assert item.unusual[0].feature in shown


def test_its_model_comes_from_the_settings_and_goes_on_record(store, model, tmp_path):
    save(model, tmp_path / "unusual")
    values = {"dqm": {"models": str(tmp_path)}, "hotline": {"model": "unusual"}}
    opened = open_hotline(Settings.model_validate(values), store)
    with store.read() as tx:
        assert tx.execute(select(model_version.c.name, model_version.c.version)).all() == [("unusual", opened.version)]
    with pytest.raises(BundleError, match=r"nightshift train hotline.*hotline\.watch"):
        open_hotline(Settings.model_validate(values | {"hotline": {"model": "none"}}), store)


def test_it_says_that_it_lives_and_when_its_model_is_old(store, model, messages):
    watching = handler(store, model, messages, now_s=100 * 86_400.0)
    go(source_of(3), watching)
    watching.tick()
    watching.waiting("the database is away")
    assert watching.waiting_reason()
    watching.stopped()
    with store.read() as tx:
        assert tx.execute(select(heartbeat.c.state, heartbeat.c.messages)).all() == [("stopped", 3)]
        assert tx.scalars(select(incident.c.family)).all() == ["stale-model"]
