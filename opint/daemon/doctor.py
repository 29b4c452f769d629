"""Checks of everything that nightshift stands on, each with what to do about it."""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from conf.errors import NightshiftError
from conf.settings import Settings
from opint.stream_kinds import watched_kinds


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: ``ok`` None means that it is optional and absent."""

    what: str
    ok: bool | None
    detail: str


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at the database, at models and sources of what is watched, fast checksums and Java; never raises."""
    yield _try("database", lambda: _database(settings))
    for kind in watched_kinds(settings):
        for what, look in kind.checks(settings):
            yield _try(what, look)
    if settings.notifications.receivers:
        yield _try("notifications", lambda: _notifications(settings))
    yield _checksums()
    yield _java()


def _try(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, look())
    except NightshiftError as error:
        return Finding(what, False, str(error))


def _database(settings: Settings) -> str:
    from opint.store.engine import Store

    store = Store.open(settings.database.url.get_secret_value())
    store.check_version()
    return f"{store.name}, tables at {store.version()}"


def _notifications(settings: Settings) -> str:
    from opint.notifications.dispatcher import check_families
    from opint.notifications.receivers.registry import make_senders

    check_families(settings)
    for sender in make_senders(settings.notifications.receivers, os.environ).values():
        sender.close()
    names = ", ".join(receiver.name for receiver in settings.notifications.receivers)
    return f"receivers {names}; nightshift notify test NAME sends a message"


def _checksums() -> Finding:
    if importlib.util.find_spec("crc32c"):
        return Finding("checksums", True, "crc32c in C")
    return Finding("checksums", False, "crc32c is not installed: consuming is some 20 times slower; pip install crc32c")


def _java() -> Finding:
    java = shutil.which("java")
    if java is None:
        return Finding("java", None, "not found; needed only for `make kafka` and its tests (17 or newer)")
    result = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)  # noqa: S603 - found on PATH
    return Finding("java", True, result.stderr.splitlines()[0] if result.stderr else java)
