"""The dashboard, served over real HTTP in a thread."""

import contextlib
import threading
from collections.abc import Callable, Iterator

from conf.dashboard import DashboardSettings
from conf.settings import Settings
from opint.dashboard.serve import serve
from opint.store.engine import Store


@contextlib.contextmanager
def served(store: Store, clock: Callable[[], float], **dashboard: object) -> Iterator[str]:
    """Its address while it runs; ``dashboard`` are settings of that section."""
    ready, stop, reports = threading.Event(), threading.Event(), []
    settings = Settings(dashboard=DashboardSettings(**{"port": 0} | dashboard))
    on_address = lambda at: (reports.append(at), ready.set())  # noqa: E731
    thread = threading.Thread(target=serve, args=(settings, store, clock, on_address, stop))
    thread.start()
    assert ready.wait(30)
    try:
        yield reports[0]
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()
