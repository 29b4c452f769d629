"""A seeded store, and the dashboard served from it over real HTTP."""

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


@pytest.fixture
def serving():
    """Serve a store over HTTP: ``serving(store, clock)`` gives a client of it."""
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
