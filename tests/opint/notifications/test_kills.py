"""Whatever is killed or goes away: nothing is lost, and what is sent again has the key that it had."""

import contextlib
import signal
import subprocess
import sys
import threading
import time

import pytest
import yaml
from sqlalchemy import select

import opint.notifications.dispatcher as module
from opint.store.errors import StoreUnavailable
from opint.store.tables import incident
from tests.opint.notifications.conftest import opened
from tests.support.incidents import open_incident
from tests.support.processes import child


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


def assert_only_keys_repeat(web):
    """Something was sent again, and no incident under another key."""
    key_by_incident = {}
    for key, body in zip(web.keys, web.bodies, strict=True):
        for listed in body["incidents"]:
            assert key_by_incident.setdefault(listed["id"], key) == key
    assert len(web.keys) > len(set(web.keys))


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
        while not stop.wait(0.05):
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
    assert_only_keys_repeat(web)


@pytest.mark.postgres
def test_a_database_that_is_killed_loses_no_call(postgres, postgres_template, open_store, web, drive, monkeypatch):
    """By SIGKILL of the server and its children while incidents are committed and an answer is on its way."""
    monkeypatch.setattr(module, "AWAY_S", 0.05)
    monkeypatch.setattr(module, "LEASE_MARGIN_S", 0.2)
    monkeypatch.setattr(module, "LEASE_PHASES", 0.5)
    store = open_store(postgres.url(postgres.database(postgres_template)))
    receiver = {"timeout_s": 2.0, "digest_above": 1000, "most_per_minute": 10_000}
    driven = drive(store=store, clock=time.time, receiver=receiver)
    committed, enough, stop = [], threading.Event(), threading.Event()

    def commit():
        names = iter(range(100_000))
        while not enough.wait(0.02):
            with contextlib.suppress(StoreUnavailable):
                with store.begin() as tx:
                    number = open_incident(tx, str(next(names)), time.time())
                committed.append(number)

    committing = threading.Thread(target=commit)
    dispatching = threading.Thread(target=driven.dispatcher.run, args=(stop,))
    committing.start()
    dispatching.start()
    try:
        for _ in range(2):
            web.release.clear()
            before, web.answers = len(web.requests), ["200"] * 3 + ["held"]
            until(lambda before=before: len(web.requests) >= before + 4)
            postgres.kill()
            try:
                web.release.set()
                time.sleep(0.2)
            finally:
                postgres.start()
        enough.set()
        committing.join()
        with store.read() as tx:
            stored = set(tx.scalars(select(incident.c.id)))
        assert set(committed) <= stored
        until(lambda: stored <= set(web.incidents) and len(web.keys) > len(set(web.keys)), 30.0)
    finally:
        enough.set()
        stop.set()
        committing.join()
        dispatching.join()
    assert_only_keys_repeat(web)


RECEIVER = """
import os, signal, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

moment, port, journal = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def die_at(now):
    if moment == now:
        os.kill(os.getpid(), signal.SIGKILL)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        with open(journal, "a") as file:
            print(self.headers["idempotency-key"], file=file)
        die_at("accepted")
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"o")
        die_at("answering")
        self.wfile.write(b"k")
        die_at("answered")


server = HTTPServer(("127.0.0.1", port), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


@contextlib.contextmanager
def receiver_process(moment, port, journal):
    """A receiver in a process of its own that notes the key of each request and kills itself at a ``moment``."""
    with child([sys.executable, "-c", RECEIVER, moment, str(port), str(journal)]) as process:
        yield int(process.stdout.readline())


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("moment", "attempts"), [("accepted", 2), ("answering", 2), ("answered", 1)])
def test_a_receiver_that_is_killed_as_it_answers_gets_it_again_under_the_same_key(
    moment, attempts, store, drive, tmp_path
):
    journal = tmp_path / "keys"
    with receiver_process(moment, 0, journal) as port:
        driven = drive(receiver={"url": f"http://127.0.0.1:{port}", "timeout_s": 5.0})
        opened(store)
        driven.settle()
    # Nobody listens now.
    driven.pass_time(10)
    with receiver_process("never", port, journal):
        driven.pass_time(20)
    (message,) = driven.messages()
    assert message.state == "sent"
    assert journal.read_text().split() == [message.key] * attempts


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
