"""Settings from the documented defaults, then a file, then the environment; the last one wins."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from conf.document import DEFAULTS, read_document
from conf.environment import read_environment
from conf.errors import SettingsError
from conf.keys import Entry, KeyPath, Layer, Place, dotted, is_secret
from conf.settings import Settings


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
    given = {**(read_document(chosen) if chosen else {}), **read_environment(environ)}
    _refuse_broken_text(given)
    try:
        # Strict, so that `port: yes` is no port 1; as JSON, so that a string may still become a path.
        return Settings.model_validate_json(json.dumps(_nested({**defaults, **given})), strict=True)
    except ValidationError as error:
        raise SettingsError(_explained(error, given)) from None


def _refuse_broken_text(given: Layer) -> None:
    """Halves of surrogate pairs stand for bytes that are no text; JSON and databases refuse them."""
    for key, entry in given.items():
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


def _explained(error: ValidationError, given: Mapping[KeyPath, Entry]) -> str:
    """The first fault in words, and how many more there are."""
    faults = error.errors(include_url=False)
    place = (*faults[0]["loc"], *faults[0].get("ctx", {}).get("place", ()))
    allowed = faults[0]["msg"].removeprefix("Value error, ").removeprefix("Input ")
    others = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    if faults[0]["type"] == "extra_forbidden":
        allowed = "is no key that it has"
    for length in range(len(place), 0, -1):
        key = tuple(str(part) for part in place[:length])
        if key in given:
            return _explained_value(key, place[length:], given[key], allowed) + others
    key = tuple(str(part) for part in place)
    return f"{dotted(key) or 'settings'} ({_origins(key, given)}): {allowed}{others}"


def _explained_value(key: KeyPath, place: Place, entry: Entry, allowed: str) -> str:
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


def _origins(section: KeyPath, given: Mapping[KeyPath, Entry]) -> str:
    origins = sorted(entry.origin for key, entry in given.items() if key[: len(section)] == section)
    return "; ".join(origins)
