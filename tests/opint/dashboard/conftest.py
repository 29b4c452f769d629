"""A seeded store, and the dashboard served from it over real HTTP."""

import contextlib
import importlib.util
import shutil
import threading
from pathlib import Path

import httpx
import pytest

from conf.settings import DashboardSettings, Settings
from opint.dashboard.serve import serve
from opint.store.engine import Store

_SPEC = importlib.util.spec_from_file_location("dashboard_seed", Path(__file__).with_name("seed.py"))
SETTINGS = Settings(dashboard=DashboardSettings(port=0))


@pytest.fixture(scope="session")
def seed():
    """The module that fills stores."""
    module = importlib.util.module_from_spec(_SPEC)
    _SPEC.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def _seeded_file(seed, tmp_path_factory):
    file = tmp_path_factory.mktemp("seeded") / "nightshift.db"
    store = Store.open(f"sqlite:///{file}")
    seed.fill(store)
    store.close()
    return file


@pytest.fixture
def store(_seeded_file, tmp_path):
    """A seeded store that the test may change."""
    shutil.copy(_seeded_file, tmp_path / "nightshift.db")
    opened = Store.open(f"sqlite:///{tmp_path / 'nightshift.db'}")
    yield opened
    opened.close()


@pytest.fixture
def empty_store(tmp_path):
    """Tables and nothing in them."""
    opened = Store.open(f"sqlite:///{tmp_path / 'empty.db'}")
    opened.upgrade()
    yield opened
    opened.close()


@contextlib.contextmanager
def _served(store, clock):
    ready, stop, told = threading.Event(), threading.Event(), []
    on_address = lambda url: (told.append(url), ready.set())  # noqa: E731
    thread = threading.Thread(target=serve, args=(SETTINGS, store, clock, on_address, stop))
    thread.start()
    assert ready.wait(30)
    try:
        yield told[0]
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def serving():
    """Serve a store over HTTP: ``serving(store, clock)`` gives a client of it."""
    with contextlib.ExitStack() as running:

        def start(store, clock):
            url = running.enter_context(_served(store, clock))
            return running.enter_context(httpx.Client(base_url=url, timeout=10))

        yield start


@pytest.fixture
def fresh(serving, store, seed):
    """A client of a seeded store that the test may change, four seconds after its newest lumisection."""
    return serving(store, seed.now_s)


@pytest.fixture(scope="session")
def _shared_url(_seeded_file, seed):
    store = Store.open(f"sqlite:///{_seeded_file}")
    with _served(store, seed.now_s) as url:
        yield url
    store.close()


@pytest.fixture
def client(_shared_url):
    """A client of a seeded store that the test only reads."""
    with httpx.Client(base_url=_shared_url, timeout=10) as one:
        yield one
