"""A seeded store, and the dashboard served from it over real HTTP.

One server serves most tests: each shows it a store of its own, at a time of its own.
"""

import contextlib
import shutil

import httpx
import pytest

from conf.settings import LogSettings
from opint.daemon import logging
from opint.store.engine import Store
from tests.serving import served


@pytest.fixture(scope="session", autouse=True)
def _logging():
    """As in a daemon: structlog's own default takes seconds to print a traceback."""
    logging.configure(LogSettings())


@pytest.fixture
def store(seeded_store):
    """A seeded store that the test may change."""
    return seeded_store


@pytest.fixture
def empty_store(sqlite_template, tmp_path, open_store):
    """Tables and nothing in them."""
    shutil.copy(sqlite_template, tmp_path / "empty.db")
    return open_store(f"sqlite:///{tmp_path / 'empty.db'}")


class Stage:
    """A store for the server that passes on all that is asked to the store of the present test."""

    def __init__(self, store, clock):
        self.show(store, clock)

    def show(self, store, clock):
        self._store, self._clock = store, clock

    def now_s(self):
        return self._clock()

    def __getattr__(self, name):
        return getattr(self._store, name)


@pytest.fixture(scope="session")
def _stage(seeded_file, seed):
    store = Store.open(f"sqlite:///{seeded_file}")
    stage = Stage(store, seed.now_s)
    with served(stage, stage.now_s) as url:
        yield stage, url, store
    store.close()


@pytest.fixture
def serving(_stage, seed):
    """Show a store: ``serving(store, clock)`` gives a client of it; building a server takes longer than most tests."""
    stage, url, idle = _stage
    with contextlib.ExitStack() as clients:

        def start(store, clock):
            stage.show(store, clock)
            return clients.enter_context(httpx.Client(base_url=url, timeout=10))

        yield start
    stage.show(idle, seed.now_s)


@pytest.fixture
def own_server():
    """A server for one test alone: ``own_server(store, clock)`` gives a client of it."""
    with contextlib.ExitStack() as running:

        def start(store, clock):
            url = running.enter_context(served(store, clock))
            return running.enter_context(httpx.Client(base_url=url, timeout=10))

        yield start


@pytest.fixture
def fresh(serving, store, seed):
    """A client of a seeded store that the test may change, four seconds after its newest lumisection."""
    return serving(store, seed.now_s)


@pytest.fixture(scope="session")
def _shared_url(seeded_file, seed):
    store = Store.open(f"sqlite:///{seeded_file}")
    with served(store, seed.now_s) as url:
        yield url
    store.close()


@pytest.fixture
def client(_shared_url):
    """A client of a seeded store that the test only reads."""
    with httpx.Client(base_url=_shared_url, timeout=10) as item:
        yield item
