"""From a change of an incident to the answer of a receiver, whatever fails on the way."""

import contextlib
import signal
import subprocess
import sys
import threading
import time

import pytest
import yaml

import opint.notifications.dispatcher as module
from opint.incidents import operator
from opint.notifications.explain import explain
from opint.store import messages, notices
from tests.opint.notifications.conftest import Clock, settings_of
from tests.support.incidents import end_incident, open_incident, worsen_incident
from tests.support.receivers import web_receiver


def opened(store, count=1, **values):
    with store.begin() as tx:
        return [open_incident(tx, str(number), **values) for number in range(count)]


def outcomes(store, number):
    with store.read() as tx:
        return [(account.change, account.outcome) for account in explain(tx, number)]


def test_an_incident_is_told_from_its_opening_to_its_end(store, drive):
    driven = drive()
    (number,) = opened(store)
    driven.settle()
    with store.begin() as tx:
        worsen_incident(tx, number)
    driven.pass_time(60)
    with store.begin() as tx:
        end_incident(tx, number)
    driven.pass_time(60)
    subjects = [body["subject"] for body in driven.web.bodies]
    title = "Muon/Sector0: dead channels"
    assert subjects == [f"[WARNING] {title}", f"[CRITICAL] {title}", f"[RESOLVED] {title}"]
    assert "What changed: critical since run 7 LS 9" in driven.web.bodies[1]["text"]
    assert outcomes(store, number) == [("opened", "sent"), ("worsened", "sent"), ("cleared", "sent")]


def test_what_is_rolled_back_tells_nobody(store, drive):
    driven = drive()
    with contextlib.suppress(ZeroDivisionError), store.begin() as tx:
        open_incident(tx)
        raise ZeroDivisionError
    driven.settle()
    assert driven.web.requests == []


def test_what_nobody_must_hear_stays_here(store, drive):
    driven = drive()
    (number,) = opened(store)
    driven.settle()
    with store.begin() as tx:
        operator.comment(tx, number, "ada", "looking", 1001.0)
        operator.acknowledge(tx, number, "ada", "", 1002.0)
    driven.pass_time(60)
    assert len(driven.web.requests) == 1


@pytest.mark.parametrize("answer", ["500", "429", "close", "garbage", "slow"])
def test_a_receiver_that_fails_gets_it_again_under_the_same_key(answer, store, drive):
    driven = drive()
    driven.web.answers = [answer, answer]
    opened(store)
    driven.settle()
    for _ in range(3):
        driven.pass_time(10)
    (message,) = driven.messages()
    assert (message.state, message.attempts) == ("sent", 3)
    assert driven.web.keys == [message.key] * 3


def test_the_pause_that_a_receiver_asks_for_is_kept(store, drive):
    driven = drive()
    driven.web.answers = ["429"]
    opened(store)
    driven.settle()
    driven.pass_time(6.9)
    assert len(driven.web.requests) == 1
    driven.pass_time(0.2)
    assert len(driven.web.requests) == 2


def test_a_receiver_that_is_down_for_an_hour_gets_the_rest_in_one_digest(store, drive):
    driven = drive()
    driven.web.answers = ["500"] * 1000
    numbers = []
    for _ in range(12):
        with store.begin() as tx:
            numbers.append(open_incident(tx, str(len(numbers)), driven.clock.now_s))
        driven.pass_time(300)
    driven.web.answers = []
    del driven.web.requests[:]
    for _ in range(3):
        driven.pass_time(300)
    assert sorted(driven.web.incidents) == numbers
    assert [message.state for message in driven.messages()] == ["sent"] * 4
    assert driven.messages()[-1].subject == "[DIGEST] 9 incidents"


def test_a_message_that_nobody_takes_is_dead_and_can_be_sent_again(store, drive):
    driven = drive(give_up_after_s=30.0)
    driven.web.answers = ["500"] * 100
    opened(store)
    driven.settle()
    for _ in range(10):
        driven.pass_time(10)
    (message,) = driven.messages()
    assert (message.state, message.error) == ("dead", "answered 500: 'ok'")
    driven.web.answers = []
    with store.begin() as tx:
        messages.resend(tx, message.id, driven.clock.now_s)
        with pytest.raises(messages.UnknownMessageError, match="only dead messages are sent again"):
            messages.resend(tx, message.id, driven.clock.now_s)
        with pytest.raises(messages.UnknownMessageError, match="no message 99"):
            messages.resend(tx, 99, driven.clock.now_s)
    driven.settle()
    assert driven.messages()[0].state == "sent"
    assert set(driven.web.keys) == {message.key}


def test_a_message_that_is_refused_for_good_is_dead_at_once(store, drive):
    driven = drive()
    driven.web.answers = ["404"]
    opened(store)
    driven.settle()
    assert [(message.state, message.attempts) for message in driven.messages()] == [("dead", 1)]


def test_a_storm_becomes_one_digest(store, drive):
    driven = drive(receiver={"digest_every_s": 60.0}, route={"group_wait_s": 5.0})
    numbers = []
    for second in range(4):
        with store.begin() as tx:
            numbers += [open_incident(tx, f"{second}.{n}", driven.clock.now_s) for n in range(30)]
        driven.pass_time(1)
    driven.pass_time(1)
    assert [body["subject"] for body in driven.web.bodies] == ["[DIGEST] 120 incidents"]
    assert sorted(driven.web.incidents) == numbers
    assert "and 100 more" in driven.web.bodies[0]["text"]
    with store.begin() as tx:
        numbers.append(open_incident(tx, "late", driven.clock.now_s))
    driven.pass_time(30)
    assert len(driven.web.requests) == 1
    driven.pass_time(30)
    assert driven.web.incidents[-1] == numbers[-1]


def test_a_receiver_gets_no_more_messages_than_its_limit(store, drive):
    driven = drive(receiver={"most_per_minute": 2, "digest_above": 100})
    for number in range(5):
        with store.begin() as tx:
            open_incident(tx, str(number), driven.clock.now_s)
        driven.pass_time(1)
    assert len(driven.web.requests) == 2
    driven.pass_time(60)
    assert sorted(driven.web.incidents) == sorted(set(driven.web.incidents))
    assert len(driven.web.incidents) == 5


def test_a_slow_receiver_keeps_no_other_waiting(store, web, drive):
    with web_receiver() as slow:
        slow.answers = ["slow"] * 9
        hooks = (
            {"name": "slow", "kind": "webhook", "url": slow.url, "timeout_s": 5.0},
            {"name": "room", "kind": "webhook", "url": web.url},
        )
        driven = drive(receivers=hooks, route={"receivers": ("slow", "room")})
        opened(store)
        begin_s = time.monotonic()
        while not web.requests:
            driven.dispatcher.turn()
            time.sleep(0.005)
        assert time.monotonic() - begin_s < 0.8
        driven.settle()


def test_two_dispatchers_send_each_message_once(store, drive):
    clock = Clock()
    pair = [drive(name, clock, receiver={"digest_above": 1, "most_per_minute": 1000}) for name in "ab"]
    numbers = []

    def work(driven, stop):
        while not stop.is_set():
            driven.settle()
            time.sleep(0.001)

    stop = threading.Event()
    threads = [threading.Thread(target=work, args=(driven, stop)) for driven in pair]
    for thread in threads:
        thread.start()
    for number in range(20):
        with store.begin() as tx:
            numbers.append(open_incident(tx, str(number)))
    end_s = time.monotonic() + 20
    while len(set(pair[0].web.incidents)) < 20 and time.monotonic() < end_s:
        time.sleep(0.01)
    stop.set()
    for thread in threads:
        thread.join()
    assert sorted(pair[0].web.incidents) == numbers
    assert len(set(pair[0].web.keys)) == len(pair[0].web.keys)


def test_a_claim_that_nobody_ends_is_taken_over(store, drive):
    driven = drive()
    opened(store)
    with store.begin() as tx:
        driven.dispatcher._planner.route(tx, 1000.0)
        driven.dispatcher._planner.compose(tx, ["room"], 1000.0)
        messages.claim(tx, "killed", "room", 1000.0, 30.0, 9)
    driven.pass_time(29)
    assert driven.web.requests == []
    driven.pass_time(1)
    assert len(driven.web.requests) == 1


def test_a_clock_that_is_set_back_delays_nothing_for_long(store, drive):
    driven = drive()
    driven.web.answers = ["500"]
    driven.clock.now_s = 1e9
    opened(store, at_s=1e9)
    driven.settle()
    driven.pass_time(-1e6)
    driven.pass_time(1)
    assert [message.state for message in driven.messages()] == ["sent"]


def test_a_receiver_that_left_the_settings_loses_nothing_silently(store, drive, web):
    before = drive()
    before.web.answers = ["500"]
    opened(store)
    before.settle()
    other = {"name": "other", "kind": "webhook", "url": web.url}
    after = drive(settings=settings_of(web.url, receivers=(other,), routes=({"name": "all", "receivers": ("other",)},)))
    after.pass_time(60)
    (message,) = after.messages()
    assert (message.state, message.error) == ("dead", "receiver 'room' is not in the settings any more")


def test_nobody_is_called_twice_for_what_repeats_only_while_unanswered(store, drive):
    driven = drive(route={"repeat_every_s": 600.0})
    (number,) = opened(store)
    driven.settle()
    driven.pass_time(599)
    assert len(driven.web.requests) == 1
    driven.pass_time(1)
    assert driven.web.bodies[-1]["subject"].startswith("[STILL]")
    with store.begin() as tx:
        operator.acknowledge(tx, number, "ada", "", driven.clock.now_s)
    driven.pass_time(600)
    driven.pass_time(600)
    assert len(driven.web.requests) == 2
    assert outcomes(store, number)[-1] == ("repeated", "acknowledged")


def test_an_incident_that_nobody_acknowledges_is_escalated(store, drive, web):
    hooks = tuple({"name": name, "kind": "webhook", "url": web.url} for name in ("room", "expert"))
    route = {"escalate_after_s": 900.0, "escalate_to": ("expert",)}
    driven = drive(receivers=hooks, route=route)
    first, second = opened(store, 2)
    with store.begin() as tx:
        operator.acknowledge(tx, second, "ada", "", 1000.0)
    driven.settle()
    driven.pass_time(900)
    assert [body["subject"][:11] for body in web.bodies] == ["[WARNING] M", "[ESCALATED]"]
    assert outcomes(store, first) == [("opened", "sent"), ("escalated", "sent")]
    with store.read() as tx:
        escalations = [notice for notice in notices.of_incident(tx, second) if notice.purpose == "escalation"]
    assert [(notice.outcome, notice.reason) for notice in escalations] == [("acknowledged", "ada acknowledged it")]


@contextlib.contextmanager
def notify_run(config):
    """`nightshift notify run` in a process of its own, which is killed in the end."""
    command = [sys.executable, "-m", "opint.cli", "notify", "run", "--config", str(config)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def until(condition, seconds=30.0):
    end_s = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.005)


def test_dispatchers_that_are_killed_lose_nothing_and_repeat_only_under_the_same_key(store, store_url, web, tmp_path):
    """By kill -9 amid requests while incidents open."""
    hook = {"name": "room", "kind": "webhook", "url": web.url, "timeout_s": 0.2}
    hook |= {"digest_above": 1000, "digest_every_s": 0, "most_per_minute": 10_000}
    route = {"name": "all", "receivers": ["room"], "group_wait_s": 0}
    config = tmp_path / "night.yaml"
    notifications = {"receivers": [hook], "routes": [route]}
    config.write_text(yaml.safe_dump({"database": {"url": store_url}, "notifications": notifications}))
    numbers, stop = [], threading.Event()

    def raise_incidents():
        while not stop.wait(0.02):
            with store.begin() as tx:
                numbers.append(open_incident(tx, str(len(numbers)), time.time()))

    raising = threading.Thread(target=raise_incidents)
    raising.start()
    try:
        for _ in range(2):
            # The request at which it is killed is never answered.
            before, web.answers = len(web.requests), ["200"] * 5 + ["slow"]
            with notify_run(config):
                until(lambda before=before: len(web.requests) >= before + 6)
    finally:
        stop.set()
        raising.join()
    with notify_run(config):
        until(lambda: set(web.incidents) == set(numbers))
    key_by_incident = {}
    for key, body in zip(web.keys, web.bodies, strict=True):
        for incident in body["incidents"]:
            assert key_by_incident.setdefault(incident["id"], key) == key
    assert len(web.keys) > len(set(web.keys))


def test_a_database_that_goes_away_is_waited_for(seeded_store, web, tmp_path, monkeypatch, drive):
    """It goes while a request is on its way, which is sent again under its key once the claim has ended."""
    monkeypatch.setattr(module, "AWAY_S", 0.05)
    monkeypatch.setattr(module, "LEASE_PHASES", 0.5)
    file, hidden = tmp_path / "nightshift.db", tmp_path / "hidden.db"
    driven = drive(store=seeded_store, clock=time.time, receiver={"timeout_s": 2.0})
    stop = threading.Event()
    thread = threading.Thread(target=driven.dispatcher.run, args=(stop,))
    thread.start()
    try:
        web.answers = ["slow-200"]
        with seeded_store.begin() as tx:
            number = open_incident(tx, "new", time.time())
        until(lambda: web.requests)
        file.rename(hidden)
        time.sleep(1.2)
        hidden.rename(file)
        until(lambda: len(web.requests) == 2)
    finally:
        stop.set()
        thread.join()
    assert web.incidents == [number, number]
    assert len(set(web.keys)) == 1


def test_a_change_that_no_dispatcher_has_seen_is_accounted_for(store):
    (number,) = opened(store)
    with store.read() as tx:
        (account,) = explain(tx, number)
    assert (account.outcome, account.why) == ("waiting", "no dispatcher has looked at it yet")
