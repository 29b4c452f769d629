"""What dispatchers promise: nothing is lost, and nothing comes twice under another key; on both databases."""

import contextlib
import signal
import subprocess
import sys
import threading
import time

import yaml

import opint.notifications.dispatcher as module
from opint.store import messages
from tests.opint.notifications.conftest import Clock, opened, outcomes
from tests.support.incidents import end_incident, open_incident, worsen_incident


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


def until(condition, seconds=90.0):
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
