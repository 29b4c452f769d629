"""Settings from environment variables, and secrets from files that such variables name."""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from conf.errors import SettingsError
from conf.keys import PREFIX, Entry, KeyPath, Layer, fields, is_list, is_secret, resembling, variable

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
    entries: dict[KeyPath, Entry] = {}
    for name in sorted(environ):
        if name in by_name:
            key = by_name[name]
            entries[key] = Entry(_typed(key, environ[name]), name)
        elif name in from_file:
            key = from_file[name]
            if variable(key) in environ:
                raise SettingsError(f"{variable(key)} and {name} are both set; unset one of them")
            entries[key] = Entry(read_secret(Path(environ[name]), name), name)
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
