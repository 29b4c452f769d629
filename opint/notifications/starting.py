"""A dispatcher put together (receivers, secrets, guidance), and as a thread beside other work."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import filter as fitting

import numpy as np

from conf.errors import SettingsError
from conf.settings import Settings
from opint.guidance.folder import load_guidance
from opint.incidents.families import FAMILIES
from opint.notifications.dispatcher import Dispatcher
from opint.notifications.planner import Planner
from opint.notifications.receivers.registry import make_senders
from opint.store.engine import Store


def make_dispatcher(
    settings: Settings, store: Store, environ: Mapping[str, str], name: str, clock: Callable[[], float]
) -> Dispatcher:
    """A dispatcher that the settings describe; raises SettingsError for what the user has to mend in them."""
    check_families(settings)
    guidance = load_guidance(settings.alerts.guidance)
    planner = Planner(
        settings, lambda incident: guidance.text_of(incident.family, incident.subsystem, incident.element_group)
    )
    senders = make_senders(settings.notifications.receivers, environ)
    return Dispatcher(store, planner, senders, name, clock, np.random.default_rng())


def check_families(settings: Settings) -> None:
    """Raise SettingsError for a pattern of a route, or of ``calls``, that fits no family of incidents."""
    names = ", ".join(sorted(FAMILIES))
    named = [
        (f"routes[{number + 1}].match.family", route.match.family)
        for number, route in enumerate(settings.notifications.routes)
    ]
    named += [
        (f"calls[{number + 1}].families", rule.families) for number, rule in enumerate(settings.notifications.calls)
    ]
    for where, patterns in named:
        for pattern in patterns:
            if not fitting(FAMILIES, pattern):
                raise SettingsError(f"notifications.{where} is {pattern!r}, which fits no family; they are {names}")


@contextmanager
def dispatching(dispatcher: Dispatcher, ended: Callable[[], None]) -> Iterator[None]:
    """Deliver in a thread inside the block.

    If the dispatcher ends by an error, ``ended`` is called, and the error is raised at the end of the block.
    """
    stop, failures = threading.Event(), list[BaseException]()

    def deliver() -> None:
        try:
            dispatcher.run(stop)
        except BaseException as error:
            failures.append(error)
            ended()

    thread = threading.Thread(target=deliver, name="notifications")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if failures:
        raise failures[0]
