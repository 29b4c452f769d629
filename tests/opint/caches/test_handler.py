"""Suggestions on trial on accesses as they come: judged day by day, each access once, whoever is killed or fenced."""

import threading
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import structlog.testing
from prometheus_client import CollectorRegistry
from sqlalchemy import select

pytest.importorskip("numba")

from conf.settings import Settings
from opint.caches.handler import MAX_WAITING_ACCESSES, AccessHandler
from opint.caches.ingest import AccessIngest, as_trace
from opint.caches.publish import as_batches
from opint.consumer.handler import RetentionSweep
from opint.consumer.heartbeat import StreamHeartbeat
from opint.consumer.stalls import StallDetector
from opint.consumer.transaction import ConsumerOffsets
from opint.store import suggestions, trials
from opint.store.engine import StoreUnavailable
from opint.store.suggestions import suggestion
from opint.store.tables import dead_letter, heartbeat, incident, source_offset
from rl_cache.traces.trace import DAY_S, LabelColumn, Trace
from rl_cache.trials.shadow import Trials, advance
from rl_cache.trials.suggestions import Proposal, RuleKind, TrialStatus, judge_trials
from streams import loop
from streams.codecs.accesses import AccessLimits, decode_accesses, encode_accesses
from streams.errors import FencedError
from streams.metrics import Metrics
from streams.records import AccessBatch
from streams.source import Loss, Message, Partition
from streams.testing import ScriptedSource

PLACE = Partition("cluster", "cache.accesses", 0)
LIMITS = AccessLimits(Settings().stream.max_message_bytes, Settings().cache.max_accesses)
CAPACITY = 600
DAYS, PER_DAY = 12, 200
JSON = {"content-type": "application/json"}
PROPOSALS = (
    Proposal(RuleKind.REFUSE, "once", 0.0, "0% of its bytes were read again"),
    Proposal(RuleKind.REFUSE, "good", 0.0, "a bad idea"),
)


def polluted() -> Trace:
    """Half of the reads are of a few files in "good", the others of files in "once" that nobody reads again."""
    rng = np.random.default_rng(0)
    n = DAYS * PER_DAY
    file = np.where(rng.random(n) < 0.5, rng.integers(0, 100, n), 100 + np.arange(n))
    files, dense = np.unique(file, return_inverse=True)
    return Trace(
        time_s=np.sort(rng.integers(0, DAYS * DAY_S, n)),
        file=dense,
        file_size=np.full(len(files), 10),
        file_name=np.array([f"/store/{number}" for number in files]),
        tier=LabelColumn((files >= 100).astype(np.int32), ("good", "once")),
    )


TRACE = polluted()
BATCHES = list(as_batches(TRACE, "rome", 50))


class Clock:
    """A clock that the test turns, or that goes on by itself."""

    def __init__(self, step=0.0):
        self.now, self.step = 0.0, step

    def __call__(self):
        self.now += self.step
        return self.now


class SuddenError(Exception):
    """The process is killed here."""


@pytest.fixture(autouse=True)
def logged():
    """Without it structlog's own default would print every local variable of a fault, which takes a minute."""
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture
def suggested(store):
    """A store in which both rules are on trial for the cache "rome"."""
    with store.begin() as tx:
        started = Trials.start(PROPOSALS, CAPACITY)
        suggestions.keep(tx, "rome", judge_trials(started, np.random.default_rng(0)), 1.0)
        trials.save(tx, "rome", started, 1.0)
    return store


def writer(store, owner="me"):
    def clock():
        return 2e9

    return AccessIngest(store, ConsumerOffsets(store, "g", owner, clock, 1000), clock)


def watcher(store, source, owner="me", every_s=5.0, clock=None, limits=LIMITS, now_s=lambda: 2e9):
    metrics = Metrics(CollectorRegistry())
    stalls = StallDetector(None, "g", 300.0, 1.0)
    heartbeat = StreamHeartbeat(owner, "accesses", source, store, metrics, stalls, now_s)
    decode, retention = partial(decode_accesses, limits=limits), RetentionSweep(store, 90.0, now_s)
    ingest = writer(store, owner)
    return AccessHandler(source, ingest, decode, heartbeat, retention, metrics, every_s, clock or Clock())


def source_of(batches, at_most=100):
    source = ScriptedSource(at_most)
    for batch in batches:
        raw = batch if isinstance(batch, bytes) else encode_accesses(batch, "application/json")
        source.publish(PLACE, raw, headers=JSON)
    source.give(PLACE)
    return source


def go(store, source, owner="me", every_s=5.0, clock=None):
    """Read the source to its end, as a process would that is then told to stop."""
    source.end()
    clock = clock or Clock(0.3)
    watch = watcher(store, source, owner, every_s, clock)
    loop.run(source, watch, threading.Event(), np.random.default_rng(0), clock=clock, notify=lambda _: None)
    watch.finish()
    return watch


def statuses(store, cache="rome"):
    with store.read() as tx:
        return {row.target: row.status for row in suggestions.of_cache(tx, cache)}


def counted(store, cache="rome"):
    with store.begin() as tx:
        stored = trials.load(tx, cache)
    return stored.day.tolist(), stored.missed_bytes[0].tolist(), stored.files.name


def right():
    """What one quiet simulation counts for LRU."""
    whole = advance(Trials.start((), CAPACITY), TRACE)
    return whole.day.tolist(), whole.missed_bytes[0].tolist()


def test_what_saves_becomes_active_and_what_does_worse_is_withdrawn(suggested):
    go(suggested, source_of(BATCHES))
    assert statuses(suggested) == {"once": "active", "good": "withdrawn"}
    with suggested.read() as tx:
        rows = {row.target: row for row in suggestions.of_cache(tx, "rome")}
        assert tx.scalar(select(source_offset.c.next_offset)) == len(BATCHES)
    assert rows["once"].saved_low > 0
    assert rows["once"].updated_s == 2e9
    assert "LRU served" in rows["good"].status_reason
    assert counted(suggested)[:2] == right()


def test_a_withdrawn_rule_is_not_tried_any_more_and_stays_withdrawn(suggested):
    go(suggested, source_of(BATCHES))
    with suggested.begin() as tx:
        assert trials.load(tx, "rome").proposals == PROPOSALS[:1]
    assert statuses(suggested)["good"] == TrialStatus.WITHDRAWN


def test_the_day_that_is_not_over_is_not_judged(suggested):
    first = [batch for batch in BATCHES if batch.accesses[-1].time < 3 * DAY_S]
    go(suggested, source_of(first))
    assert statuses(suggested) == {"once": "on trial", "good": "on trial"}
    with suggested.read() as tx:
        assert "tried for 2 of 3 days" in suggestions.of_cache(tx, "rome")[0].status_reason


@pytest.mark.parametrize("stop_after", [1, 7, 23])
def test_killed_between_transactions_each_access_is_tried_once(suggested, stop_after):
    """The process dies with accesses in memory; the next one goes on at the stored offset."""
    source, clock = source_of(BATCHES, at_most=2), Clock(0.3)
    watch = watcher(suggested, source, "first", 1.0, clock)
    transactions = iter(range(stop_after))
    handle = watch.handle

    def handle_some(messages):
        if next(transactions, None) is None:
            raise SuddenError
        return handle(messages)

    watch.handle = handle_some
    with pytest.raises(SuddenError):
        loop.run(source, watch, threading.Event(), np.random.default_rng(0), clock=clock, notify=lambda _: None)
    go(suggested, source_of(BATCHES), "second")
    assert counted(suggested)[:2] == right()


def test_killed_in_a_transaction_nothing_is_stored(suggested, monkeypatch):
    def killed(*_):
        raise SuddenError

    monkeypatch.setattr("opint.store.offsets.advance", killed)
    with pytest.raises(SuddenError):
        go(suggested, source_of(BATCHES))
    monkeypatch.undo()
    assert counted(suggested) == ([], [], ())
    go(suggested, source_of(BATCHES), "second")
    assert counted(suggested)[:2] == right()


def test_who_was_fenced_writes_nothing_and_goes_on_where_the_other_stopped(suggested):
    source, clock = source_of(BATCHES, at_most=10), Clock()
    watch = watcher(suggested, source, "first", 1.0, clock)
    source.start_at(PLACE, watch.claim([PLACE])[PLACE])
    watch.handle(source.poll(0))
    other = writer(suggested, "second")
    other.claim([PLACE])
    clock.now = 10.0
    with pytest.raises(FencedError):
        watch.tick()
    assert counted(suggested) == ([], [], ())
    watch.finish()
    assert counted(suggested) == ([], [], ()), "what waited of the partition is forgotten"
    go(suggested, source_of(BATCHES), "third")
    assert counted(suggested)[:2] == right()


def test_while_the_database_is_away_accesses_wait(suggested, monkeypatch):
    real, failures = AccessIngest.apply, [StoreUnavailable("away")] * 3

    def apply(self, arrivals):
        if failures:
            raise failures.pop()
        return real(self, arrivals)

    monkeypatch.setattr(AccessIngest, "apply", apply)
    go(suggested, source_of(BATCHES), every_s=0.5)
    assert failures == []
    assert counted(suggested)[:2] == right()


def test_many_accesses_are_stored_before_their_time(suggested):
    many = AccessBatch("rome", BATCHES[0].accesses * (MAX_WAITING_ACCESSES // 50 // 2))
    limits = replace(LIMITS, max_accesses=MAX_WAITING_ACCESSES, max_message_bytes=1 << 30)
    source = source_of([many, many, BATCHES[0]], at_most=1)
    watch = watcher(suggested, source, every_s=1e9, limits=limits)
    source.start_at(PLACE, watch.claim([PLACE])[PLACE])
    watch.handle(source.poll(0))
    watch.tick()
    assert source.committed == {}
    watch.handle(source.poll(0))
    watch.tick()
    assert source.committed == {PLACE: 2}


def test_other_caches_do_not_matter_and_bad_messages_are_kept(suggested):
    other = replace(BATCHES[0], cache="bari")
    go(suggested, source_of([BATCHES[0], b"{", other, *BATCHES[1:]]))
    assert counted(suggested)[:2] == right()
    assert statuses(suggested, "bari") == {}
    with suggested.read() as tx:
        (letter,) = tx.execute(select(dead_letter)).all()
    assert (letter.reason, letter.raw) == ("bad-json", b"{")


def test_accesses_that_no_trace_can_hold_do_not_stop_the_watch(suggested):
    """More bytes than sums can hold, each access by itself in order."""
    huge = replace(BATCHES[0].accesses[0], size=2**50, time=0.0)
    go(suggested, source_of([AccessBatch("rome", (huge,) * 5000), *BATCHES], at_most=1), every_s=0.1)
    assert counted(suggested)[:2] == right()


def test_reports_that_come_twice_much_later_are_not_counted(suggested):
    go(suggested, source_of([*BATCHES, *BATCHES[: len(BATCHES) // 2]]))
    assert counted(suggested)[:2] == right()


def test_lost_messages_raise_an_incident_and_the_trial_goes_on(suggested):
    go(suggested, source_of(BATCHES[:3]))
    source = source_of(BATCHES)
    source.forget_before(PLACE, 5)
    go(suggested, source)
    with suggested.read() as tx:
        assert tx.scalars(select(incident.c.family)).all() == ["data-lost"]
        assert tx.scalar(select(source_offset.c.next_offset)) == len(BATCHES)


def test_a_loss_stores_what_came_before_it_on_that_partition_only(suggested):
    other = Partition("cluster", "cache.accesses", 1)
    source = source_of(BATCHES)
    for batch in BATCHES[:2]:
        source.publish(other, encode_accesses(replace(batch, cache="bari"), "application/json"), 0.0, JSON)
    source.give(other)
    watch = watcher(suggested, source, every_s=1e9)
    for place, offset in watch.claim([PLACE, other]).items():
        source.start_at(place, offset)
    watch.handle(source.poll(0))
    watch.lost(Loss(PLACE, len(BATCHES), len(BATCHES) + 7))
    assert counted(suggested)[:2] == right()
    assert source.committed == {PLACE: len(BATCHES)}
    with suggested.read() as tx:
        stored = dict(tx.execute(select(source_offset.c.partition, source_offset.c.next_offset)).all())
    assert stored == {0: len(BATCHES) + 7, 1: None}


def test_rules_suggested_anew_meanwhile_are_not_touched(suggested):
    """A rule that is tried and is not suggested any more leaves no row."""
    with suggested.begin() as tx:
        suggestions.keep(tx, "rome", judge_trials(Trials.start(PROPOSALS[:1], CAPACITY), np.random.default_rng(0)), 1.0)
    go(suggested, source_of(BATCHES))
    with suggested.read() as tx:
        assert tx.scalars(select(suggestion.c.target)).all() == ["once"]


def test_a_watcher_reports_that_it_lives_and_what_it_has_read(suggested):
    watch = go(suggested, source_of([*BATCHES[:3], b"{"]))
    watch.stopped()
    with suggested.read() as tx:
        (sign,) = tx.execute(select(heartbeat)).all()
    assert (sign.daemon, sign.state, sign.messages, sign.histograms) == ("me", "stopped", 4, 150)
    metrics = watch._heartbeat._metrics.registry
    assert metrics.get_sample_value("nightshift_messages_total", {"stream": "accesses"}) == 4
    letters = {"stream": "accesses", "reason": "bad-json"}
    assert metrics.get_sample_value("nightshift_dead_letters_total", letters) == 1


def test_a_stalled_partition_is_an_incident(suggested, monkeypatch):
    source, now = source_of(BATCHES), Clock()
    watch = watcher(suggested, source, now_s=now)
    watch.claim([PLACE])
    monkeypatch.setattr(source, "lag", lambda: {PLACE: 2})
    for now.now in (1e9, 1e9 + 301):
        watch.tick()
    with suggested.read() as tx:
        assert tx.execute(select(incident.c.family, incident.c.element_group)).all() == [
            ("stalled", "cluster/cache.accesses[0]")
        ]


def test_old_dead_letters_are_swept(suggested):
    now = Clock()
    now.now = 2e9
    watch = watcher(suggested, source_of([]), now_s=now)
    watch.claim([PLACE])
    watch.handle([Message(PLACE, 0, b"{", JSON, 1.0, "")])
    watch.finish()
    now.now += 91 * DAY_S
    watch.tick()
    with suggested.read() as tx:
        assert tx.scalars(select(dead_letter.c.id)).all() == []


def test_a_message_that_fails_by_a_fault_of_ours_is_put_aside_alone(suggested, monkeypatch):
    def faulty(accesses, through_s, now_s):
        if any(access.file == "/fault" for access in accesses):
            raise ZeroDivisionError("a fault of ours")
        return as_trace(accesses, through_s, now_s)

    monkeypatch.setattr("opint.caches.ingest.as_trace", faulty)
    poison = AccessBatch("rome", (replace(BATCHES[0].accesses[0], file="/fault"),))
    go(suggested, source_of([*BATCHES[:5], poison, *BATCHES[5:]]))
    assert counted(suggested)[:2] == right()
    with suggested.read() as tx:
        (letter,) = tx.execute(select(dead_letter)).all()
    assert (letter.reason, letter.message_offset) == ("cannot-be-processed", 5)
