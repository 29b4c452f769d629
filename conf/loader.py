"""Settings from the documented defaults, then a file, then the environment, the last wins; secrets from files."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from conf.document import DEFAULTS, read_document
from conf.errors import SettingsError
from conf.keys import (
    PREFIX,
    KeyPath,
    Layer,
    Place,
    SettingsEntry,
    dotted,
    fields,
    is_list,
    is_secret,
    resembling,
    variable,
)
from conf.settings import Settings

NO_SETTINGS = frozenset({"NIGHTSHIFT_CONFIG", "NIGHTSHIFT_DATA", "NIGHTSHIFT_TEST_KAFKA"})
"""Variables with our prefix that are no settings: the settings file, and what tests and benchmarks use."""

LARGEST_SECRET = 1 << 16
"""Bytes of a file that holds a secret."""


def read_environment(environ: Mapping[str, str]) -> Layer:
    """Values of all variables that begin with ``NIGHTSHIFT_``.

    Raises:
        SettingsError: a variable is unknown, stands against its ``_FILE`` variant, or names a file that
            cannot be read.
    """
    by_name = {variable(key): key for key in fields()}
    from_file = {f"{variable(key)}_FILE": key for key in fields() if is_secret(key)}
    entries: dict[KeyPath, SettingsEntry] = {}
    for name in sorted(environ):
        if name in by_name:
            key = by_name[name]
            entries[key] = SettingsEntry(_typed(key, environ[name]), name)
        elif name in from_file:
            key = from_file[name]
            if variable(key) in environ:
                raise SettingsError(f"{variable(key)} and {name} are both set; unset one of them")
            entries[key] = SettingsEntry(read_secret(Path(environ[name]), name), name)
        elif name.startswith(PREFIX) and name not in NO_SETTINGS:
            hint = resembling(name, [*by_name, *from_file])
            raise SettingsError(f"{name} is set in the environment and is no setting{hint or '; unset it'}")
    return entries


def _typed(key: KeyPath, text: str) -> object:
    """Numbers, truth values and lists (JSON) read from text; what does not fit is left for validation to name."""
    if is_list(key):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    annotation = fields()[key].annotation
    if annotation not in {int, float, bool}:
        return text
    try:
        return TypeAdapter[object](annotation).validate_python(text)
    except ValidationError:
        return text


def read_secret(path: Path, name: str) -> str:
    """The secret that a file holds, without the end of its line; ``name`` is what names the file.

    Raises:
        SettingsError: the file cannot be read, is no text or too large to be a secret.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_SECRET + 1)
    except OSError as error:
        raise SettingsError(f"{name} names {path}, which cannot be read: {error.strerror}") from error
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise SettingsError(f"{name} names {path}, which is not UTF-8 text") from error
    if len(raw) > LARGEST_SECRET:
        raise SettingsError(f"{name} names {path}, which is larger than {LARGEST_SECRET} bytes; this is no secret")
    return text.rstrip("\r\n")


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read and check all settings.

    Args:
        path: a YAML file; None: the one that ``NIGHTSHIFT_CONFIG`` names, or the defaults alone.
        environ: environment variables, as :data:`os.environ`.

    Raises:
        SettingsError: one line that names the key, the value, its origin and what is allowed.
    """
    named = environ.get("NIGHTSHIFT_CONFIG", "")
    chosen = path or (Path(named) if named else None)
    defaults = read_document(DEFAULTS)
    entries = {**(read_document(chosen) if chosen else {}), **read_environment(environ)}
    _refuse_broken_text(entries)
    try:
        # Strict, so that `port: yes` is no port 1; as JSON, so that a string may still become a path.
        return Settings.model_validate_json(json.dumps(_nested({**defaults, **entries})), strict=True)
    except ValidationError as error:
        raise SettingsError(_explained(error, entries)) from None


def _refuse_broken_text(entries: Layer) -> None:
    """Halves of surrogate pairs stand for bytes that are no text; JSON and databases refuse them."""
    for key, entry in entries.items():
        text = entry.value if isinstance(entry.value, str) else json.dumps(entry.value, ensure_ascii=False)
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise SettingsError(f"{dotted(key)} ({entry.origin}) is not valid UTF-8 text")


def _nested(layer: Layer) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, entry in layer.items():
        branch = tree
        for name in key[:-1]:
            branch = branch.setdefault(name, {})
        branch[key[-1]] = entry.value
    return tree


def _explained(error: ValidationError, entries: Mapping[KeyPath, SettingsEntry]) -> str:
    """The first fault in words, and how many more there are."""
    faults = error.errors(include_url=False)
    place = (*faults[0]["loc"], *faults[0].get("ctx", {}).get("place", ()))
    allowed = faults[0]["msg"].removeprefix("Value error, ").removeprefix("Input ")
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    if faults[0]["type"] == "extra_forbidden":
        allowed = "is no key that it has"
    for length in range(len(place), 0, -1):
        key = tuple(str(part) for part in place[:length])
        if key in entries:
            return _explained_value(key, place[length:], entries[key], allowed) + more
    key = tuple(str(part) for part in place)
    return f"{dotted(key) or 'settings'} ({_origins(key, entries)}): {allowed}{more}"


def _explained_value(key: KeyPath, place: Place, entry: SettingsEntry, allowed: str) -> str:
    """One fault of a value, or of a part of it: pydantic names the kind of a receiver on the way to its keys."""
    inner: list[str | int] = []
    value: Any = entry.value
    for part in place:
        if isinstance(value, dict) and part not in value and part == value.get("kind"):
            continue
        try:
            value = value[part]
        except (TypeError, KeyError, IndexError):
            value = None
        inner.append(part)
    name = dotted(key) + "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in inner)
    where = entry.origin_of(tuple(inner))
    if inner and (value is None or isinstance(value, list | dict) or allowed.startswith("is no key")):
        return f"{name} ({where}): {allowed}"
    shown = "a value that is not shown here" if is_secret(key) else repr(value)[:120]
    return f"{name} is {shown} ({where}): {allowed}"


def _origins(section: KeyPath, entries: Mapping[KeyPath, SettingsEntry]) -> str:
    origins = sorted(entry.origin for key, entry in entries.items() if key[: len(section)] == section)
    return "; ".join(origins)
