"""A dispatcher on a real store, with a real web receiver and a clock that is turned by hand."""

import time
from dataclasses import dataclass

import numpy as np
import pytest

from conf.settings import Settings
from opint.notifications.dispatcher import Dispatcher
from opint.notifications.explain import explain
from opint.notifications.planner import Planner
from opint.notifications.receivers.registry import make_senders
from opint.store import messages
from tests.support.incidents import open_incident
from tests.support.receivers import web_receiver


@dataclass
class Clock:
    """Seconds since 1970, turned by hand."""

    now_s: float = 1000.0

    def __call__(self):
        return self.now_s


def settings_of(url, *, receiver=None, route=None, status_bits="", **values):
    """Settings of one webhook and one route to it, both changed as the test wants."""
    hook = {"name": "room", "kind": "webhook", "url": url, "timeout_s": 5.0, "digest_every_s": 0.0} | (receiver or {})
    way = {"name": "all", "receivers": ("room",), "group_wait_s": 0.0} | (route or {})
    notifications = {"receivers": (hook,), "routes": (way,)} | values
    return Settings.model_validate({"dqm": {"status_bits": status_bits}, "notifications": notifications})


@dataclass
class Driven:
    """A dispatcher that is driven turn by turn, as if by its loop but without waiting."""

    store: object
    dispatcher: Dispatcher
    clock: Clock
    web: object

    def settle(self, turns=1):
        """Take turns until nothing is being sent, and at least so many."""
        for _ in range(turns):
            while self.dispatcher.turn() or self.dispatcher.is_sending():
                time.sleep(0.005)

    def pass_time(self, seconds):
        self.clock.now_s += seconds
        self.settle()

    def messages(self):
        with self.store.read() as tx:
            return messages.page(tx, limit=500)[0][::-1]


def opened(store, count=1, **values):
    with store.begin() as tx:
        return [open_incident(tx, str(number), **values) for number in range(count)]


def outcomes(store, number):
    with store.read() as tx:
        return [(account.change, account.outcome) for account in explain(tx, number)]


@pytest.fixture
def web():
    with web_receiver() as item:
        yield item


@pytest.fixture
def drive(request, web):
    """``drive(**settings)``: a dispatcher with the settings of ``settings_of``."""
    senders = []

    def make(name="a", clock=None, guidance=lambda _: "", store=None, **values):
        store = store or request.getfixturevalue("store")
        settings = values.pop("settings", None) or settings_of(web.url, **values)
        senders.append(by_receiver := make_senders(settings.notifications.receivers, {}))
        clock = clock or Clock()
        dispatcher = Dispatcher(store, Planner(settings, guidance), by_receiver, name, clock, np.random.default_rng(1))
        return Driven(store, dispatcher, clock, web)

    yield make
    for by_receiver in senders:
        for sender in by_receiver.values():
            sender.close()
