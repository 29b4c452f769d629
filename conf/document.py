"""One YAML file of settings, read with suspicion: bounded, no aliases, no duplicate keys, no secrets."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import yaml

from conf.errors import SettingsError
from conf.keys import (
    KeyPath,
    Layer,
    Place,
    SettingsEntry,
    dotted,
    fields,
    is_list,
    is_secret,
    resembling,
    sections,
    variable,
)

DEFAULTS = Path(__file__).with_name("default.yaml")
"""The documented defaults."""

LARGEST_FILE = 1 << 20
"""Bytes; a settings file above this is not one."""

DEEPEST = 10
"""Levels; far more than the settings have, far fewer than would overflow the stack."""


def read_document(path: Path) -> Layer:
    """Values and line numbers of a YAML file; keys are checked, values are not yet.

    Raises:
        SettingsError: the file cannot be read, is not YAML or not a mapping, names a key that does not
            exist or stands twice, or holds a secret.
    """
    entries = dict(_entries(_root(_text(path), path), (), path))
    for key, entry in entries.items():
        _refuse_secret(key, entry)
    return entries


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
        if len(raw) > LARGEST_FILE:
            raise SettingsError(f"{path} is larger than {LARGEST_FILE} bytes; this is no settings file")
        return raw.decode()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}; check the path given as --config") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error


def _root(text: str, path: Path) -> yaml.Node | None:
    try:
        _refuse_bombs(text, path)
        return yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark else str(path)
        what = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise SettingsError(f"{where} is not valid YAML: {what}") from error


def _refuse_bombs(text: str, path: Path) -> None:
    """A few lines of aliases or brackets can fill the memory or the stack, so look before building."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent):
            raise SettingsError(f"{path}, line {line}: aliases (*name) are not allowed; write the value out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise SettingsError(f"{path}, line {line}: nested deeper than {DEEPEST} levels; settings never are")


def _entries(node: yaml.Node | None, above: KeyPath, path: Path) -> Iterator[tuple[KeyPath, SettingsEntry]]:
    """Flatten a tree of nodes; a section that is left empty says nothing."""
    if node is None or (above in sections() and node.tag == "tag:yaml.org,2002:null"):
        return
    origin = f"{path}, line {node.start_mark.line + 1}"
    if is_list(above):
        places: dict[Place, str] = {}
        yield above, SettingsEntry(_structure(node, above, (), path, places), origin, places)
        return
    if above not in sections():
        yield above, SettingsEntry(_scalar(node, above, origin), origin)
        return
    if not isinstance(node, yaml.MappingNode):
        what = f"{dotted(above)} ({origin})" if above else origin
        raise SettingsError(f"{what} must be a mapping of keys to values, not {_shown(node)}")
    keys: set[KeyPath] = set()
    for name, value in node.value:
        key = (*above, name.value if isinstance(name, yaml.ScalarNode) else _shown(name))
        where = f"{path}, line {name.start_mark.line + 1}"
        _refuse_unknown(key, where)
        if key in keys:
            raise SettingsError(f"{dotted(key)} ({where}) stands a second time; keep one of them")
        keys.add(key)
        yield from _entries(value, key, path)


def _structure(node: yaml.Node, key: KeyPath, place: Place, path: Path, places: dict[Place, str]) -> object:
    """A list or mapping with all that is in it; ``places`` collects where each part stands."""
    places[place] = f"{path}, line {node.start_mark.line + 1}"
    if isinstance(node, yaml.SequenceNode):
        return [_structure(part, key, (*place, number), path, places) for number, part in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return _scalar(node, key, places[place])
    values: dict[str, object] = {}
    for name, value in node.value:
        where = f"{path}, line {name.start_mark.line + 1}"
        if not isinstance(name, yaml.ScalarNode) or name.value in values:
            what = "stands a second time" if isinstance(name, yaml.ScalarNode) else "is no name"
            raise SettingsError(f"{dotted(key)}: {_shown(name)} ({where}) {what}")
        values[name.value] = _structure(value, key, (*place, name.value), path, places)
    return values


def _scalar(node: yaml.Node, key: KeyPath, origin: str) -> object:
    value: object = None
    if isinstance(node, yaml.ScalarNode):
        try:
            value = yaml.SafeLoader("").construct_object(node)
        except (yaml.YAMLError, ValueError):
            value = b""
    if isinstance(value, date):
        return node.value
    if isinstance(node, yaml.ScalarNode) and isinstance(value, str | int | float | bool | None):
        return value
    raise SettingsError(f"{dotted(key)} ({origin}) takes one plain value, not {_shown(node)}")


def _shown(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return repr(node.value[:80])
    return "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"


def _refuse_unknown(key: KeyPath, where: str) -> None:
    if key not in fields() and key not in sections():
        hint = resembling(dotted(key), [dotted(candidate) for candidate in {*fields(), *sections()} if candidate])
        raise SettingsError(f"{dotted(key)} ({where}) is no setting{hint or ';'} All keys are in {DEFAULTS}")


def _refuse_secret(key: KeyPath, entry: SettingsEntry) -> None:
    if is_secret(key) and _holds_secret(key, str(entry.value or "")):
        raise SettingsError(
            f"{dotted(key)} ({entry.origin}) holds a secret, which would end up in backups and version control; "
            f"set {variable(key)}, or name a file that holds it in {variable(key)}_FILE"
        )


def _holds_secret(key: KeyPath, text: str) -> bool:
    """A password is secret; a URL is if it carries one, in its host part or in its query."""
    if key[-1] != "url":
        return bool(text)
    try:
        url = urlsplit(text)
    except ValueError:
        return True
    return bool(url.password) or "password" in parse_qs(url.query)
