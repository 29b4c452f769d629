"""The keys of the settings: where they are, how the environment calls them, which are secret."""

import dataclasses
import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from conf.settings import Settings

KeyPath = tuple[str, ...]
"""A key from the outermost section to the last name: ``("stream", "kafka", "group")``."""

PREFIX = "NIGHTSHIFT_"


Place = tuple[str | int, ...]
"""Where a value stands inside a list or mapping: ``(0, "receivers", 1)``."""


@dataclass(frozen=True, slots=True)
class SettingsEntry:
    """One value as somebody wrote it, and where: ``night.yaml, line 4`` or a variable's name.

    ``places`` are the origins of what stands inside a list.
    """

    value: object
    origin: str
    places: Mapping[Place, str] = dataclasses.field(default_factory=dict)

    def origin_of(self, place: Place) -> str:
        """Where that, or what it is missing from, stands."""
        there = (self.places.get(place[:length]) for length in range(len(place), 0, -1))
        return next((origin for origin in there if origin), self.origin)


Layer = Mapping[KeyPath, SettingsEntry]
"""All values of one origin."""


def _walk(model: type[BaseModel], above: KeyPath) -> Iterator[tuple[KeyPath, FieldInfo]]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _walk(inner, (*above, name))
        else:
            yield (*above, name), field


@cache
def fields() -> Mapping[KeyPath, FieldInfo]:
    """Every key that takes a value, in the order of the model."""
    return dict(_walk(Settings, ()))


@cache
def sections() -> frozenset[KeyPath]:
    """Every key that holds other keys, the root ``()`` included."""
    return frozenset(path[:length] for path in fields() for length in range(len(path)))


def dotted(path: KeyPath) -> str:
    """The key as people write it: ``stream.kafka.group``."""
    return ".".join(path)


def variable(path: KeyPath) -> str:
    """The key as the environment calls it: ``NIGHTSHIFT_STREAM__KAFKA__GROUP``."""
    return PREFIX + "__".join(path).upper()


def is_secret(path: KeyPath) -> bool:
    """Whether the value may be a secret, and so is never shown."""
    field = fields().get(path)
    return field is not None and field.annotation is SecretStr


def is_list(path: KeyPath) -> bool:
    """Whether the value is a list of values or of mappings."""
    field = fields().get(path)
    return field is not None and get_origin(field.annotation) is tuple


def resembling(unknown: str, names: Iterator[str] | list[str]) -> str:
    """``; did you mean X?`` for the one of ``names`` that is most like the unknown one, or an empty string."""
    names = sorted(names)
    close = difflib.get_close_matches(unknown, names, n=1, cutoff=0.75)
    same_end = [name for name in names if name.rpartition(".")[2] == unknown.rpartition(".")[2]]
    similar = [*close, *same_end, *difflib.get_close_matches(unknown, names, n=1, cutoff=0.5)]
    return f"; did you mean {similar[0]}?" if similar else ""
