"""What dispatchers promise: nothing is lost, and nothing comes twice under another key; on both databases."""

import contextlib
import threading
import time

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
        driven.dispatcher._planner.compose(tx, "room", 1000.0)
        messages.claim(tx, "killed", "room", 1000.0, 30.0, 9)
    driven.pass_time(29)
    assert driven.web.requests == []
    driven.pass_time(1)
    assert len(driven.web.requests) == 1
