"""Checks of everything that nightshift stands on, each with what to do about it."""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from conf.errors import NightshiftError
from conf.settings import KafkaSettings, Settings

if TYPE_CHECKING:
    from streams.source import Message


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: ``ok`` None means that it is optional and absent."""

    what: str
    ok: bool | None
    detail: str


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at database, models, sources, fast checksums and Java, in that order; never raises."""
    yield _try("database", lambda: _database(settings))
    yield _try("model", lambda: _model(settings))
    yield _try("source", lambda: _source(settings))
    if settings.rates.watch:
        yield _try("rates model", lambda: _rates_model(settings))
        yield _try("rates source", lambda: _rates_source(settings))
    if settings.hotline.watch:
        yield _try("hotline model", lambda: _hotline_model(settings))
        yield _try("hotline source", lambda: _hotline_source(settings))
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


def _model(settings: Settings) -> str:
    from dqm.histograms.pipeline import Pipeline
    from dqm.histograms.resolution import resolutions
    from opint.registry.promotion import current_bundle, load_named
    from opint.store.engine import Store, StoreError, StoreUnavailable

    store = Store.open(settings.database.url.get_secret_value())
    try:
        store.check_version()
        current = current_bundle(settings.dqm, store)
    except (StoreError, StoreUnavailable):
        # The line above says what is wrong with the database; without it nothing is promoted.
        current = load_named(settings.dqm, settings.dqm.model)
    pipeline = Pipeline(current.bundle, settings.dqm, settings.alerts)
    lines = [resolution.sentence() for resolution in resolutions(current.bundle, pipeline.thresholds)]
    return "\n".join([f"{current.name}, version {current.bundle.version[:12]}", *lines])


def _rates_model(settings: Settings) -> str:
    from opint.triggers.handler import rate_bundle

    return f"{settings.rates.model}, version {rate_bundle(settings).version[:12]}"


def _hotline_model(settings: Settings) -> str:
    from opint.hotline.handler import hotline_model

    model = hotline_model(settings)
    return f"{settings.hotline.model}, version {model.version[:12]}: {len(model.features)} features"


def _source(settings: Settings) -> str:
    if settings.stream.source == "folder":
        return _folder(settings.stream.folder.path)
    from opint.recordings import limits
    from streams.codecs import decode

    return _topic(settings.stream.kafka, partial(decode, limits=limits(settings.stream)))


def _rates_source(settings: Settings) -> str:
    from opint.triggers.handler import rate_decoder

    return _topic(settings.kafka_of(settings.rates), rate_decoder(settings))


def _hotline_source(settings: Settings) -> str:
    from opint.recordings import event_limits
    from streams.codecs.events import decode_events

    return _topic(settings.kafka_of(settings.hotline), partial(decode_events, limits=event_limits(settings)))


def _topic(kafka: KafkaSettings, decode: Callable[["Message"], object]) -> str:
    """Reach a topic, and decode its newest message as the daemon does."""
    from streams.errors import DecodeError
    from streams.kafka import describe, newest_message

    described, message = describe(kafka), newest_message(kafka)
    if message is None:
        return f"{described}, no message yet"
    try:
        decode(message)
    except DecodeError as error:
        raise NightshiftError(f"{described}; its newest message, {message.origin}, is unusable: {error}") from error
    return f"{described}; its newest message is readable"


def _folder(path: Path) -> str:
    if not path.is_dir():
        raise NightshiftError(f"{path} is not a folder; create it or set stream.folder.path")
    if not os.access(path, os.R_OK | os.X_OK):
        raise NightshiftError(f"{path} may not be read by this user; change its permissions")
    return f"folder {path}, {sum(1 for _ in path.iterdir())} files"


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
